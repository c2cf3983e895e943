/* Calls for operators: pending events, decisions about holds, retirements, settings, the entries of the role map, unbinding, the mirror's id, copies,
 * backups and reconciliation;
 * and a mirror in PostgreSQL, if MIRROR_URL and MIRROR_SCHEMA are set. */
#define _POSIX_C_SOURCE 200809L
#include "deliver.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static hc_sandbox *sandbox;
static hc_client *client;
static hc_webhook *webhook;
static const char *organization, *directory;

/* Opens a mirror with these options. Sets struct_size and the webhook secret. */
static hc_mirror *open_mirror(const char *path, const hc_mirror_options *given) {
    hc_error *error = NULL;
    hc_mirror *mirror = NULL;
    hc_mirror_options options = *given;
    options.struct_size = sizeof options;
    options.webhook_secret = hc_sandbox_webhook_secret(sandbox);
    WORKS(hc_mirror_open(path, client, &options, &mirror, &error));
    return mirror;
}

/* Runs a full sync of the organization. */
static void full_sync(const hc_mirror *mirror) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    hc_sync_options options = {.struct_size = sizeof options, .mode = HC_SYNC_FULL};
    WORKS(hc_mirror_sync(mirror, organization, NULL, &options, &reports, &error));
    hc_sync_reports_free(reports);
}

static hc_pending_event_list *pending_events(const hc_mirror *mirror, const char *organization_id) {
    hc_error *error = NULL;
    hc_pending_event_list *events = NULL;
    WORKS(hc_mirror_pending_events(mirror, organization_id, &events, &error));
    return events;
}

/* Before the first sync of a directory, an event about one of its users is pending. */
static void a_pending_event_is_listed_until_a_sync_applies_it(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    hc_user *ada = NULL;
    hc_sandbox_user fields = {.struct_size = sizeof fields, .email = "ada@example.com"};
    WORKS(hc_sandbox_create_user(sandbox, &fields, &ada, &error));
    CHECK_TEXT(deliver(mirror, webhook, sandbox, 0), "pending");

    hc_pending_event_list *events = pending_events(mirror, organization);
    CHECK(hc_pending_event_list_len(events) == 1 && hc_pending_event_list_at(events, 1) == NULL);
    const hc_pending_event *event = hc_pending_event_list_at(events, 0);
    CHECK(strncmp(hc_pending_event_id(event), "evt_", 4) == 0);
    CHECK_TEXT(hc_pending_event_event_type(event), "organization.directory.user_created");
    CHECK(hc_pending_event_received_at(event) != NULL && strlen(hc_pending_event_why(event)) > 0);
    hc_pending_event_list_free(events);
    events = pending_events(mirror, "org_0");
    CHECK(hc_pending_event_list_len(events) == 0);
    hc_pending_event_list_free(events);

    full_sync(mirror);
    events = pending_events(mirror, organization);
    CHECK(hc_pending_event_list_len(events) == 0);
    hc_pending_event_list_free(events);
    hc_user_free(ada);
    hc_mirror_free(mirror);
}

static void settings_that_are_not_set_have_their_defaults(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){.guard_users = 3, .consumer_expiry_seconds = 86400});
    hc_settings *settings = NULL;
    WORKS(hc_mirror_settings(mirror, &settings, &error));
    CHECK(hc_guard_settings_users(hc_settings_guard(settings)) == 3);
    CHECK(hc_settings_consumer_expiry_ms(settings) == 86400000);

    CHECK(hc_guard_settings_share(hc_settings_guard(settings)) == 0.1);
    CHECK(hc_guard_settings_events(hc_settings_guard(settings)));
    CHECK(hc_guard_settings_window_ms(hc_settings_guard(settings)) == 86400000);
    CHECK(hc_settings_full_every_ms(settings) == 86400000);
    CHECK(hc_settings_retention_ms(settings) == 2592000000);
    CHECK(hc_settings_pending_events(settings) == 10000);
    CHECK(hc_settings_pending_bytes(settings) == 67108864);
    CHECK(hc_settings_groups_per_user(settings) == 10000);
    CHECK(hc_settings_fields_len(settings) == 8);
    CHECK_TEXT(hc_settings_fields_at(settings, 0), "email");
    CHECK(hc_settings_ignored_len(settings) == 0);
    hc_settings_free(settings);
    hc_mirror_free(mirror);
}

