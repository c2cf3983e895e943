/* A mirror of a sandbox in the same process: syncs, webhooks, roles, the guard, consumers of the feed, and closing. */
#define _POSIX_C_SOURCE 200809L
#include "deliver.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static hc_sandbox *sandbox;
static hc_client *client;
static hc_webhook *webhook;
static const char *organization, *directory;
static char folder[] = "/tmp/headcount-test-XXXXXX";

/* Returns the path of a file in the folder of this run. The caller frees it. */
static char *file(const char *name) {
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    sprintf(path, "%s/%s", folder, name);
    return path;
}

static hc_mirror *open_mirror(const char *path) {
    hc_error *error = NULL;
    hc_mirror *mirror = NULL;
    hc_mirror_options options = {
        .struct_size = sizeof options, .guard_users = 3, .guard_share = 0.1, .webhook_secret = hc_sandbox_webhook_secret(sandbox)};
    WORKS(hc_mirror_open(path, client, &options, &mirror, &error));
    return mirror;
}

/* Syncs the directory, expects success, and returns the only report. */
static hc_sync_reports *sync_directory(const hc_mirror *mirror, int mode, bool approved) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    hc_sync_options options = {.struct_size = sizeof options, .mode = mode, .approve_removals = approved};
    WORKS(hc_mirror_sync(mirror, organization, directory, &options, &reports, &error));
    CHECK(hc_sync_reports_len(reports) == 1 && hc_sync_reports_at(reports, 1) == NULL);
    CHECK_TEXT(hc_sync_report_outcome(hc_sync_reports_at(reports, 0)), "done");
    return reports;
}

/* Polls and acknowledges the only change after a consumer's cursor. The caller frees its batch. */
static const hc_change *only_change(const hc_mirror *mirror, const char *consumer, hc_change_batch **batch) {
    hc_error *error = NULL;
    WORKS(hc_mirror_poll(mirror, consumer, 10, batch, &error));
    const hc_change *change = hc_change_batch_at(*batch, 0);
    CHECK(hc_change_batch_len(*batch) == 1 && hc_change_batch_at(*batch, 1) == NULL);
    WORKS(hc_mirror_ack(mirror, consumer, hc_change_seq(change), &error));
    return change;
}

/* Polls and acknowledges all changes after a consumer's cursor. */
static void catch_up(const hc_mirror *mirror, const char *consumer) {
    hc_error *error = NULL;
    size_t len;
    do {
        hc_change_batch *batch = NULL;
        WORKS(hc_mirror_poll(mirror, consumer, 1000, &batch, &error));
        len = hc_change_batch_len(batch);
        if (len > 0) WORKS(hc_mirror_ack(mirror, consumer, hc_change_seq(hc_change_batch_at(batch, len - 1)), &error));
        hc_change_batch_free(batch);
    } while (len > 0);
}

static void invalid_files_and_options_are_refused(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = NULL;
    hc_sync_reports *reports = NULL;
    char *path = file("not-a-database");
    FILE *text = fopen(path, "w");
    for (int line = 0; line < 100; line++) fputs("This is a letter, and no database.\n", text);
    fclose(text);
    REFUSED(hc_mirror_open(path, NULL, NULL, &mirror, &error), HC_STORE, "not a SQLite database");
    remove(path);
    free(path);
    REFUSED(hc_mirror_open("/no/such/folder/x.db", NULL, NULL, &mirror, &error), HC_STORE, "cannot be opened");
    CHECK(mirror == NULL);

    hc_mirror_options options = {.struct_size = sizeof options, .guard_users = -2};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_INVALID_ARGUMENT, "options.guard_users is -2");
    options = (hc_mirror_options){.struct_size = sizeof options, .guard_share = 1.5};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_INVALID_ARGUMENT, "options.guard_share is 1.5");
    options = (hc_mirror_options){.struct_size = sizeof options, .guard_events = 2};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_INVALID_ARGUMENT, "options.guard_events is 2");
    options = (hc_mirror_options){.struct_size = sizeof options, .retention_seconds = -2};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_INVALID_ARGUMENT, "options.retention_seconds is -2");
    options = (hc_mirror_options){.struct_size = sizeof options, .webhook_secret = "whsec_"};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "");
    options = (hc_mirror_options){.struct_size = sizeof options, .schema = "directories"};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "a schema is set for a mirror in a file");
    options = (hc_mirror_options){.struct_size = sizeof options, .connections = 1};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "a number of connections is set for a mirror in a file");
    options = (hc_mirror_options){.struct_size = sizeof options, .lock_timeout_ms = 1};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "a lock timeout is set for a mirror in a file");
    options = (hc_mirror_options){.struct_size = sizeof options, .statement_timeout_ms = 1};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "a statement timeout is set for a mirror in a file");
    options = (hc_mirror_options){.struct_size = sizeof options, .prepared_statements = -1};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_CONFIG, "the option for prepared statements is set for a mirror in a file");
    options.prepared_statements = 2;
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &mirror, &error), HC_INVALID_ARGUMENT, "options.prepared_statements is 2");
    options = (hc_mirror_options){.struct_size = sizeof options, .schema = "directories"};
    CHECK(hc_mirror_open("postgresql://app:hunter2@127.0.0.1:9/mirror?sslmode=sometimes", NULL, &options, &mirror, &error) == HC_CONFIG);
    CHECK(strstr(hc_error_message(error), "hunter2") == NULL);
    hc_error_free(error);
    error = NULL;

    /* A mirror without a client can be opened, but its syncs fail. */
    options = (hc_mirror_options){.struct_size = sizeof options, .guard_users = HC_GUARD_NOBODY, .guard_share = HC_GUARD_NOBODY};
    WORKS(hc_mirror_open(":memory:", NULL, &options, &mirror, &error));
    REFUSED(hc_mirror_sync(mirror, organization, directory, NULL, &reports, &error), HC_CONFIG, "no client");
    REFUSED(hc_mirror_sync_all(mirror, NULL, &reports, &error), HC_CONFIG, "no client");
    hc_mirror_free(mirror);
}

