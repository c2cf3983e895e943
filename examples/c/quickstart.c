/* Lists an organization's directory, then waits for the webhook of a new user.
 *
 * Reads SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and SCALEKIT_WEBHOOK_SECRET. Ends after one valid and
 * one invalid request to its endpoint; `make demo` sends both.
 *
 *   cc examples/c/quickstart.c -I include -L target/release -lheadcount -o quickstart
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <headcount.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_HEADERS = 64, MAX_REQUEST = 2 << 20 };

/* Returns if the status is HC_OK. Otherwise prints the error's message and exits with 1. Takes the address of the error, because the compiler may read an
 * argument before it makes the call that sets it. */
static void check(hc_status status, hc_error **error) {
    if (status == HC_OK) return;
    fprintf(stderr, "%s: %s\n", hc_status_name(status), hc_error_message(*error));
    hc_error_free(*error);
    exit(1);
}

static void list_the_directory(hc_client *client) {
    hc_error *error = NULL;
    hc_organization_options first_five = {.struct_size = sizeof first_five, .page_size = 5};
    hc_organization_page *organizations = NULL;
    check(hc_organizations(client, &first_five, &organizations, &error), &error);
    const hc_organization *organization = hc_organization_page_at(organizations, 0);
    const char *organization_id = hc_organization_id(organization);
    printf("%llu organizations; the first is %s (%s)\n", (unsigned long long)hc_organization_page_total_size(organizations),
           hc_organization_display_name(organization), organization_id);

    hc_directory *directory = NULL;
    check(hc_directory_primary(client, organization_id, &directory, &error), &error);
    const char *directory_id = hc_directory_id(directory);
    printf("its directory is %s (%s), with %u users\n", hc_directory_name(directory), directory_id, hc_directory_total_users(directory));

    hc_user_options first_three = {.struct_size = sizeof first_three, .page_size = 3};
    hc_user_page *users = NULL;
    check(hc_directory_users(client, organization_id, directory_id, &first_three, &users, &error), &error);
    for (size_t i = 0; i < hc_user_page_len(users); i++) {
        const hc_user *user = hc_user_page_at(users, i);
        printf("  %s %s <%s>\n", hc_user_given_name(user), hc_user_family_name(user), hc_user_email(user));
    }
    hc_user_page_free(users);

    hc_user_iter *iter = NULL;
    const hc_user *user = NULL;
    size_t total = 0;
    check(hc_directory_users_iter(client, organization_id, directory_id, NULL, &iter, &error), &error);
    for (;;) {
        check(hc_user_iter_next(iter, &user, &error), &error);
        if (user == NULL) break;
        total++;
    }
    hc_user_iter_free(iter);
    printf("  … %zu in total\n", total);

    hc_group_page *groups = NULL;
    check(hc_directory_groups(client, organization_id, directory_id, NULL, &groups, &error), &error);
    printf("its groups are");
    for (size_t i = 0; i < hc_group_page_len(groups); i++) {
        printf("%s %s", i ? "," : "", hc_group_display_name(hc_group_page_at(groups, i)));
    }
    printf("\n");
    hc_group_page_free(groups);
    hc_directory_free(directory);
    hc_organization_page_free(organizations);
}

/* Reads one HTTP request into `request`, and points `headers` and `body` into it. The bytes of the body are unchanged. Returns false if the
 * request is malformed or too large, or the connection ends early. */
static bool read_request(int peer, char *request, hc_header *headers, size_t *headers_len, char **body, size_t *body_len) {
    size_t got = 0, wanted = 0;
    *body = NULL;
    while (*body == NULL || got < (size_t)(*body - request) + wanted) {
        ssize_t count = got < MAX_REQUEST ? read(peer, request + got, MAX_REQUEST - got) : 0;
        if (count <= 0) return false;
        got += (size_t)count;
        request[got] = '\0';
        char *end = *body == NULL ? strstr(request, "\r\n\r\n") : NULL;
        if (end == NULL) continue;
        *body = end + 4;
        end[2] = '\0';
        char *line = strstr(request, "\r\n") + 2;
        for (*headers_len = 0; *line != '\0' && *headers_len < MAX_HEADERS;) {
            char *colon = strchr(line, ':'), *stop = strstr(line, "\r\n");
            if (colon == NULL || stop == NULL || colon > stop) return false;
            *colon = '\0';
            const char *value = colon + 1 + strspn(colon + 1, " \t");
            headers[(*headers_len)++] = (hc_header){.name = line, .value = value, .value_len = (size_t)(stop - value)};
            if (strcasecmp(line, "content-length") == 0) wanted = strtoul(value, NULL, 10);
            line = stop + 2;
        }
    }
    *body_len = wanted;
    return true;
}

/* Handles one webhook and returns the HTTP status of the response. */
static int receive(const hc_webhook *webhook, const hc_header *headers, size_t headers_len, const char *body, size_t body_len) {
    hc_event *event = NULL;
    hc_error *error = NULL;
    if (hc_webhook_verify(webhook, headers, headers_len, body, body_len, &event, &error) != HC_OK) {
        printf("refused: %s\n", hc_error_message(error));
        hc_error_free(error);
        return 400;
    }
    const char *email = hc_event_data_at(event, "/email"); /* NULL if the data has none */
    printf("verified %s: create an account for %s\n", hc_event_type(event), email == NULL ? "(no email address)" : email);
    hc_event_free(event);
    return 201;
}

/* Answers requests until one was accepted and one was refused. */
static void serve(const hc_webhook *webhook) {
    const char *port = getenv("PORT");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(port ? atoi(port) : 0))};
    socklen_t address_len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &address_len) != 0) {
        perror("listening");
        exit(1);
    }
    printf("listening on http://127.0.0.1:%u/api/webhook/user-access\n", ntohs(address.sin_port));
    fflush(stdout);

    char *request = malloc(MAX_REQUEST + 1);
    bool accepted = false, refused = false;
    while (request != NULL && !(accepted && refused)) {
        int peer = accept(listener, NULL, NULL);
        hc_header headers[MAX_HEADERS];
        size_t headers_len = 0, body_len = 0;
        char *body = NULL;
        if (read_request(peer, request, headers, &headers_len, &body, &body_len)) {
            int status = receive(webhook, headers, headers_len, body, body_len);
            dprintf(peer, "HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status, status == 201 ? "Created" : "Bad Request");
            accepted |= status == 201;
            refused |= status == 400;
        }
        close(peer);
        fflush(stdout);
    }
    free(request);
    close(listener);
}

int main(void) {
    hc_client *client = NULL;
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    check(hc_client_from_env(NULL, &client, &error), &error);
    list_the_directory(client);
    check(hc_webhook_from_env(NULL, &webhook, &error), &error);
    serve(webhook);
    hc_webhook_free(webhook);
    hc_client_free(client);
    return 0;
}