static void only_listed_fields_are_stored(void) {
    hc_error *error = NULL;
    const char *const names[] = {"given_name"};
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){.fields = names, .fields_len = 1});
    hc_settings *settings = NULL;
    WORKS(hc_mirror_settings(mirror, &settings, &error));
    CHECK(hc_settings_fields_len(settings) == 1);
    CHECK_TEXT(hc_settings_fields_at(settings, 0), "given_name");
    hc_settings_free(settings);

    hc_mirror_options none = {.struct_size = sizeof none, .fields = names, .fields_len = 0};
    WORKS(hc_mirror_configure(mirror, &none, &error));
    WORKS(hc_mirror_settings(mirror, &settings, &error));
    CHECK(hc_settings_fields_len(settings) == 0);
    hc_settings_free(settings);

    const char *const unknown[] = {"mail"}, *const twice[] = {"email", "email"}, *const missing[] = {NULL};
    hc_mirror_options invalid = {.struct_size = sizeof invalid, .fields = unknown, .fields_len = 1};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "got \"mail\"");
    invalid.fields = twice;
    invalid.fields_len = 2;
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "once");
    invalid.fields = missing;
    invalid.fields_len = 1;
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.fields[0]");
    invalid.fields = NULL;
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.fields");
    hc_mirror_free(mirror);
}

static void invalid_settings_are_refused(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    hc_mirror_options invalid = {.struct_size = sizeof invalid, .guard_share = 2};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.guard_share is 2");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .consumer_expiry_seconds = -2};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.consumer_expiry_seconds is -2");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .deletion_grace_seconds = -2};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.deletion_grace_seconds is -2");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .deletion_grace_seconds = 400000000};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "10 years");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .webhook_secret = "whsec_"};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.webhook_secret is set");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .schema = "directories"};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.schema is set: expected NULL");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .connections = 1};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.connections is set: expected 0");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .lock_timeout_ms = 1};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.lock_timeout_ms is set: expected 0");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .statement_timeout_ms = 1};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.statement_timeout_ms is set: expected 0");
    invalid = (hc_mirror_options){.struct_size = sizeof invalid, .prepared_statements = -1};
    REFUSED(hc_mirror_configure(mirror, &invalid, &error), HC_INVALID_ARGUMENT, "options.prepared_statements is set: expected 0");
    hc_mirror_free(mirror);
}

/* A handle that is opened later with another value has the stored one, and lists its own as ignored. */
static void configured_settings_are_in_effect_for_every_handle_of_the_store(void) {
    hc_error *error = NULL;
    char folder[] = "/tmp/headcount-test-XXXXXX", path[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/headcount.db", folder);
    hc_mirror *mirror = open_mirror(path, &(hc_mirror_options){.guard_users = 3, .consumer_expiry_seconds = 86400});
    hc_mirror_options change = {.struct_size = sizeof change,
                                .guard_users = HC_GUARD_NOBODY,
                                .consumer_expiry_seconds = HC_CONSUMERS_NEVER_EXPIRE,
                                .pending_events = 7};
    WORKS(hc_mirror_configure(mirror, &change, &error));

    hc_mirror *later = open_mirror(path, &(hc_mirror_options){.guard_users = 50});
    hc_settings *settings = NULL;
    WORKS(hc_mirror_settings(later, &settings, &error));
    CHECK(hc_guard_settings_users(hc_settings_guard(settings)) == 0);
    CHECK(hc_settings_consumer_expiry_ms(settings) == -1);
    CHECK(hc_settings_pending_events(settings) == 7);
    CHECK(hc_settings_full_every_ms(settings) == 86400000);
    CHECK(hc_settings_ignored_len(settings) == 1);
    const hc_ignored_setting *ignored = hc_settings_ignored_at(settings, 0);
    CHECK_TEXT(hc_ignored_setting_name(ignored), "guard_users");
    CHECK_TEXT(hc_ignored_setting_stored(ignored), "0");
    CHECK_TEXT(hc_ignored_setting_asked(ignored), "50");
    hc_settings_free(settings);
    hc_mirror_free(later);
    hc_mirror_free(mirror);
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", NULL}; *suffix != NULL; suffix++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, *suffix);
        remove(name);
    }
    CHECK(rmdir(folder) == 0);
}

/* Returns whether a mirrored user has a role. */
static bool has_role(const hc_mirror *mirror, const char *id, const char *role) {
    hc_error *error = NULL;
    hc_mirror_user *user = NULL;
    WORKS(hc_mirror_user_get(mirror, id, &user, &error));
    bool found = false;
    for (size_t i = 0; i < hc_mirror_user_roles_len(user); i++) found |= strcmp(hc_mirror_user_roles_at(user, i), role) == 0;
    hc_mirror_user_free(user);
    return found;
}