/* How often on_progress was called; the number of pages of groups in the last progress of the phase "groups"; and the number of users in that of the
 * phase "users". */
typedef struct {
    atomic_int calls, group_pages;
    atomic_llong users;
} progress;

static void on_progress(void *user_data, const hc_sync_progress *reported) {
    progress *seen = user_data;
    CHECK(reported->struct_size == sizeof *reported && reported->rate >= 0);
    CHECK_TEXT(reported->organization_id, organization);
    CHECK_TEXT(reported->directory_id, directory);
    if (strcmp(reported->phase, "groups") == 0) seen->group_pages = (int)reported->pages;
    if (strcmp(reported->phase, "users") == 0) {
        CHECK(reported->total == 40);
        seen->users = (long long)reported->items;
    }
    seen->calls++;
}

static void syncs_report_their_progress_and_results(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    progress seen = {0};
    hc_sync_options options = {.struct_size = sizeof options, .on_progress = on_progress, .progress_data = &seen, .no_wait = 1};
    WORKS(hc_mirror_sync(mirror, organization, NULL, &options, &reports, &error));
    CHECK(seen.calls >= 3 && seen.users == 40 && seen.group_pages == 1);
    const hc_sync_report *report = hc_sync_reports_at(reports, 0);
    CHECK_TEXT(hc_sync_report_organization_id(report), organization);
    CHECK_TEXT(hc_sync_report_directory_id(report), directory);
    CHECK_TEXT(hc_sync_report_mode(report), "full");
    CHECK_TEXT(hc_sync_report_outcome(report), "done");
    CHECK(strlen(hc_sync_report_run(report)) > 0);
    CHECK(strcmp(hc_sync_report_started_at(report), hc_sync_report_ended_at(report)) != 0);
    CHECK(hc_sync_report_pages(report) >= 3 && hc_sync_report_users(report) == 40 && hc_sync_report_groups(report) == 2);
    CHECK(hc_sync_report_created(report) == 40 && hc_sync_report_changes(report) >= 42);
    CHECK(hc_sync_report_updated(report) == 0 && hc_sync_report_deactivated(report) == 0 && hc_sync_report_reactivated(report) == 0);
    CHECK(hc_sync_report_deleted(report) == 0 && hc_sync_report_events(report) == 0);
    CHECK(hc_sync_report_held(report) == NULL && hc_sync_report_incomplete(report) == NULL && hc_sync_report_error(report) == NULL);
    hc_sync_reports_free(reports);

    reports = NULL;
    WORKS(hc_mirror_sync_all(mirror, NULL, &reports, &error));
    CHECK(hc_sync_reports_len(reports) == 2);
    CHECK_TEXT(hc_sync_report_mode(hc_sync_reports_at(reports, 0)), strcmp(hc_sync_report_organization_id(hc_sync_reports_at(reports, 0)), organization) == 0 ? "incremental" : "full");
    hc_sync_reports_free(reports);
    REFUSED(hc_mirror_sync(mirror, organization, "dir_0", NULL, &reports, &error), HC_NOT_FOUND, "dir_0");
    hc_plan *plan = NULL;
    uint64_t count = 7;
    REFUSED(hc_mirror_plan(mirror, organization, "dir_0", NULL, &plan, &error), HC_NOT_FOUND, "dir_0");
    options = (hc_sync_options){.struct_size = sizeof options, .mode = 7};
    REFUSED(hc_mirror_plan(mirror, organization, NULL, &options, &plan, &error), HC_INVALID_ARGUMENT, "options.mode is 7");
    progress seen_by_plan = {0};
    options = (hc_sync_options){.struct_size = sizeof options, .on_progress = on_progress, .progress_data = &seen_by_plan, .mode = HC_SYNC_FULL};
    WORKS(hc_mirror_plan(mirror, organization, NULL, &options, &plan, &error));
    CHECK(seen_by_plan.calls >= 3 && seen_by_plan.users == 40);
    CHECK_TEXT(hc_plan_outcome(plan), "done");
    CHECK(hc_plan_kinds_len(plan) == 0 && hc_plan_kinds_at(plan, 0) == NULL);
    WORKS(hc_plan_count(plan, "user.created", &count, &error));
    CHECK(count == 0);
    REFUSED(hc_plan_count(plan, "user.hired", &count, &error), HC_INVALID_ARGUMENT, "kind: expected");
    hc_plan_free(plan);
    options = (hc_sync_options){.struct_size = sizeof options, .mode = 7};
    REFUSED(hc_mirror_sync(mirror, organization, NULL, &options, &reports, &error), HC_INVALID_ARGUMENT, "options.mode is 7");
    options = (hc_sync_options){.struct_size = sizeof options, .approve_removals = 7};
    REFUSED(hc_mirror_sync(mirror, organization, NULL, &options, &reports, &error), HC_INVALID_ARGUMENT, "options.approve_removals is 7");
    CHECK(reports == NULL);
}

