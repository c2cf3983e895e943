/* The asynchronous calls: the result of each, invalid arguments, calls from a callback, cancellation from another thread, and calls from several
 * threads. The last test checks what an observer receives about a client. */
#define _POSIX_C_SOURCE 200809L
#include "control.h"
#include <pthread.h>

static const char *organization_id, *directory_id;

/* Number of running calls and of results so far, and the last result: its status, a text and a number of items. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int running, results;
    hc_status last;
    char text[64];
    size_t items;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static char data; /* Its address is the user_data of all calls. */

/* Checks that a call was started, and counts it. */
static void started(hc_status status) {
    CHECK(status == HC_OK);
    pthread_mutex_lock(&state.lock);
    state.running++;
    pthread_mutex_unlock(&state.lock);
}

/* Waits until no call is running. `running` is negative while a call has ended that started() has not counted yet. */
static void wait_for_results(void) {
    pthread_mutex_lock(&state.lock);
    while (state.running != 0) pthread_cond_wait(&state.changed, &state.lock);
    pthread_mutex_unlock(&state.lock);
}

/* Checks and stores the result of a call, and frees the error. */
static void record_result(void *user_data, hc_status status, const void *value, const char *text, size_t items, hc_error *error) {
    pthread_mutex_lock(&state.lock);
    CHECK(user_data == &data);
    CHECK((status == HC_OK) == (error == NULL) && (status == HC_OK || value == NULL));
    CHECK(hc_error_status(error) == status);
    state.last = status;
    snprintf(state.text, sizeof state.text, "%s", text ? text : "");
    state.items = items;
    state.running--;
    state.results++;
    pthread_cond_signal(&state.changed);
    pthread_mutex_unlock(&state.lock);
    hc_error_free(error);
}

static void on_organizations(void *user_data, hc_status status, hc_organization_page *page, hc_error *error) {
    record_result(user_data, status, page, hc_organization_page_next_page_token(page), hc_organization_page_len(page), error);
    hc_organization_page_free(page);
}

static void on_organization(void *user_data, hc_status status, hc_organization *organization, hc_error *error) {
    record_result(user_data, status, organization, hc_organization_id(organization), 1, error);
    hc_organization_free(organization);
}

static void on_done(void *user_data, hc_status status, hc_error *error) {
    record_result(user_data, status, NULL, NULL, 0, error);
}

static void on_link(void *user_data, hc_status status, hc_portal_link *link, hc_error *error) {
    record_result(user_data, status, link, hc_portal_link_id(link), 1, error);
    hc_portal_link_free(link);
}

static void on_directories(void *user_data, hc_status status, hc_directory_list *list, hc_error *error) {
    record_result(user_data, status, list, hc_directory_id(hc_directory_list_at(list, 0)), hc_directory_list_len(list), error);
    hc_directory_list_free(list);
}

static void on_directory(void *user_data, hc_status status, hc_directory *directory, hc_error *error) {
    record_result(user_data, status, directory, hc_directory_id(directory), 1, error);
    hc_directory_free(directory);
}

static void on_toggle(void *user_data, hc_status status, hc_directory_toggle *toggle, hc_error *error) {
    record_result(user_data, status, toggle, NULL, hc_directory_toggle_enabled(toggle), error);
    hc_directory_toggle_free(toggle);
}

static void on_users(void *user_data, hc_status status, hc_user_page *page, hc_error *error) {
    record_result(user_data, status, page, hc_user_page_next_page_token(page), hc_user_page_len(page), error);
    hc_user_page_free(page);
}

static void on_groups(void *user_data, hc_status status, hc_group_page *page, hc_error *error) {
    record_result(user_data, status, page, hc_group_page_next_page_token(page), hc_group_page_len(page), error);
    hc_group_page_free(page);
}

/* Starts a call, waits for its result and checks the status, and after HC_OK the text and the number of items as well. */
#define CHECK_RESULT(call, expected, text_, items_) \
    do {                                            \
        started(call);                              \
        wait_for_results();                         \
        CHECK(state.last == (expected));            \
        if ((expected) == HC_OK) {                  \
            CHECK_TEXT(state.text, (text_));        \
            CHECK(state.items == (items_));         \
        }                                           \
    } while (0)