static void role_map_entries_match_groups_by_id_or_name(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    hc_group *crew = NULL;
    hc_user *bea = NULL;
    const char *groups[] = {"Crew"};
    WORKS(hc_sandbox_create_group(sandbox, "Crew", NULL, NULL, &crew, &error));
    hc_sandbox_user fields = {.struct_size = sizeof fields, .email = "bea@example.com", .groups = groups, .groups_len = 1};
    WORKS(hc_sandbox_create_user(sandbox, &fields, &bea, &error));
    full_sync(mirror);

    hc_role_entry entries[] = {
        {.key = HC_ROLE_BY_ID, .group = hc_group_id(crew), .role = "by-id"},
        {.key = HC_ROLE_BY_NAME, .group = hc_group_id(crew), .role = "misnamed"},
        {.group = "Cr*", .role = "here", .organization_id = organization},
        {.group = "Cr*", .role = "elsewhere", .organization_id = "org_0"},
    };
    WORKS(hc_mirror_set_role_map_entries(mirror, entries, 4, &error));
    CHECK(has_role(mirror, hc_user_id(bea), "by-id") && has_role(mirror, hc_user_id(bea), "here"));
    CHECK(!has_role(mirror, hc_user_id(bea), "misnamed") && !has_role(mirror, hc_user_id(bea), "elsewhere"));

    hc_role_map_entry_list *stored = NULL;
    WORKS(hc_mirror_role_map_entries(mirror, &stored, &error));
    CHECK(hc_role_map_entry_list_len(stored) == 4 && hc_role_map_entry_list_at(stored, 4) == NULL);
    CHECK_TEXT(hc_role_map_entry_key(hc_role_map_entry_list_at(stored, 0)), "id");
    CHECK_TEXT(hc_role_map_entry_key(hc_role_map_entry_list_at(stored, 2)), "name");
    CHECK_TEXT(hc_role_map_entry_group(hc_role_map_entry_list_at(stored, 2)), "Cr*");
    CHECK_TEXT(hc_role_map_entry_organization_id(hc_role_map_entry_list_at(stored, 2)), organization);
    CHECK(hc_role_map_entry_organization_id(hc_role_map_entry_list_at(stored, 0)) == NULL);
    hc_role_map_entry_list_free(stored);
    WORKS(hc_mirror_unmatched_roles(mirror, &stored, &error));
    CHECK(hc_role_map_entry_list_len(stored) == 2);
    CHECK_TEXT(hc_role_map_entry_role(hc_role_map_entry_list_at(stored, 0)), "misnamed");
    CHECK_TEXT(hc_role_map_entry_role(hc_role_map_entry_list_at(stored, 1)), "elsewhere");
    hc_role_map_entry_list_free(stored);

    entries[1].key = 3;
    REFUSED(hc_mirror_set_role_map_entries(mirror, entries, 4, &error), HC_INVALID_ARGUMENT, "entries[1].key is 3");
    entries[1] = (hc_role_entry){.reserved = 1, .group = "g", .role = "r"};
    REFUSED(hc_mirror_set_role_map_entries(mirror, entries, 4, &error), HC_INVALID_ARGUMENT, "entries[1].reserved");
    entries[1] = (hc_role_entry){.group = "", .role = "r"};
    REFUSED(hc_mirror_set_role_map_entries(mirror, entries, 4, &error), HC_INVALID_ARGUMENT, "group");
    WORKS(hc_mirror_set_role_map_entries(mirror, NULL, 0, &error));
    CHECK(!has_role(mirror, hc_user_id(bea), "here"));
    hc_user_free(bea);
    hc_group_free(crew);
    hc_mirror_free(mirror);
}

/* The guard permits no removal without approval. A user is deleted, and the hold is approved; a second user is deleted, and the hold is dismissed. Then
 * the directory is retired. */