/* Returns the number of mirrored users of the organization: of one directory or group, or of all if an argument is NULL. */
static size_t count_users(const hc_mirror *mirror, const char *of_directory, const char *of_group) {
    hc_error *error = NULL;
    hc_mirror_user_iter *iter = NULL;
    const hc_mirror_user *user = NULL;
    size_t count = 0;
    hc_mirror_user_options options = {.struct_size = sizeof options, .directory_id = of_directory, .group_id = of_group};
    WORKS(hc_mirror_users(mirror, organization, &options, &iter, &error));
    for (;; count++) {
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
        if (user == NULL) break;
        CHECK_TEXT(hc_mirror_user_organization_id(user), organization);
    }
    WORKS(hc_mirror_user_iter_next(iter, &user, &error));
    CHECK(user == NULL);
    hc_mirror_user_iter_free(iter);
    return count;
}

static void users_groups_and_directories_can_be_read(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_mirror_user_iter *iter = NULL;
    const hc_mirror_user *first = NULL;
    hc_mirror_user *user = NULL;
    hc_mirror_user_list *users = NULL;
    CHECK(count_users(mirror, NULL, NULL) == 40 && count_users(mirror, directory, NULL) == 40);
    CHECK(count_users(mirror, "dir_0", NULL) == 0 && count_users(mirror, NULL, "dirgroup_0") == 0);

    WORKS(hc_mirror_users(mirror, organization, NULL, &iter, &error));
    WORKS(hc_mirror_user_iter_next(iter, &first, &error));
    WORKS(hc_mirror_user_get(mirror, hc_mirror_user_id(first), &user, &error));
    CHECK_TEXT(hc_mirror_user_id(user), hc_mirror_user_id(first));
    CHECK_TEXT(hc_mirror_user_directory_id(user), directory);
    CHECK_TEXT(hc_mirror_user_email(user), hc_mirror_user_email(first));
    CHECK(strlen(hc_mirror_user_given_name(user)) > 0 && strlen(hc_mirror_user_family_name(user)) > 0);
    CHECK(strlen(hc_mirror_user_preferred_username(user)) > 0);
    CHECK(hc_mirror_user_emails_len(user) >= 1 && hc_mirror_user_emails_at(user, hc_mirror_user_emails_len(user)) == NULL);
    CHECK(hc_mirror_user_active(user) && hc_mirror_user_updated_at(user) != NULL);
    CHECK(hc_mirror_user_detail(user)[0] == '{' && hc_mirror_user_attributes(user) == NULL);
    CHECK(strstr(hc_mirror_user_json(user), hc_mirror_user_email(user)) != NULL);
    CHECK(hc_mirror_user_linked_id(user) == NULL && hc_mirror_user_roles_len(user) == 0 && hc_mirror_user_vendor_roles_len(user) == 0);
    CHECK(hc_mirror_user_roles_at(user, 0) == NULL && hc_mirror_user_vendor_roles_at(user, 0) == NULL);
    WORKS(hc_mirror_find_users(mirror, hc_mirror_user_email(user), &users, &error));
    CHECK(hc_mirror_user_list_len(users) == 1);
    CHECK_TEXT(hc_mirror_user_id(hc_mirror_user_list_at(users, 0)), hc_mirror_user_id(user));
    hc_mirror_user_list_free(users);
    WORKS(hc_mirror_find_users(mirror, "nobody@example.com", &users, &error));
    CHECK(hc_mirror_user_list_len(users) == 0 && hc_mirror_user_list_at(users, 0) == NULL);
    hc_mirror_user_list_free(users);
    hc_mirror_user_free(user);
    hc_mirror_user_iter_free(iter);
    WORKS(hc_mirror_user_get(mirror, "diruser_0", &user, &error));
    CHECK(user == NULL);

    hc_mirror_group_list *groups = NULL;
    hc_mirror_group *group = NULL;
    WORKS(hc_mirror_groups(mirror, organization, NULL, &groups, &error));
    CHECK(hc_mirror_group_list_len(groups) == 2);
    const hc_mirror_group *of_list = hc_mirror_group_list_at(groups, 0);
    WORKS(hc_mirror_group_get(mirror, hc_mirror_group_id(of_list), &group, &error));
    CHECK_TEXT(hc_mirror_group_display_name(group), hc_mirror_group_display_name(of_list));
    CHECK_TEXT(hc_mirror_group_organization_id(group), organization);
    CHECK_TEXT(hc_mirror_group_directory_id(group), directory);
    CHECK(hc_mirror_group_updated_at(group) != NULL && strstr(hc_mirror_group_json(group), hc_mirror_group_id(group)) != NULL);
    hc_mirror_group_free(group);
    WORKS(hc_mirror_group_get(mirror, "dirgroup_0", &group, &error));
    CHECK(group == NULL);
    hc_mirror_group_list_free(groups);
    WORKS(hc_mirror_groups(mirror, organization, "dir_0", &groups, &error));
    CHECK(hc_mirror_group_list_len(groups) == 0);
    hc_mirror_group_list_free(groups);

    hc_mirror_directory_list *directories = NULL;
    WORKS(hc_mirror_directories(mirror, NULL, &directories, &error));
    CHECK(hc_mirror_directory_list_len(directories) == 2);
    hc_mirror_directory_list_free(directories);
    WORKS(hc_mirror_directories(mirror, organization, &directories, &error));
    CHECK(hc_mirror_directory_list_len(directories) == 1);
    const hc_mirror_directory *one = hc_mirror_directory_list_at(directories, 0);
    CHECK_TEXT(hc_mirror_directory_id(one), directory);
    CHECK_TEXT(hc_mirror_directory_organization_id(one), organization);
    CHECK(hc_mirror_directory_enabled(one) && strlen(hc_mirror_directory_name(one)) > 0);
    CHECK(strlen(hc_mirror_directory_type(one)) > 0 && strlen(hc_mirror_directory_provider(one)) > 0);
    hc_mirror_directory_list_free(directories);
}