static void every_asynchronous_call_passes_its_result_to_its_callback(hc_client *client) {
    const char *org = organization_id, *dir = directory_id;
    hc_organization_options fifteen = {.struct_size = sizeof fifteen, .page_size = 15};
    started(hc_organizations_async(client, &fifteen, on_organizations, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && state.items == 15 && state.text[0] == 0);
    CHECK_RESULT(hc_organization_get_async(client, org, on_organization, &data, NULL), HC_OK, org, 1);
    CHECK_RESULT(hc_organization_get_by_external_id_async(client, "tenant_1", on_organization, &data, NULL), HC_OK, org, 1);
    hc_organization_fields fields = {.struct_size = sizeof fields, .display_name = "Söhne", .external_id = "t_9"};
    started(hc_organization_create_async(client, &fields, on_organization, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK);
    char created_id[64];
    snprintf(created_id, sizeof created_id, "%s", state.text);
    fields.display_name = "Töchter";
    CHECK_RESULT(hc_organization_update_async(client, created_id, &fields, on_organization, &data, NULL), HC_OK, created_id, 1);
    CHECK_RESULT(hc_organization_update_by_external_id_async(client, "t_9", &fields, on_organization, &data, NULL), HC_OK, created_id, 1);
    hc_feature feature = {.name = "sso", .enabled = false};
    CHECK_RESULT(hc_organization_update_settings_async(client, created_id, &feature, 1, on_organization, &data, NULL), HC_OK, created_id, 1);
    const char *name = "sso";
    started(hc_organization_generate_portal_link_async(client, created_id, &name, 1, on_link, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && strncmp(state.text, "lnk_", 4) == 0);
    CHECK_RESULT(hc_organization_delete_async(client, created_id, on_done, &data, NULL), HC_OK, "", 0);
    CHECK_RESULT(hc_organization_delete_async(client, created_id, on_done, &data, NULL), HC_NOT_FOUND, "", 0);
    CHECK_RESULT(hc_organization_get_async(client, created_id, on_organization, &data, NULL), HC_NOT_FOUND, "", 0);
    CHECK_RESULT(hc_directories_async(client, org, on_directories, &data, NULL), HC_OK, dir, 1);
    CHECK_RESULT(hc_directory_get_async(client, org, dir, on_directory, &data, NULL), HC_OK, dir, 1);
    CHECK_RESULT(hc_directory_primary_async(client, org, on_directory, &data, NULL), HC_OK, dir, 1);
    CHECK_RESULT(hc_directory_disable_async(client, org, dir, on_toggle, &data, NULL), HC_OK, "", 0);
    CHECK_RESULT(hc_directory_enable_async(client, org, dir, on_toggle, &data, NULL), HC_OK, "", 1);
    hc_user_options thirty = {.struct_size = sizeof thirty, .page_size = 30};
    started(hc_directory_users_async(client, org, dir, &thirty, on_users, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && state.items == 30 && state.text[0] != 0);
    thirty.page_token = state.text;
    started(hc_directory_users_async(client, org, dir, &thirty, on_users, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && state.items == 30);
    started(hc_directory_groups_async(client, org, dir, NULL, on_groups, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && state.items == 5);
}

static void invalid_arguments_are_refused_and_the_callback_is_not_called(hc_client *client) {
    int before = state.results;
    hc_error *error = NULL;
    REFUSED(hc_organization_get_async(client, NULL, on_organization, &data, &error), HC_INVALID_ARGUMENT, "organization_id is NULL");
    REFUSED(hc_organization_get_async(NULL, "org_1", on_organization, &data, &error), HC_INVALID_ARGUMENT, "client is NULL");
    REFUSED(hc_organization_get_async(client, "org_1", NULL, &data, &error), HC_INVALID_ARGUMENT, "callback is NULL");
    REFUSED(hc_organization_delete_async(client, "org_1", NULL, &data, &error), HC_INVALID_ARGUMENT, "callback is NULL");
    REFUSED(hc_organization_get_async(client, "caf\xe9", on_organization, &data, &error), HC_INVALID_ARGUMENT, "not valid UTF-8");
    REFUSED(hc_organization_create_async(client, NULL, on_organization, &data, &error), HC_INVALID_ARGUMENT, "fields is NULL");
    hc_organization_fields nameless = {.struct_size = sizeof nameless};
    REFUSED(hc_organization_create_async(client, &nameless, on_organization, &data, &error), HC_INVALID_ARGUMENT, "display_name");
    hc_user_options invalid = {.struct_size = sizeof invalid, .updated_after = "yesterday"};
    REFUSED(hc_directory_users_async(client, "org_1", "dir_1", &invalid, on_users, &data, &error), HC_INVALID_ARGUMENT, "updated_after");
    invalid.struct_size = 3;
    REFUSED(hc_directory_users_async(client, "org_1", "dir_1", &invalid, on_users, &data, &error), HC_INVALID_ARGUMENT, "struct_size");
    CHECK(hc_directory_users_async(client, "org_1", NULL, NULL, on_users, &data, NULL) == HC_INVALID_ARGUMENT);
    /* An error that occurs after the function has returned is passed to the callback. */
    CHECK_RESULT(hc_organization_get_async(client, "", on_organization, &data, NULL), HC_INVALID_ARGUMENT, "", 0);
    CHECK(state.results == before + 1);
}

/* The client of request_next_page, and the number of users that it has received. */
static struct {
    hc_client *client;
    size_t users;
} walk;

/* A callback that requests the page of users after the one that it receives. Checks that a blocking call is refused in it. */
static void request_next_page(void *user_data, hc_status status, hc_user_page *page, hc_error *error) {
    hc_user_page *other = NULL;
    hc_status blocking = hc_directory_users(walk.client, organization_id, directory_id, NULL, &other, NULL);
    CHECK(blocking == HC_INVALID_ARGUMENT && other == NULL);
    walk.users += hc_user_page_len(page);
    const char *next = hc_user_page_next_page_token(page);
    if (status == HC_OK && next[0] != 0) {
        hc_user_options options = {.struct_size = sizeof options, .page_size = 30, .page_token = next};
        CHECK(hc_directory_users_async(walk.client, organization_id, directory_id, &options, request_next_page, user_data, NULL) == HC_OK);
        hc_user_page_free(page);
        return;
    }
    record_result(user_data, status, page, NULL, 0, error);
    hc_user_page_free(page);
}

static void a_callback_can_start_calls_and_its_blocking_calls_are_refused(hc_client *client) {
    walk.client = client;
    hc_user_options options = {.struct_size = sizeof options, .page_size = 30};
    started(hc_directory_users_async(client, organization_id, directory_id, &options, request_next_page, &data, NULL));
    wait_for_results();
    CHECK(state.last == HC_OK && walk.users == strtoul(setting("SANDBOX_USERS"), NULL, 10));
}

static void *cancel_on_another_thread(void *cancel) {
    CHECK(hc_cancel_cancel(cancel, NULL) == HC_OK);
    return NULL;
}

static void cancelling_ends_asynchronous_calls(hc_client *client) {
    hc_error *error = NULL;
    hc_cancel *cancel = NULL;
    hc_client *with = NULL;
    WORKS(hc_cancel_new(&cancel, &error));
    hc_call_options options = {.struct_size = sizeof options, .cancel = cancel};
    WORKS(hc_client_with(client, &options, &with, &error));
    fault("latency:60s", 1);
    for (int i = 0; i < 20; i++) {
        started(hc_organization_get_async(with, organization_id, on_organization, &data, NULL));
    }
    hc_client_free(with);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancel_on_another_thread, cancel) == 0);
    wait_for_results();
    CHECK(state.last == HC_CANCELLED);
    pthread_join(thread, NULL);
    hc_cancel_free(cancel);
    end_faults();
}

/* Runs on each of four threads. */
static void *start_fifty_calls(void *client) {
    for (int i = 0; i < 50; i++) started(hc_organization_get_async(client, organization_id, on_organization, &data, NULL));
    return NULL;
}

static void several_threads_can_start_calls(hc_client *client) {
    pthread_t threads[4];
    int before = state.results;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, start_fifty_calls, client) == 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    wait_for_results();
    CHECK(state.results == before + 200 && state.last == HC_OK);
}

/* Numbers of activities that the observer received, by kind: `failed` counts the requests with status 503. `bytes` is the sum of the requests' bytes. */
static struct {
    pthread_mutex_t lock;
    int requests, retries, tokens, failed;
    uint64_t bytes;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void observe(void *user_data, const hc_activity *activity) {
    pthread_mutex_lock(&seen.lock);
    CHECK(user_data == &seen && activity->struct_size == sizeof *activity && activity->attempt >= 1);
    CHECK(strstr(activity->message, activity->route) != NULL && strstr(activity->message, organization_id) == NULL);
    if (strcmp(activity->kind, "request") == 0) {
        seen.requests++;
        seen.bytes += activity->bytes;
        seen.failed += activity->error == HC_SERVER && activity->http_status == 503;
        CHECK(activity->wait_ms == -1);
    } else if (strcmp(activity->kind, "retry") == 0) {
        seen.retries++;
        CHECK_TEXT(activity->level, "info");
        CHECK_TEXT(activity->method, "GET");
        CHECK_TEXT(activity->operation, "get organization");
        CHECK(activity->wait_ms >= 0);
    } else if (strcmp(activity->kind, "token_renewed") == 0) {
        seen.tokens++;
    }
    pthread_mutex_unlock(&seen.lock);
}

static void an_observer_receives_each_activity(void) {
    hc_client_options options = {.struct_size = sizeof options, .retry_base_ms = 1, .observer = observe, .observer_data = &seen};
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_from_env(&options, &client, &error));
    fault("503", 2);
    for (int i = 0; i < 3; i++) {
        hc_organization *organization = NULL;
        WORKS(hc_organization_get(client, organization_id, &organization, &error));
        hc_organization_free(organization);
    }
    end_faults();
    CHECK(seen.tokens == 1 && seen.retries >= 1 && seen.failed == seen.retries);
    CHECK((uint64_t)seen.requests == hc_client_requests(client) && (uint64_t)seen.retries == hc_client_retries(client));
    CHECK(seen.bytes == hc_client_bytes(client));
    hc_client_free(client);
}

int main(void) {
    organization_id = setting("SANDBOX_ORGANIZATION_ID");
    directory_id = setting("SANDBOX_DIRECTORY_ID");
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_from_env(NULL, &client, &error));
    every_asynchronous_call_passes_its_result_to_its_callback(client);
    invalid_arguments_are_refused_and_the_callback_is_not_called(client);
    a_callback_can_start_calls_and_its_blocking_calls_are_refused(client);
    cancelling_ends_asynchronous_calls(client);
    several_threads_can_start_calls(client);
    hc_client_free(client);
    an_observer_receives_each_activity();
    return closing_line("test_callback");
}