static void decisions_are_recorded(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){.guard_users = HC_GUARD_NOBODY, .guard_share = HC_GUARD_NOBODY});
    hc_approval_list *approvals = NULL;
    hc_retirement_list *retirements = NULL;
    full_sync(mirror);
    for (int round = 0; round < 2; round++) {
        hc_mirror_user_iter *iter = NULL;
        const hc_mirror_user *user = NULL;
        WORKS(hc_mirror_users(mirror, organization, NULL, &iter, &error));
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
        WORKS(hc_sandbox_delete_user(sandbox, hc_mirror_user_id(user), &error));
        hc_mirror_user_iter_free(iter);
        hc_sync_reports *reports = NULL;
        hc_sync_options options = {.struct_size = sizeof options, .mode = HC_SYNC_FULL};
        CHECK(hc_mirror_sync(mirror, organization, directory, &options, &reports, &error) == HC_MASS_REMOVAL);
        hc_error_free(error);
        error = NULL;
        hc_hold_list *holds = NULL;
        WORKS(hc_mirror_holds(mirror, organization, NULL, &holds, &error));
        const char *hold = hc_hold_id(hc_hold_list_at(holds, 0));
        uint64_t count = 0;
        if (round == 0) WORKS(hc_mirror_approve(mirror, hold, "ops", "confirmed", &count, &error));
        if (round == 1) WORKS(hc_mirror_dismiss(mirror, hold, "ops", NULL, &count, &error));
        CHECK(count == 1);
        WORKS(hc_mirror_approvals(mirror, organization, &approvals, &error));
        const hc_approval *decision = hc_approval_list_at(approvals, (size_t)round);
        CHECK(hc_approval_list_len(approvals) == (size_t)round + 1);
        CHECK_TEXT(hc_approval_hold_id(decision), hold);
        CHECK_TEXT(hc_approval_by(decision), "ops");
        CHECK_TEXT(hc_approval_note(decision), round == 0 ? "confirmed" : "");
        CHECK_TEXT(hc_approval_reason(decision), "mass_removal");
        CHECK_TEXT(hc_approval_organization_id(decision), organization);
        CHECK_TEXT(hc_approval_directory_id(decision), directory);
        CHECK(hc_approval_is_approved(decision) == (round == 0) && hc_approval_count(decision) == 1);
        CHECK(hc_approval_id(decision) != NULL && hc_approval_at(decision)[4] == '-');
        hc_approval_list_free(approvals);
        hc_hold_list_free(holds);
    }
    WORKS(hc_mirror_approvals(mirror, "org_0", &approvals, &error));
    CHECK(hc_approval_list_len(approvals) == 0);
    hc_approval_list_free(approvals);

    WORKS(hc_mirror_retirements(mirror, &retirements, &error));
    CHECK(hc_retirement_list_len(retirements) == 0);
    hc_retirement_list_free(retirements);
    hc_directory_toggle *toggle = NULL;
    WORKS(hc_directory_disable(client, organization, directory, &toggle, &error));
    hc_directory_toggle_free(toggle);
    full_sync(mirror);
    uint64_t users = 0;
    WORKS(hc_mirror_retire(mirror, directory, "ops", "the customer left", &users, &error));
    CHECK(users > 0);
    WORKS(hc_mirror_retirements(mirror, &retirements, &error));
    CHECK(hc_retirement_list_len(retirements) == 1);
    const hc_retirement *retirement = hc_retirement_list_at(retirements, 0);
    CHECK_TEXT(hc_retirement_directory_id(retirement), directory);
    CHECK_TEXT(hc_retirement_organization_id(retirement), organization);
    CHECK_TEXT(hc_retirement_by(retirement), "ops");
    CHECK_TEXT(hc_retirement_note(retirement), "the customer left");
    CHECK(hc_retirement_users(retirement) == users && hc_retirement_id(retirement) != NULL);
    CHECK(hc_retirement_at(retirement) != NULL && hc_retirement_ended_at(retirement) != NULL);
    hc_retirement_list_free(retirements);
    hc_mirror_free(mirror);
}

static void a_mirror_that_was_unbound_can_be_synced_again(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    full_sync(mirror);
    WORKS(hc_mirror_unbind_environment(mirror, &error));
    full_sync(mirror);
    hc_mirror_free(mirror);
}

static void a_mirror_has_an_id_and_keeps_it(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    hc_mirror *other = open_mirror(":memory:", &(hc_mirror_options){0});
    CHECK(strlen(hc_mirror_id(mirror)) == 36);
    CHECK(strcmp(hc_mirror_id(mirror), hc_mirror_id(other)) != 0);
    const char *id = hc_mirror_id(mirror);
    WORKS(hc_mirror_close(mirror, &error));
    CHECK(hc_mirror_id(mirror) == id);
    CHECK(hc_mirror_id(NULL) == NULL);
    hc_mirror_free(mirror);
    hc_mirror_free(other);
}