static void a_queued_request_is_verified_as_of_its_arrival(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_outcome outcome = HC_OUTCOME_NONE;
    hc_signed_headers *made = NULL;
    const char *body = "{\"id\":\"evt_queued\",\"type\":\"user.login\",\"occurred_at\":\"2023-11-14T22:13:20Z\",\"data\":{}}";
    int64_t arrived = 1700000000;
    WORKS(hc_webhook_sign(webhook, body, strlen(body), "msg_queued", &arrived, &made, &error));
    const char *id = hc_signed_headers_id(made), *time = hc_signed_headers_timestamp(made), *signature = hc_signed_headers_signature(made);
    hc_header headers[] = {
        {"webhook-id", id, strlen(id)}, {"webhook-timestamp", time, strlen(time)}, {"webhook-signature", signature, strlen(signature)}};
    REFUSED(hc_mirror_receive(mirror, headers, 3, body, strlen(body), &outcome, &error), HC_WEBHOOK_VERIFICATION, "seconds ago");
    REFUSED(hc_mirror_receive_at(mirror, headers, 3, body, strlen(body), arrived + 301, &outcome, &error), HC_WEBHOOK_VERIFICATION, "");
    WORKS(hc_mirror_receive_at(mirror, headers, 3, body, strlen(body), arrived + 300, &outcome, &error));
    CHECK_TEXT(hc_outcome_name(outcome), "ignored");
    hc_signed_headers_free(made);
}

