/* Uses an installed headcount against a sandbox of its own: lists users, mirrors them, and verifies a webhook. */
#include <headcount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns if the status is HC_OK. Otherwise prints the error's message and exits with 1. Takes the address of the error, because the compiler may read an
 * argument before it makes the call that sets it. */
static void check(hc_status status, hc_error **error) {
    if (status == HC_OK) return;
    fprintf(stderr, "%s: %s\n", hc_status_name(status), hc_error_message(*error));
    hc_error_free(*error);
    exit(1);
}

static size_t listed(const hc_client *client, const hc_sandbox *sandbox) {
    hc_error *error = NULL;
    hc_user_iter *users = NULL;
    const hc_user *user = NULL;
    size_t count = 0;
    check(hc_directory_users_iter(client, hc_sandbox_organization_id(sandbox), hc_sandbox_directory_id(sandbox), NULL, &users, &error), &error);
    for (;;) {
        check(hc_user_iter_next(users, &user, &error), &error);
        if (user == NULL) break;
        count++;
    }
    hc_user_iter_free(users);
    return count;
}

static size_t mirrored(const hc_client *client, const hc_sandbox *sandbox, const char *path) {
    hc_error *error = NULL;
    hc_mirror *mirror = NULL;
    hc_sync_reports *reports = NULL;
    hc_mirror_user_iter *users = NULL;
    const hc_mirror_user *user = NULL;
    size_t count = 0;
    check(hc_mirror_open(path, client, NULL, &mirror, &error), &error);
    check(hc_mirror_sync_all(mirror, NULL, &reports, &error), &error);
    hc_sync_reports_free(reports);
    check(hc_mirror_users(mirror, hc_sandbox_organization_id(sandbox), NULL, &users, &error), &error);
    for (;;) {
        check(hc_mirror_user_iter_next(users, &user, &error), &error);
        if (user == NULL) break;
        count++;
    }
    hc_mirror_user_iter_free(users);
    hc_mirror_free(mirror);
    return count;
}

/* Returns the result of verifying this body with the signature of another one, or of the same one. */
static hc_status verified(const hc_webhook *webhook, const char *signed_body, const char *body) {
    hc_error *error = NULL;
    hc_signed_headers *made = NULL;
    hc_event *event = NULL;
    check(hc_webhook_sign(webhook, signed_body, strlen(signed_body), NULL, NULL, &made, &error), &error);
    const char *names[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    const char *values[] = {hc_signed_headers_id(made), hc_signed_headers_timestamp(made), hc_signed_headers_signature(made)};
    hc_header headers[3];
    for (size_t i = 0; i < 3; i++) {
        headers[i].name = names[i];
        headers[i].value = values[i];
        headers[i].value_len = strlen(values[i]);
    }
    hc_status status = hc_webhook_verify(webhook, headers, 3, body, strlen(body), &event, &error);
    hc_error_free(error);
    hc_event_free(event);
    hc_signed_headers_free(made);
    return status;
}

int main(int argc, char **argv) {
    hc_error *error = NULL;
    hc_sandbox *sandbox = NULL;
    hc_client *client = NULL;
    hc_webhook *webhook = NULL;
    hc_text *body = NULL;
    hc_sandbox_options sizes = {.struct_size = sizeof sizes, .users = 12};
    hc_client_options settings = {.struct_size = sizeof settings};
    if (argc != 2) {
        fprintf(stderr, "expected the path of a mirror\n");
        return 2;
    }
    check(hc_sandbox_new(&sizes, &sandbox, &error), &error);
    settings.environment_url = hc_sandbox_environment_url(sandbox);
    settings.client_id = hc_sandbox_client_id(sandbox);
    settings.client_secret = hc_sandbox_client_secret(sandbox);
    check(hc_client_new(&settings, &client, &error), &error);
    const char *secret = hc_sandbox_webhook_secret(sandbox);
    check(hc_webhook_new(&secret, 1, NULL, &webhook, &error), &error);
    check(hc_sandbox_event_body("organization.directory.user_created", NULL, &body, &error), &error);

    printf("headcount %s\n", hc_version());
    printf("%zu users listed\n", listed(client, sandbox));
    printf("%zu users mirrored\n", mirrored(client, sandbox, argv[1]));
    printf("genuine webhook: %s\n", hc_status_name(verified(webhook, hc_text_value(body), hc_text_value(body))));
    printf("forged webhook: %s\n", hc_status_name(verified(webhook, "{}", hc_text_value(body))));

    hc_text_free(body);
    hc_webhook_free(webhook);
    hc_client_free(client);
    hc_sandbox_free(sandbox);
    return 0;
}