static void a_mirror_can_be_copied_only_to_a_new_file(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    full_sync(mirror);
    char folder[] = "/tmp/headcount-copy-XXXXXX", path[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/copy.db", folder);
    hc_copy_report *report = NULL;
    WORKS(hc_mirror_copy_to(mirror, path, NULL, &report, &error));
    CHECK(hc_copy_report_rows(report) > 0 && hc_copy_report_last_change(report) > 0 && strlen(hc_copy_report_checksum(report)) == 64);
    const hc_copied_table *table = hc_copy_report_tables_at(report, 0);
    CHECK(hc_copy_report_tables_len(report) > 3 && hc_copied_table_name(table) != NULL && hc_copied_table_rows(table) > 0);
    hc_copy_report_free(report);

    CHECK(hc_mirror_copy_to(mirror, path, NULL, &report, &error) == HC_STORE && report == NULL);
    CHECK(strstr(hc_error_message(error), "expected an empty store") != NULL);
    hc_error_free(error);
    error = NULL;
    CHECK(hc_mirror_copy_to(mirror, ":memory:", NULL, &report, &error) == HC_CONFIG);
    hc_error_free(error);
    hc_mirror_free(mirror);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

/* The users whom the program knows are compared only after a full sync of all organizations. */
static void users_who_are_not_in_the_mirror_are_found_after_a_full_sync(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    const char *ids[] = {"diruser_z", "diruser_a", "diruser_z"};
    hc_text_list *absent = NULL;
    CHECK(hc_mirror_reconcile(mirror, ids, 3, NULL, &absent, &error) == HC_INVALID_ARGUMENT && absent == NULL);
    CHECK(strstr(hc_error_message(error), "run sync_all") != NULL);
    hc_error_free(error);
    error = NULL;
    full_sync(mirror);
    hc_reconcile_options options = {.struct_size = sizeof options, .organization_id = organization};
    WORKS(hc_mirror_reconcile(mirror, ids, 3, &options, &absent, &error));
    CHECK(hc_text_list_len(absent) == 2);
    CHECK_TEXT(hc_text_list_at(absent, 0), "diruser_a");
    CHECK_TEXT(hc_text_list_at(absent, 1), "diruser_z");
    hc_text_list_free(absent);
    absent = NULL;
    options.since = "2999-01-01";
    CHECK(hc_mirror_reconcile(mirror, ids, 3, &options, &absent, &error) == HC_INVALID_ARGUMENT && absent == NULL);
    hc_error_free(error);
    hc_mirror_free(mirror);
}

static void metrics_are_openmetrics_text(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    full_sync(mirror);
    hc_text *metrics = NULL;
    WORKS(hc_mirror_metrics(mirror, 1, &metrics, &error));
    const char *text = hc_text_value(metrics);
    CHECK(strstr(text, "\n# EOF\n") != NULL && strstr(text, "headcount_sync_duration_seconds_count{outcome=\"done\"} 1\n") != NULL);
    CHECK(strstr(text, organization) != NULL && strstr(HC_METRICS_CONTENT_TYPE, "application/openmetrics-text; version=1.0.0") != NULL);
    hc_text_free(metrics);
    metrics = NULL;
    WORKS(hc_mirror_metrics(mirror, 0, &metrics, &error));
    CHECK(strstr(hc_text_value(metrics), organization) == NULL);
    hc_text_free(metrics);
    hc_mirror_free(mirror);
}

static void a_backup_is_written_to_a_new_file_and_opened_as_a_mirror(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror(":memory:", &(hc_mirror_options){0});
    full_sync(mirror);
    char folder[] = "/tmp/headcount-backup-XXXXXX", path[64];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/backup.db", folder);
    WORKS(hc_mirror_backup(mirror, path, &error));
    CHECK(hc_mirror_backup(mirror, path, &error) == HC_STORE);
    CHECK(strstr(hc_error_message(error), "one where there is a file") != NULL);
    hc_error_free(error);
    error = NULL;
    CHECK(hc_mirror_backup(mirror, ":memory:", &error) == HC_CONFIG);
    hc_error_free(error);
    error = NULL;
    hc_mirror *restored = open_mirror(path, &(hc_mirror_options){0});
    CHECK_TEXT(hc_mirror_id(restored), hc_mirror_id(mirror));
    WORKS(hc_mirror_close(restored, &error));
    hc_mirror_free(restored);
    hc_mirror_free(mirror);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
}

/* Only if MIRROR_URL and MIRROR_SCHEMA are set: the URL of a PostgreSQL database, and the name of a schema. */
static void a_mirror_in_postgresql_works_with_one_connection_and_prepared_statements(void) {
    const char *url = getenv("MIRROR_URL"), *schema = getenv("MIRROR_SCHEMA");
    if (url == NULL || schema == NULL) return;
    hc_mirror *mirror = open_mirror(
        url, &(hc_mirror_options){.schema = schema, .connections = 1, .lock_timeout_ms = 60000, .statement_timeout_ms = 60000, .prepared_statements = 1});
    full_sync(mirror);
    hc_error *error = NULL;
    hc_mirror_user_list *users = NULL;
    WORKS(hc_mirror_find_users(mirror, "ada@example.com", &users, &error));
    CHECK(hc_mirror_user_list_len(users) == 1);
    hc_mirror_user_list_free(users);
    hc_mirror_free(mirror);
}

/* Whether a connection with this application name listens for notifications. */
static int listens(const char *url, const char *application) {
    char command[1024], count[16] = "";
    snprintf(command, sizeof command,
             "psql -XqAt '%s' -c \"SELECT count(*) FROM pg_stat_activity WHERE application_name = '%s' AND query LIKE 'LISTEN%%'\"", url, application);
    FILE *output = popen(command, "r");
    CHECK(output != NULL && fgets(count, sizeof count, output) != NULL && pclose(output) == 0);
    return atoi(count) > 0;
}

/* Returns the next change, or NULL. Runs on a thread. */
static void *first_change(void *of) {
    hc_error *error = NULL;
    hc_change *change = NULL;
    WORKS(hc_change_iter_next(of, &change, &error));
    return change;
}

/* Only if MIRROR_URL is set, as above. Both mirrors are in a schema of their own, whose name is also the application name of the first one. */
static void an_iterator_with_notifications_listens_while_it_waits_for_changes_of_another_mirror(void) {
    const char *url = getenv("MIRROR_URL"), *schema = getenv("MIRROR_SCHEMA");
    if (url == NULL || schema == NULL) return;
    char name[64], notifying[512];
    CHECK((size_t)snprintf(name, sizeof name, "%s_listens", schema) < sizeof name);
    CHECK((size_t)snprintf(notifying, sizeof notifying, "%s&application_name=%s&notify=true", url, name) < sizeof notifying);
    hc_mirror *mirror = open_mirror(notifying, &(hc_mirror_options){.schema = name}), *other = open_mirror(url, &(hc_mirror_options){.schema = name});

    hc_error *error = NULL;
    hc_change_iter *iter = NULL;
    WORKS(hc_mirror_changes(mirror, "app", HC_WAIT_FOREVER, &iter, &error));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, first_change, iter) == 0);
    while (!listens(url, name)) sched_yield();
    full_sync(other);
    void *change = NULL;
    CHECK(pthread_join(thread, &change) == 0);
    CHECK(hc_change_seq(change) == 1);
    hc_change_free(change);
    hc_change_iter_free(iter);
    hc_mirror_free(other);
    hc_mirror_free(mirror);
}