/* Webhooks that are forged, applied, duplicate, stale (older than one that was applied) and ignored, and the changes that they make. */
static void webhooks_are_applied_once_and_in_order(const hc_mirror *mirror) {
    a_queued_request_is_verified_as_of_its_arrival(mirror);
    hc_error *error = NULL;
    hc_user *ada = NULL, *changed = NULL;
    hc_sandbox_user fields = {.struct_size = sizeof fields, .email = "ada@example.com", .given_name = "Ada", .family_name = "Lovelace"};
    WORKS(hc_sandbox_create_user(sandbox, &fields, &ada, &error));
    forge(mirror, webhook, sandbox, 0);
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 0), "applied");
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 0), "duplicate");
    catch_up(mirror, "app");

    WORKS(hc_mirror_link(mirror, hc_user_id(ada), "acct_42", &error));
    REFUSED(hc_mirror_link(mirror, "diruser_0", "acct_43", &error), HC_NOT_FOUND, "no such user");
    REFUSED(hc_mirror_protect(mirror, hc_user_id(ada), "", &error), HC_INVALID_ARGUMENT, "the reason has 0 bytes");
    REFUSED(hc_mirror_protect(mirror, "diruser_0", "last admin", &error), HC_NOT_FOUND, "no such user");
    REFUSED(hc_mirror_unprotect(mirror, "diruser_0", &error), HC_NOT_FOUND, "no such user");
    fields = (hc_sandbox_user){.struct_size = sizeof fields, .family_name = "King"};
    WORKS(hc_sandbox_update_user(sandbox, hc_user_id(ada), &fields, &changed, &error));
    hc_user_free(changed);
    fields = (hc_sandbox_user){.struct_size = sizeof fields, .active = -1};
    WORKS(hc_sandbox_update_user(sandbox, hc_user_id(ada), &fields, &changed, &error));
    hc_user_free(changed);
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 2), "applied");
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 1), "stale");

    hc_change_batch *batch = NULL;
    WORKS(hc_mirror_poll(mirror, "app", 10, &batch, &error));
    CHECK(hc_change_batch_len(batch) == 2);
    const hc_change *change = hc_change_batch_at(batch, 1);
    CHECK_TEXT(hc_change_kind(change), "user.deactivated");
    CHECK_TEXT(hc_change_organization_id(change), organization);
    CHECK_TEXT(hc_change_directory_id(change), directory);
    CHECK(hc_change_fields_len(change) == 1 && hc_change_fields_at(change, 1) == NULL);
    CHECK_TEXT(hc_change_fields_at(change, 0), "active");
    CHECK(hc_change_seq(change) == hc_change_seq(hc_change_batch_at(batch, 0)) + 1);
    CHECK(strncmp(hc_change_cause(change), "event:evt_", 10) == 0 && hc_change_at(change)[4] == '-');
    CHECK(hc_mirror_user_active(hc_change_before_user(change)) && !hc_mirror_user_active(hc_change_after_user(change)));
    CHECK_TEXT(hc_mirror_user_linked_id(hc_change_user(change)), "acct_42");
    CHECK_TEXT(hc_mirror_user_family_name(hc_change_user(change)), "King");
    CHECK(hc_change_group(change) == NULL && hc_change_before_group(change) == NULL && hc_change_after_group(change) == NULL);
    CHECK(strncmp(hc_change_json(change), "{\"seq\":", 7) == 0 && strstr(hc_change_json(change), "\"before\":{\"id\":\"diruser_") != NULL);
    CHECK(strstr(hc_change_json(change), "\"kind\":\"user.deactivated\"") != NULL && hc_change_json(change) == hc_change_json(change));
    hc_change_batch_free(batch);
    catch_up(mirror, "app");

    /* An event that the application has verified itself, of a type that the mirror ignores. */
    hc_text *body = NULL;
    hc_signed_headers *made = NULL;
    hc_event *event = NULL;
    hc_outcome outcome = HC_OUTCOME_NONE;
    WORKS(hc_sandbox_event_body("role.created", NULL, &body, &error));
    WORKS(hc_webhook_sign(webhook, hc_text_value(body), hc_text_len(body), NULL, NULL, &made, &error));
    hc_header headers[] = {
        {"webhook-id", hc_signed_headers_id(made), strlen(hc_signed_headers_id(made))},
        {"webhook-timestamp", hc_signed_headers_timestamp(made), strlen(hc_signed_headers_timestamp(made))},
        {"webhook-signature", hc_signed_headers_signature(made), strlen(hc_signed_headers_signature(made))},
    };
    WORKS(hc_webhook_verify(webhook, headers, 3, hc_text_value(body), hc_text_len(body), &event, &error));
    WORKS(hc_mirror_apply(mirror, event, &outcome, &error));
    CHECK(outcome == HC_OUTCOME_IGNORED);
    CHECK_TEXT(hc_outcome_name(HC_OUTCOME_PENDING), "pending");
    CHECK_TEXT(hc_outcome_name(99), "unknown");
    hc_event_free(event);
    hc_signed_headers_free(made);
    hc_text_free(body);

    WORKS(hc_mirror_link(mirror, hc_user_id(ada), NULL, &error));
    WORKS(hc_sandbox_delete_user(sandbox, hc_user_id(ada), &error));
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 3), "applied");
    change = only_change(mirror, "app", &batch);
    CHECK_TEXT(hc_change_kind(change), "user.deleted");
    CHECK(hc_change_after_user(change) == NULL && hc_change_before_user(change) != NULL);
    CHECK_TEXT(hc_mirror_user_email(hc_change_user(change)), "ada@example.com");
    CHECK(hc_mirror_user_linked_id(hc_change_user(change)) == NULL);
    hc_change_batch_free(batch);
    hc_user_free(ada);
}

