/* A sandbox in the same process: it sends webhooks to an endpoint of this program, which verifies them; its REST API; its faults; and bodies of events. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int listener, port;

static void listen_on_a_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 16) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    port = ntohs(address.sin_port);
}

/* Receives the next request, answers it with `status` and returns its event. */
static hc_event *next_event(const hc_webhook *webhook, const char *status) {
    char request[16384], answer[128];
    size_t got = 0, headers_len = 0, body_len = 0;
    char *body = NULL;
    hc_header headers[32];
    hc_event *event = NULL;
    hc_error *error = NULL;
    int connection = accept(listener, NULL, NULL);
    CHECK(connection >= 0);
    do {
        ssize_t part = read(connection, request + got, sizeof request - got - 1);
        if (part <= 0) break;
        got += (size_t)part;
        request[got] = 0;
        if (body == NULL && (body = strstr(request, "\r\n\r\n")) != NULL) {
            body += 4;
            const char *length = strstr(request, "content-length: ");
            body_len = length ? (size_t)atol(length + 16) : 0;
        }
    } while (body == NULL || (size_t)(request + got - body) < body_len);
    CHECK(body != NULL);
    if (body == NULL) exit(2);
    for (char *line = strstr(request, "\r\n") + 2; line < body - 2 && headers_len < 32; headers_len++) {
        char *end = strstr(line, "\r\n"), *colon = strchr(line, ':');
        *colon = 0;
        headers[headers_len] = (hc_header){line, colon + 2, (size_t)(end - colon - 2)};
        line = end + 2;
    }
    WORKS(hc_webhook_verify(webhook, headers, headers_len, body, body_len, &event, &error));
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", status);
    CHECK(write(connection, answer, (size_t)length) == length);
    close(connection);
    return event;
}