int main(void) {
    hc_error *error = NULL;
    hc_sandbox_options options = {.struct_size = sizeof options, .seed = 7, .users = 12, .groups = 1};
    WORKS(hc_sandbox_new(&options, &sandbox, &error));
    WORKS(hc_sandbox_register_endpoint(sandbox, UNREACHABLE_ENDPOINT, &error));
    const char *secret = hc_sandbox_webhook_secret(sandbox);
    WORKS(hc_webhook_new(&secret, 1, NULL, &webhook, &error));
    organization = hc_sandbox_organization_id(sandbox);
    directory = hc_sandbox_directory_id(sandbox);
    client = client_of(sandbox);

    a_pending_event_is_listed_until_a_sync_applies_it();
    settings_that_are_not_set_have_their_defaults();
    only_listed_fields_are_stored();
    configured_settings_are_in_effect_for_every_handle_of_the_store();
    invalid_settings_are_refused();
    role_map_entries_match_groups_by_id_or_name();
    a_mirror_that_was_unbound_can_be_synced_again();
    a_mirror_has_an_id_and_keeps_it();
    a_mirror_can_be_copied_only_to_a_new_file();
    a_backup_is_written_to_a_new_file_and_opened_as_a_mirror();
    metrics_are_openmetrics_text();
    users_who_are_not_in_the_mirror_are_found_after_a_full_sync();
    a_mirror_in_postgresql_works_with_one_connection_and_prepared_statements();
    an_iterator_with_notifications_listens_while_it_waits_for_changes_of_another_mirror();
    decisions_are_recorded();

    hc_client_free(client);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    return closing_line("test_operations");
}