static void roles_follow_the_role_map_and_memberships(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_group *crew = NULL;
    hc_user *bea = NULL;
    hc_role_map *map = NULL;
    hc_change_batch *batch = NULL;
    const char *groups[] = {"Crew"};
    WORKS(hc_sandbox_create_group(sandbox, "Crew", NULL, NULL, &crew, &error));
    hc_sandbox_user fields = {.struct_size = sizeof fields, .email = "bea@example.com", .groups = groups, .groups_len = 1};
    WORKS(hc_sandbox_create_user(sandbox, &fields, &bea, &error));
    hc_sync_reports_free(sync_directory(mirror, HC_SYNC_FULL, false));
    CHECK(count_users(mirror, NULL, hc_group_id(crew)) == 1);
    catch_up(mirror, "app");

    hc_role_pair pairs[] = {{"Cr?w", "sailor"}, {hc_group_id(crew), "mate"}};
    WORKS(hc_mirror_set_role_map(mirror, pairs, 2, &error));
    WORKS(hc_mirror_role_map(mirror, &map, &error));
    CHECK(hc_role_map_len(map) == 2 && hc_role_map_group_at(map, 2) == NULL && hc_role_map_role_at(map, 2) == NULL);
    CHECK_TEXT(hc_role_map_group_at(map, 0), "Cr?w");
    CHECK_TEXT(hc_role_map_role_at(map, 1), "mate");
    hc_role_map_free(map);
    const hc_change *change = only_change(mirror, "app", &batch);
    CHECK_TEXT(hc_change_kind(change), "roles.changed");
    CHECK_TEXT(hc_change_cause(change), "roles");
    CHECK(hc_mirror_user_roles_len(hc_change_before_user(change)) == 0 && hc_mirror_user_roles_len(hc_change_user(change)) == 2);
    CHECK_TEXT(hc_mirror_user_roles_at(hc_change_user(change), 0), "mate");
    CHECK_TEXT(hc_mirror_user_group_ids_at(hc_change_user(change), 0), hc_group_id(crew));
    hc_change_batch_free(batch);

    WORKS(hc_sandbox_remove_member(sandbox, hc_group_id(crew), hc_user_id(bea), &error));
    hc_sync_reports_free(sync_directory(mirror, HC_SYNC_FULL, false));
    WORKS(hc_mirror_poll(mirror, "app", 10, &batch, &error));
    const hc_change *removed = NULL;
    for (size_t i = 0; i < hc_change_batch_len(batch); i++) {
        if (strcmp(hc_change_kind(hc_change_batch_at(batch, i)), "membership.removed") == 0) removed = hc_change_batch_at(batch, i);
    }
    CHECK(removed != NULL && hc_change_before_user(removed) == NULL && hc_change_after_user(removed) == NULL);
    CHECK_TEXT(hc_mirror_group_display_name(hc_change_group(removed)), "Crew");
    CHECK_TEXT(hc_mirror_user_email(hc_change_user(removed)), "bea@example.com");
    hc_change_batch_free(batch);
    WORKS(hc_mirror_set_role_map(mirror, NULL, 0, &error));
    catch_up(mirror, "app");
    hc_user_free(bea);
    hc_group_free(crew);
}

/* Eight of forty-one users are deleted. The guard permits four removals without approval. */
static void removals_beyond_the_limit_are_held_until_approved(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_mirror_user_iter *iter = NULL;
    WORKS(hc_mirror_users(mirror, organization, NULL, &iter, &error));
    for (int gone = 0; gone < 8; gone++) {
        const hc_mirror_user *user = NULL;
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
        WORKS(hc_sandbox_delete_user(sandbox, hc_mirror_user_id(user), &error));
    }
    hc_mirror_user_iter_free(iter);

    hc_sync_reports *reports = NULL;
    hc_sync_options options = {.struct_size = sizeof options, .mode = HC_SYNC_FULL};
    CHECK(hc_mirror_sync(mirror, organization, directory, &options, &reports, &error) == HC_MASS_REMOVAL && reports == NULL);
    CHECK(hc_error_removals_count(error) == 8 && hc_error_removals_limit(error) == 4);
    CHECK_TEXT(hc_error_removals_directory_id(error), directory);
    CHECK(hc_error_removals_user_ids_len(error) == 8 && hc_error_removals_user_ids_at(error, 8) == NULL);
    CHECK(strncmp(hc_error_removals_user_ids_at(error, 0), "diruser_", 8) == 0);
    hc_text_list *ids = NULL;
    hc_error *none = NULL;
    CHECK(hc_mirror_held_removals(mirror, directory, &ids, &none) == HC_OK && hc_text_list_len(ids) == 8 && hc_text_list_at(ids, 8) == NULL);
    CHECK_TEXT(hc_text_list_at(ids, 0), hc_error_removals_user_ids_at(error, 0));
    hc_text_list_free(ids);
    hc_error_free(error);
    error = NULL;

    hc_mirror_directory_status_list *statuses = NULL;
    WORKS(hc_mirror_status(mirror, &statuses, &error));
    CHECK(hc_mirror_directory_status_list_len(statuses) == 2);
    const hc_mirror_directory_status *status = hc_mirror_directory_status_list_at(statuses, 0);
    if (strcmp(hc_mirror_directory_id(hc_mirror_directory_status_directory(status)), directory) != 0) status = hc_mirror_directory_status_list_at(statuses, 1);
    const hc_hold *held = hc_mirror_directory_status_held(status);
    CHECK_TEXT(hc_hold_reason(held), "mass_removal");
    CHECK(hc_hold_count(held) == 8 && hc_hold_limit(held) == 4);
    CHECK(strncmp(hc_hold_causes_at(held, 0), "sync:", 5) == 0 && hc_hold_since(held) != NULL);
    CHECK(hc_mirror_directory_status_users(status) == 41 && hc_mirror_directory_status_groups(status) == 3);
    CHECK(hc_mirror_directory_status_last_full_sync(status) != NULL && hc_mirror_directory_status_watermark(status) != NULL);
    CHECK(hc_mirror_directory_status_last_incremental_sync(status) != NULL && hc_mirror_directory_status_pending_events(status) == 0);
    hc_mirror_directory_status_list_free(statuses);

    uint64_t count = 7;
    CHECK(hc_mirror_approve(mirror, "hold_1", "ops", NULL, &count, &error) == HC_INVALID_ARGUMENT && count == 0);
    hc_error_free(error);
    error = NULL;
    CHECK(hc_mirror_approve(mirror, "hold_1_1", "ops", NULL, &count, &error) == HC_NOT_FOUND && count == 0);
    hc_error_free(error);
    error = NULL;
    reports = sync_directory(mirror, HC_SYNC_FULL, true);
    CHECK(hc_sync_report_deleted(hc_sync_reports_at(reports, 0)) == 8);
    hc_sync_reports_free(reports);
    CHECK(count_users(mirror, NULL, NULL) == 33);
}