/* Waits until the deliveries contain `what`, and returns them. When the endpoint has sent an answer, the sandbox may not have recorded it yet. */
static hc_text *deliveries_containing(const hc_sandbox *sandbox, const char *what) {
    hc_error *error = NULL;
    for (;;) {
        hc_text *deliveries = NULL;
        WORKS(hc_sandbox_deliveries(sandbox, &deliveries, &error));
        CHECK(strlen(hc_text_value(deliveries)) == hc_text_len(deliveries));
        if (strstr(hc_text_value(deliveries), what) != NULL) return deliveries;
        hc_text_free(deliveries);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* The endpoint answers the first webhook with status 500, so it is sent again five seconds later. Only a committed message counts as handled. Then each
 * other kind of change is made. */
static void every_change_is_delivered_until_the_endpoint_accepts_it(hc_sandbox *sandbox, hc_webhook *webhook, hc_replay_guard *guard) {
    hc_error *error = NULL;
    hc_user *user = NULL;
    bool again = true;
    const char *groups[] = {"Pilots"};
    hc_group *group = NULL;
    WORKS(hc_sandbox_create_group(sandbox, "Pilots", NULL, NULL, &group, &error));
    hc_sandbox_user new_user = {.struct_size = sizeof new_user,
                                .email = "ada@example.com",
                                .given_name = "Ada",
                                .family_name = "King",
                                .groups = groups,
                                .groups_len = 1};
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/webhooks", port);
    WORKS(hc_sandbox_register_endpoint(sandbox, url, &error));
    WORKS(hc_sandbox_create_user(sandbox, &new_user, &user, &error));
    CHECK_TEXT(hc_user_email(user), "ada@example.com");

    hc_event *event = next_event(webhook, "500 Handling Failed");
    CHECK_TEXT(hc_event_type(event), "organization.directory.user_created");
    CHECK_TEXT(hc_event_data_at(event, "/groups/0/name"), "Pilots");
    WORKS(hc_replay_guard_check(guard, event, &again, &error));
    CHECK(!again);
    char *message_id = strdup(hc_event_message_id(event));
    hc_event_free(event);
    hc_text *deliveries = deliveries_containing(sandbox, "\"status\":500");
    CHECK(strstr(hc_text_value(deliveries), message_id) != NULL);
    hc_text_free(deliveries);

    /* The vendor's second attempt is five seconds after the first. */
    WORKS(hc_sandbox_advance(sandbox, 5, &error));
    event = next_event(webhook, "201 Created");
    CHECK_TEXT(hc_event_message_id(event), message_id);
    WORKS(hc_replay_guard_check(guard, event, &again, &error));
    CHECK(!again);
    WORKS(hc_replay_guard_commit(guard, event, &error));
    WORKS(hc_replay_guard_check(guard, event, &again, &error));
    CHECK(again);
    hc_event_free(event);
    hc_text_free(deliveries_containing(sandbox, "\"state\":\"delivered\""));

    /* All other changes of a user, and those of a group. */
    hc_user *changed = NULL;
    hc_sandbox_user change = {.struct_size = sizeof change, .family_name = "Lovelace", .active = -1};
    WORKS(hc_sandbox_update_user(sandbox, hc_user_id(user), &change, &changed, &error));
    CHECK_TEXT(hc_user_family_name(changed), "Lovelace");
    CHECK_TEXT(hc_user_given_name(changed), "Ada");
    hc_user_free(changed);
    event = next_event(webhook, "201 Created");
    CHECK_TEXT(hc_event_data_at(event, "/active"), "false");
    CHECK_TEXT(hc_event_data_at(event, "/groups/0/name"), "Pilots");
    WORKS(hc_replay_guard_check(guard, event, &again, &error));
    CHECK(!again);
    hc_event_free(event);

    WORKS(hc_sandbox_remove_member(sandbox, hc_group_id(group), hc_user_id(user), &error));
    event = next_event(webhook, "201 Created");
    CHECK(hc_event_data_at(event, "/groups/0") == NULL);
    hc_event_free(event);
    WORKS(hc_sandbox_add_member(sandbox, hc_group_id(group), hc_user_id(user), &error));
    event = next_event(webhook, "201 Created");
    CHECK_TEXT(hc_event_data_at(event, "/groups/0/name"), "Pilots");
    hc_event_free(event);
    /* An empty list removes the user from all groups. */
    change = (hc_sandbox_user){.struct_size = sizeof change, .groups = groups};
    WORKS(hc_sandbox_update_user(sandbox, hc_user_id(user), &change, &changed, &error));
    CHECK(hc_user_groups_len(changed) == 0);
    hc_user_free(changed);
    hc_event_free(next_event(webhook, "201 Created"));

    /* Values that are refused for a new user or group are refused in a change as well. */
    hc_group *renamed = NULL;
    change = (hc_sandbox_user){.struct_size = sizeof change, .email = "ada", .active = -1};
    REFUSED(hc_sandbox_update_user(sandbox, hc_user_id(user), &change, &changed, &error), HC_BAD_REQUEST, "email: expected an address");
    REFUSED(hc_sandbox_update_group(sandbox, hc_group_id(group), "", &renamed, &error), HC_BAD_REQUEST, "display_name: expected a name");

    WORKS(hc_sandbox_update_group(sandbox, hc_group_id(group), "Aviators", &renamed, &error));
    CHECK_TEXT(hc_group_display_name(renamed), "Aviators");
    hc_group_free(renamed);
    event = next_event(webhook, "201 Created");
    CHECK_TEXT(hc_event_type(event), "organization.directory.group_updated");
    hc_event_free(event);
    WORKS(hc_sandbox_delete_group(sandbox, hc_group_id(group), &error));
    hc_event_free(next_event(webhook, "201 Created"));
    WORKS(hc_sandbox_delete_user(sandbox, hc_user_id(user), &error));
    event = next_event(webhook, "201 Created");
    CHECK_TEXT(hc_event_type(event), "organization.directory.user_deleted");
    hc_event_free(event);
    free(message_id);
    hc_group_free(group);
    hc_user_free(user);
}

static void a_client_lists_users_and_its_calls_fail_while_faults_are_set(hc_sandbox *sandbox) {
    hc_error *error = NULL;
    hc_client *client = NULL;
    hc_user_page *page = NULL;
    hc_client_options options = {.struct_size = sizeof options,
                                 .environment_url = hc_sandbox_environment_url(sandbox),
                                 .client_id = hc_sandbox_client_id(sandbox),
                                 .client_secret = hc_sandbox_client_secret(sandbox),
                                 .max_attempts = 1};
    const char *organization = hc_sandbox_organization_id(sandbox), *directory = hc_sandbox_directory_id(sandbox);
    WORKS(hc_client_new(&options, &client, &error));
    WORKS(hc_directory_users(client, organization, directory, NULL, &page, &error));
    CHECK(hc_user_page_total_size(page) == 7);
    hc_user_page_free(page);
    const char *faults[] = {"503", "500"};
    WORKS(hc_sandbox_fault(sandbox, faults, 2, 1, &error));
    REFUSED(hc_directory_users(client, organization, directory, NULL, &page, &error), HC_SERVER, "");
    WORKS(hc_sandbox_fault(sandbox, NULL, 0, 1, &error));
    WORKS(hc_directory_users(client, organization, directory, NULL, &page, &error));
    hc_user_page_free(page);
    hc_client_free(client);
    CHECK(strncmp(hc_sandbox_control_url(sandbox), hc_sandbox_environment_url(sandbox), strlen(hc_sandbox_environment_url(sandbox))) == 0);
}

static void an_event_body_is_created_without_a_sandbox(const hc_webhook *webhook) {
    hc_error *error = NULL;
    hc_text *body = NULL;
    hc_signed_headers *made = NULL;
    hc_event *event = NULL;
    WORKS(hc_sandbox_event_body("scalekit.dir.user.create",
                                "{\"id\":\"evt_1\",\"organization_id\":\"org_7\",\"data\":{\"email\":\"ada@example.com\"}}", &body, &error));
    const char *json = hc_text_value(body);
    WORKS(hc_webhook_sign(webhook, json, hc_text_len(body), "msg_1", NULL, &made, &error));
    const char *time = hc_signed_headers_timestamp(made), *signature = hc_signed_headers_signature(made);
    hc_header headers[] = {
        {"interceptor-id", "msg_1", 5},
        {"interceptor-timestamp", time, strlen(time)},
        {"interceptor-signature", signature, strlen(signature)},
    };
    WORKS(hc_webhook_verify(webhook, headers, 3, json, hc_text_len(body), &event, &error));
    CHECK_TEXT(hc_event_message_id(event), "msg_1");
    CHECK_TEXT(hc_event_id(event), "evt_1");
    CHECK_TEXT(hc_event_type(event), "organization.directory.user_created");
    CHECK_TEXT(hc_event_data_at(event, "/organization_id"), "org_7");
    CHECK_TEXT(hc_event_data_at(event, "/email"), "ada@example.com");
    hc_event_free(event);
    hc_signed_headers_free(made);
    hc_text_free(body);
    WORKS(hc_sandbox_event_body("role.created", NULL, &body, &error));
    CHECK(strstr(hc_text_value(body), "\"role.created\"") != NULL);
    hc_text_free(body);
}

int main(void) {
    hc_error *error = NULL;
    hc_sandbox *sandbox = NULL;
    hc_webhook *webhook = NULL;
    hc_replay_guard *guard = NULL;
    hc_sandbox_options options = {.struct_size = sizeof options, .seed = 3, .users = 7, .groups = HC_SANDBOX_NONE};
    WORKS(hc_sandbox_new(&options, &sandbox, &error));
    const char *secret = hc_sandbox_webhook_secret(sandbox);
    WORKS(hc_webhook_new(&secret, 1, NULL, &webhook, &error));
    WORKS(hc_replay_guard_new(NULL, &guard, &error));
    listen_on_a_free_port();
    a_client_lists_users_and_its_calls_fail_while_faults_are_set(sandbox);
    every_change_is_delivered_until_the_endpoint_accepts_it(sandbox, webhook, guard);
    an_event_body_is_created_without_a_sandbox(webhook);
    close(listener);
    hc_replay_guard_free(guard);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    return closing_line("test_sandbox");
}
