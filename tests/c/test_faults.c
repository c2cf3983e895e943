/* Lists ten thousand users from a server that fails every seventh request, first with the library's retries, so that no call fails,
 * and then without retries, where the caller repeats each call that failed. Each user is listed once. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

/* Compares two texts, for qsort. */
static int by_text(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Checks that an error is one of those that run.py's FAULTS cause, and frees it. */
static void check_error(hc_error *error) {
    hc_status status = hc_error_status(error);
    int http = hc_error_http_status(error);
    CHECK((status == HC_RATE_LIMIT && http == 429) || (status == HC_SERVER && (http == 500 || http == 503)) || status == HC_CONNECTION);
    hc_error_free(error);
}

/* Lists all users, checks that each is listed once, and returns the number of calls that failed. */
static size_t failures_while_listing(uint32_t max_attempts, size_t total) {
    hc_client_options options = {.struct_size = sizeof options, .timeout_ms = 60000, .max_attempts = max_attempts};
    hc_client *client = NULL;
    hc_error *error = NULL;
    hc_user_iter *iter = NULL;
    WORKS(hc_client_from_env(&options, &client, &error));
    const char *organization = setting("SANDBOX_ORGANIZATION_ID"), *directory = setting("SANDBOX_DIRECTORY_ID");
    WORKS(hc_directory_users_iter(client, organization, directory, NULL, &iter, &error));

    char **ids = calloc(total + 1, sizeof *ids);
    size_t count = 0, failures = 0;
    while (count <= total && failures < total) {
        const hc_user *user = NULL;
        hc_status status = hc_user_iter_next(iter, &user, &error);
        if (status != HC_OK) {
            CHECK(user == NULL);
            check_error(error);
            failures++;
        } else if (user == NULL) {
            break;
        } else {
            ids[count++] = strdup(hc_user_id(user));
        }
    }
    CHECK(count == total);
    qsort(ids, count, sizeof *ids, by_text);
    size_t twice = 0;
    for (size_t i = 1; i < count; i++) twice += strcmp(ids[i - 1], ids[i]) == 0;
    CHECK(twice == 0);
    for (size_t i = 0; i < count; i++) free(ids[i]);
    free(ids);
    hc_user_iter_free(iter);
    hc_client_free(client);
    printf("  %zu users with %u attempts a call: %zu failures reached the caller\n", count, max_attempts, failures);
    return failures;
}

int main(void) {
    size_t total = strtoul(setting("SANDBOX_USERS"), NULL, 10);
    CHECK(failures_while_listing(5, total) == 0);
    CHECK(failures_while_listing(1, total) > 0);
    return closing_line("test_faults");
}