/* Waits for changes of the consumer "app", and returns them. Runs on a thread. */
static void *wait_for_changes(void *of) {
    hc_error *error = NULL;
    hc_change_batch *batch = NULL;
    WORKS(hc_mirror_wait(of, "app", 10, HC_WAIT_FOREVER, &batch, &error));
    return batch;
}

static void consumers_read_acknowledge_park_and_start_from_a_snapshot(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_change_batch *batch = NULL;
    bool dropped = true;
    catch_up(mirror, "app");
    WORKS(hc_mirror_wait(mirror, "app", 10, 0, &batch, &error));
    CHECK(hc_change_batch_len(batch) == 0);
    hc_change_batch_free(batch);
    WORKS(hc_mirror_wait(mirror, "app", 10, 20, &batch, &error));
    CHECK(hc_change_batch_len(batch) == 0);
    hc_change_batch_free(batch);
    REFUSED(hc_mirror_wait(mirror, "app", 10, -2, &batch, &error), HC_INVALID_ARGUMENT, "timeout_ms");
    REFUSED(hc_mirror_poll(mirror, "app", 0, &batch, &error), HC_INVALID_ARGUMENT, "limit is 0");
    REFUSED(hc_mirror_poll(mirror, "", 1, &batch, &error), HC_INVALID_ARGUMENT, "name");
    REFUSED(hc_mirror_ack(mirror, "stranger", 1, &error), HC_INVALID_ARGUMENT, "no consumer");
    REFUSED(hc_mirror_ack(mirror, "app", INT64_MAX, &error), HC_INVALID_ARGUMENT, "no change has the number");

    /* A waiting consumer receives a change, whether it is committed before or after the call. */
    pthread_t waiter;
    void *woken = NULL;
    hc_group *pilots = NULL;
    CHECK(pthread_create(&waiter, NULL, wait_for_changes, (void *)mirror) == 0);
    WORKS(hc_sandbox_create_group(sandbox, "Pilots", NULL, NULL, &pilots, &error));
    hc_sync_reports_free(sync_directory(mirror, HC_SYNC_FULL, false));
    CHECK(pthread_join(waiter, &woken) == 0 && hc_change_batch_len(woken) >= 1);
    const hc_change *change = hc_change_batch_at(woken, 0);
    CHECK_TEXT(hc_change_kind(change), "group.created");
    CHECK_TEXT(hc_mirror_group_display_name(hc_change_after_group(change)), "Pilots");
    CHECK(hc_change_before_group(change) == NULL && hc_change_user(change) == NULL);

    /* Changes that are not acknowledged are returned again; parked changes are not, and are listed. */
    int64_t seq = hc_change_seq(change);
    WORKS(hc_mirror_poll(mirror, "app", 10, &batch, &error));
    CHECK(hc_change_seq(hc_change_batch_at(batch, 0)) == seq);
    hc_change_batch_free(batch);
    WORKS(hc_mirror_park(mirror, "app", seq, "no room for pilots", &error));
    hc_parked_list *parked = NULL;
    WORKS(hc_mirror_parked_changes(mirror, "app", &parked, &error));
    CHECK(hc_parked_list_len(parked) == 1 && hc_parked_list_at(parked, 1) == NULL);
    const hc_parked_change *first_parked = hc_parked_list_at(parked, 0);
    CHECK_TEXT(hc_parked_change_reason(first_parked), "no room for pilots");
    CHECK(hc_parked_change_at(first_parked) != NULL && hc_change_seq(hc_parked_change_change(first_parked)) == seq);
    hc_parked_list_free(parked);

    hc_consumer_list *known = NULL;
    WORKS(hc_mirror_consumers(mirror, &known, &error));
    CHECK(hc_consumer_list_len(known) == 1 && hc_consumer_list_at(known, 1) == NULL);
    const hc_consumer *app = hc_consumer_list_at(known, 0);
    CHECK_TEXT(hc_consumer_name(app), "app");
    CHECK(hc_consumer_cursor(app) == seq && hc_consumer_lag(app) == 0 && hc_consumer_parked(app) == 1);
    CHECK(hc_consumer_seen_at(app) != NULL);
    hc_consumer_list_free(known);
    WORKS(hc_mirror_drop_parked(mirror, "app", seq, &dropped, &error));
    CHECK(dropped);
    WORKS(hc_mirror_drop_parked(mirror, "app", seq, &dropped, &error));
    CHECK(!dropped);
    hc_change_batch_free(woken);

    /* A consumer that starts from a snapshot receives the four groups and the users. */
    WORKS(hc_mirror_start_from_snapshot(mirror, "late", &error));
    size_t groups = 0, users = 0;
    for (;;) {
        WORKS(hc_mirror_poll(mirror, "late", 7, &batch, &error));
        size_t len = hc_change_batch_len(batch);
        for (size_t i = 0; i < len; i++) {
            change = hc_change_batch_at(batch, i);
            CHECK(hc_change_seq(change) < 0 && strcmp(hc_change_cause(change), "snapshot") == 0);
            if (strcmp(hc_change_organization_id(change), organization) != 0) continue;
            groups += strcmp(hc_change_kind(change), "group.created") == 0;
            users += strcmp(hc_change_kind(change), "user.created") == 0;
        }
        if (len > 0) WORKS(hc_mirror_ack(mirror, "late", hc_change_seq(hc_change_batch_at(batch, len - 1)), &error));
        hc_change_batch_free(batch);
        if (len == 0) break;
    }
    CHECK(groups == 4 && users == 33);
    WORKS(hc_mirror_trim(mirror, &error));
    WORKS(hc_mirror_drop_consumer(mirror, "late", &dropped, &error));
    CHECK(dropped);
    WORKS(hc_mirror_drop_consumer(mirror, "late", &dropped, &error));
    CHECK(!dropped);
    hc_group_free(pilots);
}

/* Syncs until the mirror is closed. Runs on a thread. */
static void *sync_until_closed(void *mirror) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    REFUSED(hc_mirror_sync(mirror, organization, directory, NULL, &reports, &error), HC_CANCELLED, "closed");
    CHECK(reports == NULL);
    return NULL;
}

/* The server of this test accepts connections and never answers: without hc_mirror_close, the sync would run until the deadline of its call. */
static void closing_a_mirror_ends_its_sync(const char *path) {
    hc_error *error = NULL;
    hc_client *stalled = NULL;
    hc_mirror *mirror = NULL;
    hc_sync_reports *reports = NULL;
    pthread_t thread;
    char url[64];
    int listener = socket(AF_INET, SOCK_STREAM, 0), accepted;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    hc_client_options options = {
        .struct_size = sizeof options, .environment_url = url, .client_id = "skc_1", .client_secret = "secret", .timeout_ms = 600000};
    WORKS(hc_client_new(&options, &stalled, &error));
    WORKS(hc_mirror_open(path, stalled, NULL, &mirror, &error));
    alarm(60);
    CHECK(pthread_create(&thread, NULL, sync_until_closed, mirror) == 0);
    /* Waits until the sync is running: its first request has reached the server. */
    accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    WORKS(hc_mirror_close(mirror, &error));
    pthread_join(thread, NULL);
    alarm(0);
    hc_mirror_free(mirror);
    hc_client_free(stalled);
    close(accepted);
    close(listener);
    /* The sync has released its lease, so another one can run at once. */
    mirror = open_mirror(path);
    hc_sync_options at_once = {.struct_size = sizeof at_once, .no_wait = true};
    WORKS(hc_mirror_sync(mirror, organization, directory, &at_once, &reports, &error));
    CHECK_TEXT(hc_sync_report_outcome(hc_sync_reports_at(reports, 0)), "done");
    hc_sync_reports_free(reports);
    hc_mirror_free(mirror);
}

int main(void) {
    hc_error *error = NULL;
    hc_sandbox_options options = {.struct_size = sizeof options, .seed = 5, .organizations = 2, .users = 40, .groups = 2};
    CHECK(mkdtemp(folder) != NULL);
    WORKS(hc_sandbox_new(&options, &sandbox, &error));
    WORKS(hc_sandbox_register_endpoint(sandbox, UNREACHABLE_ENDPOINT, &error));
    const char *secret = hc_sandbox_webhook_secret(sandbox);
    WORKS(hc_webhook_new(&secret, 1, NULL, &webhook, &error));
    organization = hc_sandbox_organization_id(sandbox);
    directory = hc_sandbox_directory_id(sandbox);
    client = client_of(sandbox);
    invalid_files_and_options_are_refused();

    char *path = file("headcount.db");
    hc_mirror *mirror = open_mirror(path);
    syncs_report_their_progress_and_results(mirror);
    users_groups_and_directories_can_be_read(mirror);
    webhooks_are_applied_once_and_in_order(mirror);
    roles_follow_the_role_map_and_memberships(mirror);
    removals_beyond_the_limit_are_held_until_approved(mirror);
    hc_mirror_free(mirror);
    /* After the mirror is opened again, it has the same users. */
    mirror = open_mirror(path);
    CHECK(count_users(mirror, NULL, NULL) == 33);
    consumers_read_acknowledge_park_and_start_from_a_snapshot(mirror);
    hc_mirror_free(mirror);
    closing_a_mirror_ends_its_sync(path);

    static const char *const files[] = {"headcount.db", "headcount.db-wal", "headcount.db-shm"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *name = file(files[i]);
        remove(name);
        free(name);
    }
    CHECK(rmdir(folder) == 0);
    free(path);
    hc_client_free(client);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    return closing_line("test_mirror");
}
