/* Everything that must not crash: a NULL in every parameter of every function, sizes that no struct has, text that is not
 * UTF-8, and strings that are freed as soon as the call that took them returns. No server is needed. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static const char *const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char *const NOT_UTF8 = "caf\xe9";

/* The parameter that is named must be refused when it is NULL, with somewhere to put the reason and without. */
#define NULL_IS_REFUSED(call, name)                        \
    do {                                                   \
        hc_error *error = NULL;                            \
        hc_error **place = &error;                         \
        REFUSED(call, HC_INVALID_ARGUMENT, name " is NULL"); \
        place = NULL;                                      \
        CHECK((call) == HC_INVALID_ARGUMENT);              \
    } while (0)

#define TEXT_IS_REFUSED(call, name)                                 \
    do {                                                            \
        hc_error *error = NULL;                                     \
        hc_error **place = &error;                                  \
        REFUSED(call, HC_INVALID_ARGUMENT, name " is not valid UTF-8"); \
    } while (0)

static hc_client *a_client(void) {
    hc_client_options options = {
        .struct_size = sizeof options,
        .environment_url = "http://127.0.0.1:9",
        .client_id = "skc_1",
        .client_secret = "secret",
        .max_attempts = 1,
    };
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_new(&options, &client, &error));
    return client;
}

static hc_webhook *a_webhook(void) {
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    WORKS(hc_webhook_new(&SECRET, 1, NULL, &webhook, &error));
    return webhook;
}

/* In memory, without a client. */
static hc_mirror *a_mirror(void) {
    hc_mirror_options options = {.struct_size = sizeof options, .webhook_secret = SECRET};
    hc_mirror *mirror = NULL;
    hc_error *error = NULL;
    WORKS(hc_mirror_open(":memory:", NULL, &options, &mirror, &error));
    return mirror;
}

static void accessors_take_null(void) {
    CHECK(hc_version() != NULL && hc_version()[0] != '\0');
    CHECK_TEXT(hc_status_name(HC_OK), "ok");
    CHECK_TEXT(hc_status_name(HC_NOT_FOUND), "not_found");
    CHECK_TEXT(hc_status_name(HC_INTERNAL), "internal");
    CHECK_TEXT(hc_status_name(-1), "unknown");
    CHECK_TEXT(hc_status_name(99), "unknown");
    CHECK(!hc_cancel_is_cancelled(NULL));
    hc_cancel_free(NULL);
    CHECK(hc_client_requests(NULL) == 0 && hc_client_retries(NULL) == 0 && hc_client_throttled(NULL) == 0);
    CHECK(hc_client_token_renewals(NULL) == 0 && hc_client_pages(NULL) == 0 && hc_client_bytes(NULL) == 0);
    CHECK(hc_error_status(NULL) == HC_OK);
    CHECK(hc_error_message(NULL) == NULL);
    CHECK(hc_error_http_status(NULL) == 0);
    CHECK(hc_error_code(NULL) == NULL);
    CHECK(hc_error_details(NULL) == NULL);
    CHECK(hc_error_request_id(NULL) == NULL);
    CHECK(hc_error_reason(NULL) == NULL);
    CHECK(hc_error_retry_after_ms(NULL) == 0);
    CHECK(hc_organization_page_len(NULL) == 0);
    CHECK(hc_organization_page_at(NULL, 0) == NULL);
    CHECK(hc_organization_page_total_size(NULL) == 0);
    CHECK(hc_organization_page_next_page_token(NULL) == NULL);
    CHECK(hc_organization_page_prev_page_token(NULL) == NULL);
    CHECK(hc_organization_id(NULL) == NULL);
    CHECK(hc_organization_display_name(NULL) == NULL);
    CHECK(hc_organization_external_id(NULL) == NULL);
    CHECK(hc_organization_region_code(NULL) == NULL);
    CHECK(hc_organization_slug(NULL) == NULL);
    CHECK(hc_organization_logo_url(NULL) == NULL);
    CHECK(hc_organization_create_time(NULL) == NULL);
    CHECK(hc_organization_update_time(NULL) == NULL);
    CHECK(hc_organization_json(NULL) == NULL);
    CHECK(!hc_directory_toggle_enabled(NULL));
    CHECK(hc_directory_toggle_error_message(NULL) == NULL);
    CHECK(hc_directory_list_len(NULL) == 0);
    CHECK(hc_directory_list_at(NULL, 0) == NULL);
    CHECK(hc_directory_id(NULL) == NULL);
    CHECK(hc_directory_name(NULL) == NULL);
    CHECK(hc_directory_organization_id(NULL) == NULL);
    CHECK(hc_directory_type(NULL) == NULL);
    CHECK(hc_directory_provider(NULL) == NULL);
    CHECK(!hc_directory_enabled(NULL));
    CHECK(hc_directory_status(NULL) == NULL);
    CHECK(hc_directory_email(NULL) == NULL);
    CHECK(hc_directory_endpoint(NULL) == NULL);
    CHECK(hc_directory_groups_tracked(NULL) == NULL);
    CHECK(hc_directory_total_users(NULL) == 0);
    CHECK(hc_directory_total_groups(NULL) == 0);
    CHECK(hc_directory_last_synced_at(NULL) == NULL);
    CHECK(hc_directory_json(NULL) == NULL);
    CHECK(hc_user_page_len(NULL) == 0);
    CHECK(hc_user_page_at(NULL, 0) == NULL);
    CHECK(hc_user_page_total_size(NULL) == 0);
    CHECK(hc_user_page_next_page_token(NULL) == NULL);
    CHECK(hc_user_page_prev_page_token(NULL) == NULL);
    CHECK(hc_user_id(NULL) == NULL);
    CHECK(hc_user_email(NULL) == NULL);
    CHECK(hc_user_given_name(NULL) == NULL);
    CHECK(hc_user_family_name(NULL) == NULL);
    CHECK(hc_user_preferred_username(NULL) == NULL);
    CHECK(hc_user_updated_at(NULL) == NULL);
    CHECK(hc_user_user_detail(NULL) == NULL);
    CHECK(hc_user_json(NULL) == NULL);
    CHECK(hc_user_emails_len(NULL) == 0);
    CHECK(hc_user_emails_at(NULL, 0) == NULL);
    CHECK(hc_user_groups_len(NULL) == 0);
    CHECK(hc_user_groups_at(NULL, 0) == NULL);
    CHECK(hc_group_page_len(NULL) == 0);
    CHECK(hc_group_page_at(NULL, 0) == NULL);
    CHECK(hc_group_page_total_size(NULL) == 0);
    CHECK(hc_group_page_next_page_token(NULL) == NULL);
    CHECK(hc_group_page_prev_page_token(NULL) == NULL);
    CHECK(hc_group_id(NULL) == NULL);
    CHECK(hc_group_display_name(NULL) == NULL);
    CHECK(hc_group_total_users(NULL) == 0);
    CHECK(hc_group_updated_at(NULL) == NULL);
    CHECK(hc_group_group_detail(NULL) == NULL);
    CHECK(hc_group_json(NULL) == NULL);
    CHECK(hc_signed_headers_id(NULL) == NULL);
    CHECK(hc_signed_headers_timestamp(NULL) == NULL);
    CHECK(hc_signed_headers_signature(NULL) == NULL);
    CHECK(hc_event_id(NULL) == NULL);
    CHECK(hc_event_message_id(NULL) == NULL);
    CHECK(hc_text_value(NULL) == NULL);
    CHECK(hc_text_len(NULL) == 0);
    CHECK(hc_sandbox_environment_url(NULL) == NULL);
    CHECK(hc_sandbox_client_id(NULL) == NULL);
    CHECK(hc_sandbox_client_secret(NULL) == NULL);
    CHECK(hc_sandbox_webhook_secret(NULL) == NULL);
    CHECK(hc_sandbox_organization_id(NULL) == NULL);
    CHECK(hc_sandbox_directory_id(NULL) == NULL);
    CHECK(hc_sandbox_control_url(NULL) == NULL);
    CHECK(hc_event_type(NULL) == NULL);
    CHECK(hc_event_occurred_at(NULL) == NULL);
    CHECK(hc_event_environment_id(NULL) == NULL);
    CHECK(hc_event_organization_id(NULL) == NULL);
    CHECK(hc_event_object(NULL) == NULL);
    CHECK(hc_event_display_name(NULL) == NULL);
    CHECK(hc_event_spec_version(NULL) == NULL);
    CHECK(hc_event_data(NULL) == NULL);
    CHECK(hc_event_data_at(NULL, "/id") == NULL);
    CHECK(hc_event_body(NULL) == NULL);
    CHECK(hc_event_body_len(NULL) == 0);
    CHECK(hc_role_map_len(NULL) == 0);
    CHECK(hc_role_map_group_at(NULL, 0) == NULL);
    CHECK(hc_role_map_role_at(NULL, 0) == NULL);
    CHECK(hc_mirror_user_list_len(NULL) == 0);
    CHECK(hc_mirror_user_list_at(NULL, 0) == NULL);
    CHECK(hc_mirror_group_list_len(NULL) == 0);
    CHECK(hc_mirror_group_list_at(NULL, 0) == NULL);
    CHECK(hc_mirror_directory_list_len(NULL) == 0);
    CHECK(hc_mirror_directory_list_at(NULL, 0) == NULL);
    CHECK(hc_mirror_user_id(NULL) == NULL);
    CHECK(hc_mirror_user_organization_id(NULL) == NULL);
    CHECK(hc_mirror_user_directory_id(NULL) == NULL);
    CHECK(hc_mirror_user_email(NULL) == NULL);
    CHECK(hc_mirror_user_given_name(NULL) == NULL);
    CHECK(hc_mirror_user_family_name(NULL) == NULL);
    CHECK(hc_mirror_user_preferred_username(NULL) == NULL);
    CHECK(hc_mirror_user_emails_len(NULL) == 0);
    CHECK(hc_mirror_user_emails_at(NULL, 0) == NULL);
    CHECK(!hc_mirror_user_active(NULL));
    CHECK(hc_mirror_user_group_ids_len(NULL) == 0);
    CHECK(hc_mirror_user_group_ids_at(NULL, 0) == NULL);
    CHECK(hc_mirror_user_roles_len(NULL) == 0);
    CHECK(hc_mirror_user_roles_at(NULL, 0) == NULL);
    CHECK(hc_mirror_user_vendor_roles_len(NULL) == 0);
    CHECK(hc_mirror_user_vendor_roles_at(NULL, 0) == NULL);
    CHECK(hc_mirror_user_linked_id(NULL) == NULL);
    CHECK(hc_mirror_user_updated_at(NULL) == NULL);
    CHECK(hc_mirror_user_detail(NULL) == NULL);
    CHECK(hc_mirror_user_attributes(NULL) == NULL);
    CHECK(hc_mirror_user_json(NULL) == NULL);
    CHECK(hc_mirror_group_id(NULL) == NULL);
    CHECK(hc_mirror_group_organization_id(NULL) == NULL);
    CHECK(hc_mirror_group_directory_id(NULL) == NULL);
    CHECK(hc_mirror_group_display_name(NULL) == NULL);
    CHECK(hc_mirror_group_updated_at(NULL) == NULL);
    CHECK(hc_mirror_group_json(NULL) == NULL);
    CHECK(hc_mirror_directory_id(NULL) == NULL);
    CHECK(hc_mirror_directory_organization_id(NULL) == NULL);
    CHECK(hc_mirror_directory_name(NULL) == NULL);
    CHECK(hc_mirror_directory_type(NULL) == NULL);
    CHECK(hc_mirror_directory_provider(NULL) == NULL);
    CHECK(!hc_mirror_directory_enabled(NULL));
    CHECK(hc_sync_reports_len(NULL) == 0);
    CHECK(hc_sync_reports_at(NULL, 0) == NULL);
    CHECK(hc_mirror_directory_status_list_len(NULL) == 0);
    CHECK(hc_mirror_directory_status_list_at(NULL, 0) == NULL);
    CHECK(hc_sync_report_organization_id(NULL) == NULL);
    CHECK(hc_sync_report_directory_id(NULL) == NULL);
    CHECK(hc_sync_report_mode(NULL) == NULL);
    CHECK(hc_sync_report_outcome(NULL) == NULL);
    CHECK(hc_sync_report_run(NULL) == NULL);
    CHECK(hc_sync_report_started_at(NULL) == NULL);
    CHECK(hc_sync_report_ended_at(NULL) == NULL);
    CHECK(hc_sync_report_pages(NULL) == 0);
    CHECK(hc_sync_report_users(NULL) == 0);
    CHECK(hc_sync_report_groups(NULL) == 0);
    CHECK(hc_sync_report_created(NULL) == 0);
    CHECK(hc_sync_report_updated(NULL) == 0);
    CHECK(hc_sync_report_deactivated(NULL) == 0);
    CHECK(hc_sync_report_reactivated(NULL) == 0);
    CHECK(hc_sync_report_deleted(NULL) == 0);
    CHECK(hc_sync_report_changes(NULL) == 0);
    CHECK(hc_sync_report_events(NULL) == 0);
    CHECK(hc_sync_report_held(NULL) == NULL);
    CHECK(hc_sync_report_incomplete(NULL) == NULL);
    CHECK(hc_sync_report_error(NULL) == NULL);
    CHECK(hc_held_reason(NULL) == NULL);
    CHECK(hc_held_count(NULL) == 0);
    CHECK(hc_held_limit(NULL) == 0);
    CHECK(hc_held_at(NULL) == NULL);
    CHECK(hc_held_cause(NULL) == NULL);
    CHECK(hc_mirror_directory_status_directory(NULL) == NULL);
    CHECK(hc_mirror_directory_status_last_full_sync(NULL) == NULL);
    CHECK(hc_mirror_directory_status_last_incremental_sync(NULL) == NULL);
    CHECK(hc_mirror_directory_status_users(NULL) == 0);
    CHECK(hc_mirror_directory_status_groups(NULL) == 0);
    CHECK(hc_mirror_directory_status_watermark(NULL) == NULL);
    CHECK(hc_mirror_directory_status_held(NULL) == NULL);
    CHECK(hc_mirror_directory_status_pending_events(NULL) == 0);
    CHECK(hc_change_batch_len(NULL) == 0);
    CHECK(hc_change_batch_at(NULL, 0) == NULL);
    CHECK(hc_parked_list_len(NULL) == 0);
    CHECK(hc_parked_list_at(NULL, 0) == NULL);
    CHECK(hc_consumer_list_len(NULL) == 0);
    CHECK(hc_consumer_list_at(NULL, 0) == NULL);
    CHECK(hc_change_seq(NULL) == 0);
    CHECK(hc_change_kind(NULL) == NULL);
    CHECK(hc_change_organization_id(NULL) == NULL);
    CHECK(hc_change_directory_id(NULL) == NULL);
    CHECK(hc_change_user(NULL) == NULL);
    CHECK(hc_change_group(NULL) == NULL);
    CHECK(hc_change_before_user(NULL) == NULL);
    CHECK(hc_change_after_user(NULL) == NULL);
    CHECK(hc_change_before_group(NULL) == NULL);
    CHECK(hc_change_after_group(NULL) == NULL);
    CHECK(hc_change_fields_len(NULL) == 0);
    CHECK(hc_change_fields_at(NULL, 0) == NULL);
    CHECK(hc_change_cause(NULL) == NULL);
    CHECK(hc_change_at(NULL) == NULL);
    CHECK(hc_change_json(NULL) == NULL);
    CHECK(hc_parked_change_change(NULL) == NULL);
    CHECK(hc_parked_change_reason(NULL) == NULL);
    CHECK(hc_parked_change_at(NULL) == NULL);
    CHECK(hc_consumer_name(NULL) == NULL);
    CHECK(hc_consumer_cursor(NULL) == 0);
    CHECK(hc_consumer_lag(NULL) == 0);
    CHECK(hc_consumer_parked(NULL) == 0);
    CHECK(hc_consumer_seen_at(NULL) == NULL);
    CHECK(hc_text_list_len(NULL) == 0);
    CHECK(hc_text_list_at(NULL, 0) == NULL);
    CHECK(hc_error_removals_count(NULL) == 0);
    CHECK(hc_error_removals_limit(NULL) == 0);
    CHECK(hc_error_removals_directory_id(NULL) == NULL);
    CHECK(hc_error_removals_user_ids_len(NULL) == 0);
    CHECK(hc_error_removals_user_ids_at(NULL, 0) == NULL);
}

static void frees_take_null(void) {
    hc_error_free(NULL);
    hc_client_free(NULL);
    hc_organization_iter_free(NULL);
    hc_organization_page_free(NULL);
    hc_organization_free(NULL);
    hc_directory_toggle_free(NULL);
    hc_directory_list_free(NULL);
    hc_directory_free(NULL);
    hc_user_iter_free(NULL);
    hc_user_page_free(NULL);
    hc_group_iter_free(NULL);
    hc_group_page_free(NULL);
    hc_webhook_free(NULL);
    hc_signed_headers_free(NULL);
    hc_event_free(NULL);
    hc_user_free(NULL);
    hc_group_free(NULL);
    hc_replay_guard_free(NULL);
    hc_sandbox_free(NULL);
    hc_text_free(NULL);
    hc_mirror_free(NULL);
    hc_role_map_free(NULL);
    hc_mirror_user_iter_free(NULL);
    hc_mirror_user_list_free(NULL);
    hc_mirror_group_list_free(NULL);
    hc_mirror_directory_list_free(NULL);
    hc_mirror_user_free(NULL);
    hc_mirror_group_free(NULL);
    hc_sync_reports_free(NULL);
    hc_mirror_directory_status_list_free(NULL);
    hc_change_batch_free(NULL);
    hc_parked_list_free(NULL);
    hc_consumer_list_free(NULL);
    hc_text_list_free(NULL);
    CHECK(true);
}

static void making_a_client(void) {
    hc_client_options good = {
        .struct_size = sizeof good,
        .environment_url = "http://127.0.0.1:9",
        .client_id = "skc_1",
        .client_secret = "secret",
    };
    hc_client *client = NULL;
    NULL_IS_REFUSED(hc_client_new(NULL, &client, place), "options");
    NULL_IS_REFUSED(hc_client_new(&good, NULL, place), "client");
    NULL_IS_REFUSED(hc_client_from_env(NULL, NULL, place), "client");

    hc_client_options options = good;
    options.environment_url = NULL;
    NULL_IS_REFUSED(hc_client_new(&options, &client, place), "options.environment_url");
    options.environment_url = NOT_UTF8;
    TEXT_IS_REFUSED(hc_client_new(&options, &client, place), "options.environment_url");
    options = good;
    options.client_id = NULL;
    NULL_IS_REFUSED(hc_client_new(&options, &client, place), "options.client_id");
    options.client_id = NOT_UTF8;
    TEXT_IS_REFUSED(hc_client_new(&options, &client, place), "options.client_id");
    options = good;
    options.client_secret = NULL;
    NULL_IS_REFUSED(hc_client_new(&options, &client, place), "options.client_secret");
    options.client_secret = NOT_UTF8;
    TEXT_IS_REFUSED(hc_client_new(&options, &client, place), "options.client_secret");

    hc_error *error = NULL;
    REFUSED(hc_client_from_env(&good, &client, &error), HC_INVALID_ARGUMENT, "use hc_client_new");
    CHECK(client == NULL);

    /* What is on the heap, and freed at once, was copied. */
    hc_client_options *heap = calloc(1, sizeof *heap);
    char *url = strdup("http://127.0.0.1:9"), *id = strdup("skc_1"), *secret = strdup("secret");
    *heap = (hc_client_options){
        .struct_size = sizeof *heap, .environment_url = url, .client_id = id, .client_secret = secret, .timeout_ms = 2000, .max_attempts = 1};
    WORKS(hc_client_new(heap, &client, &error));
    memset(url, 'x', strlen(url));
    memset(id, 'x', strlen(id));
    memset(secret, 'x', strlen(secret));
    free(url);
    free(id);
    free(secret);
    free(heap);
    hc_organization *organization = NULL;
    REFUSED(hc_organization_get(client, "org_1", &organization, &error), HC_CONNECTION, "org_1");
    hc_client_free(client);
}

/* Each kind of options, with each size that it cannot have. The struct is part of a larger block, so that a size which is read
 * although it is absurd is seen by valgrind. */
static void sizes(void) {
    static const size_t absurd[] = {0, 1, 2, 7, 9, 12, 13, 1025, 4096, (size_t)1 << 32, SIZE_MAX / 2, SIZE_MAX};
    hc_client *client = a_client();
    hc_error *error = NULL;
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        size_t *size = malloc(sizeof *size);
        *size = absurd[i];
        hc_client *made = NULL;
        hc_webhook *webhook = NULL;
        hc_organization_page *organizations = NULL;
        hc_organization_iter *organization_iter = NULL;
        hc_user_page *users = NULL;
        hc_user_iter *user_iter = NULL;
        hc_group_page *groups = NULL;
        hc_group_iter *group_iter = NULL;
        hc_replay_guard *guard = NULL;
        hc_sandbox *sandbox = NULL;
        const void *options = size;
        REFUSED(hc_replay_guard_new(options, &guard, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_replay_guard_sqlite("x", options, &guard, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_replay_guard_custom(options, NULL, &guard, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_sandbox_new(options, &sandbox, &error), HC_INVALID_ARGUMENT, "struct_size");
        hc_mirror *mirror = NULL, *opened = a_mirror();
        hc_mirror_user_iter *mirror_users = NULL;
        hc_sync_reports *reports = NULL;
        REFUSED(hc_mirror_open(":memory:", NULL, options, &mirror, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_mirror_users(opened, "o", options, &mirror_users, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_mirror_sync(opened, "o", "d", options, &reports, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_mirror_sync_all(opened, options, &reports, &error), HC_INVALID_ARGUMENT, "struct_size");
        hc_mirror_free(opened);
        REFUSED(hc_client_new(options, &made, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_client_from_env(options, &made, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_webhook_new(&SECRET, 1, options, &webhook, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_webhook_from_env(options, &webhook, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_organizations(client, options, &organizations, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_organizations_iter(client, options, &organization_iter, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_directory_users(client, "o", "d", options, &users, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_directory_users_iter(client, "o", "d", options, &user_iter, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_directory_groups(client, "o", "d", options, &groups, &error), HC_INVALID_ARGUMENT, "struct_size");
        REFUSED(hc_directory_groups_iter(client, "o", "d", options, &group_iter, &error), HC_INVALID_ARGUMENT, "struct_size");
        free(size);
    }

    /* An older program's struct ends early; a newer program's goes on, and may, as long as nothing is set there. */
    hc_webhook *webhook = NULL;
    int64_t *older = malloc(16);
    older[0] = 16;
    older[1] = 60;
    WORKS(hc_webhook_new(&SECRET, 1, (const void *)older, &webhook, &error));
    hc_webhook_free(webhook);
    free(older);
    struct {
        hc_webhook_options known;
        uint64_t unknown;
    } newer = {.known.struct_size = sizeof newer};
    WORKS(hc_webhook_new(&SECRET, 1, &newer.known, &webhook, &error));
    hc_webhook_free(webhook);
    newer.unknown = 1;
    REFUSED(hc_webhook_new(&SECRET, 1, &newer.known, &webhook, &error), HC_INVALID_ARGUMENT, "does not know");
    hc_client_free(client);
}

static void organizations(hc_client *client) {
    hc_organization_page *page = NULL;
    hc_organization_iter *iter = NULL;
    hc_organization *one = NULL;
    const hc_organization *next = NULL;
    NULL_IS_REFUSED(hc_organizations(NULL, NULL, &page, place), "client");
    NULL_IS_REFUSED(hc_organizations(client, NULL, NULL, place), "page");
    NULL_IS_REFUSED(hc_organizations_iter(NULL, NULL, &iter, place), "client");
    NULL_IS_REFUSED(hc_organizations_iter(client, NULL, NULL, place), "iter");
    NULL_IS_REFUSED(hc_organization_iter_next(NULL, &next, place), "iter");
    hc_cancel *cancel = NULL;
    hc_client *with = NULL;
    hc_organization_fields fields = {.struct_size = sizeof fields, .display_name = "Acme"};
    hc_call_options call = {.struct_size = 3};
    NULL_IS_REFUSED(hc_cancel_new(NULL, place), "cancel");
    NULL_IS_REFUSED(hc_cancel_cancel(NULL, place), "cancel");
    NULL_IS_REFUSED(hc_client_with(NULL, NULL, &with, place), "client");
    NULL_IS_REFUSED(hc_client_with(client, NULL, NULL, place), "with");
    { hc_error *error = NULL; REFUSED(hc_client_with(client, &call, &with, &error), HC_INVALID_ARGUMENT, "struct_size"); }
    NULL_IS_REFUSED(hc_organization_create(NULL, &fields, &one, place), "client");
    NULL_IS_REFUSED(hc_organization_create(client, NULL, &one, place), "fields");
    NULL_IS_REFUSED(hc_organization_create(client, &fields, NULL, place), "organization");
    NULL_IS_REFUSED(hc_organization_update(NULL, "o", &fields, &one, place), "client");
    NULL_IS_REFUSED(hc_organization_update(client, NULL, &fields, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_organization_update(client, "o", NULL, &one, place), "fields");
    NULL_IS_REFUSED(hc_organization_update(client, "o", &fields, NULL, place), "organization");
    NULL_IS_REFUSED(hc_organization_delete(NULL, "o", place), "client");
    NULL_IS_REFUSED(hc_organization_delete(client, NULL, place), "organization_id");
    fields.metadata_len = 1;
    NULL_IS_REFUSED(hc_organization_create(client, &fields, &one, place), "fields.metadata");
    fields.metadata_len = 0;
    fields.slug = NOT_UTF8;
    TEXT_IS_REFUSED(hc_organization_create(client, &fields, &one, place), "fields.slug");
    hc_cancel_free(cancel);
    NULL_IS_REFUSED(hc_organization_get(NULL, "o", &one, place), "client");
    NULL_IS_REFUSED(hc_organization_get(client, NULL, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_organization_get(client, "o", NULL, place), "organization");
    TEXT_IS_REFUSED(hc_organization_get(client, NOT_UTF8, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_organization_get_by_external_id(NULL, "o", &one, place), "client");
    NULL_IS_REFUSED(hc_organization_get_by_external_id(client, NULL, &one, place), "external_id");
    NULL_IS_REFUSED(hc_organization_get_by_external_id(client, "o", NULL, place), "organization");
    TEXT_IS_REFUSED(hc_organization_get_by_external_id(client, NOT_UTF8, &one, place), "external_id");

    hc_organization_options options = {.struct_size = sizeof options, .page_token = NOT_UTF8};
    TEXT_IS_REFUSED(hc_organizations(client, &options, &page, place), "options.page_token");
    TEXT_IS_REFUSED(hc_organizations_iter(client, &options, &iter, place), "options.page_token");
    options = (hc_organization_options){.struct_size = sizeof options, .external_id = NOT_UTF8};
    TEXT_IS_REFUSED(hc_organizations(client, &options, &page, place), "options.external_id");
    hc_error *error = NULL;
    options = (hc_organization_options){.struct_size = sizeof options, .reserved = 1};
    REFUSED(hc_organizations(client, &options, &page, &error), HC_INVALID_ARGUMENT, "options.reserved");

    WORKS(hc_organizations_iter(client, NULL, &iter, &error));
    NULL_IS_REFUSED(hc_organization_iter_next(iter, NULL, place), "organization");
    next = (const void *)&iter;
    REFUSED(hc_organization_iter_next(iter, &next, &error), HC_CONNECTION, "list organizations");
    CHECK(next == NULL);
    hc_organization_iter_free(iter);
    CHECK(hc_organizations(client, NULL, &page, NULL) == HC_CONNECTION);
}

static void directories(hc_client *client) {
    hc_directory_list *list = NULL;
    hc_directory *one = NULL;
    hc_directory_toggle *toggle = NULL;
    NULL_IS_REFUSED(hc_directories(NULL, "o", &list, place), "client");
    NULL_IS_REFUSED(hc_directories(client, NULL, &list, place), "organization_id");
    NULL_IS_REFUSED(hc_directories(client, "o", NULL, place), "directories");
    TEXT_IS_REFUSED(hc_directories(client, NOT_UTF8, &list, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_get(NULL, "o", "d", &one, place), "client");
    NULL_IS_REFUSED(hc_directory_get(client, NULL, "d", &one, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_get(client, "o", NULL, &one, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_get(client, "o", "d", NULL, place), "directory");
    TEXT_IS_REFUSED(hc_directory_get(client, NOT_UTF8, "d", &one, place), "organization_id");
    TEXT_IS_REFUSED(hc_directory_get(client, "o", NOT_UTF8, &one, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_primary(NULL, "o", &one, place), "client");
    NULL_IS_REFUSED(hc_directory_primary(client, NULL, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_primary(client, "o", NULL, place), "directory");
    TEXT_IS_REFUSED(hc_directory_primary(client, NOT_UTF8, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_enable(NULL, "o", "d", &toggle, place), "client");
    NULL_IS_REFUSED(hc_directory_enable(client, NULL, "d", &toggle, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_enable(client, "o", NULL, &toggle, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_enable(client, "o", "d", NULL, place), "toggle");
    TEXT_IS_REFUSED(hc_directory_enable(client, NOT_UTF8, "d", &toggle, place), "organization_id");
    TEXT_IS_REFUSED(hc_directory_enable(client, "o", NOT_UTF8, &toggle, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_disable(NULL, "o", "d", &toggle, place), "client");
    NULL_IS_REFUSED(hc_directory_disable(client, NULL, "d", &toggle, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_disable(client, "o", NULL, &toggle, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_disable(client, "o", "d", NULL, place), "toggle");
    TEXT_IS_REFUSED(hc_directory_disable(client, NOT_UTF8, "d", &toggle, place), "organization_id");
    TEXT_IS_REFUSED(hc_directory_disable(client, "o", NOT_UTF8, &toggle, place), "directory_id");
    hc_error *error = NULL;
    REFUSED(hc_directory_get(client, "", "d", &one, &error), HC_INVALID_ARGUMENT, "organization id");
    REFUSED(hc_directory_get(client, "o", "..", &one, &error), HC_INVALID_ARGUMENT, "directory id");
}

static void users(hc_client *client) {
    hc_user_page *page = NULL;
    hc_user_iter *iter = NULL;
    const hc_user *next = NULL;
    NULL_IS_REFUSED(hc_directory_users(NULL, "o", "d", NULL, &page, place), "client");
    NULL_IS_REFUSED(hc_directory_users(client, NULL, "d", NULL, &page, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_users(client, "o", NULL, NULL, &page, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_users(client, "o", "d", NULL, NULL, place), "page");
    TEXT_IS_REFUSED(hc_directory_users(client, NOT_UTF8, "d", NULL, &page, place), "organization_id");
    TEXT_IS_REFUSED(hc_directory_users(client, "o", NOT_UTF8, NULL, &page, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_users_iter(NULL, "o", "d", NULL, &iter, place), "client");
    NULL_IS_REFUSED(hc_directory_users_iter(client, NULL, "d", NULL, &iter, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_users_iter(client, "o", NULL, NULL, &iter, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_users_iter(client, "o", "d", NULL, NULL, place), "iter");
    TEXT_IS_REFUSED(hc_directory_users_iter(client, NOT_UTF8, "d", NULL, &iter, place), "organization_id");
    NULL_IS_REFUSED(hc_user_iter_next(NULL, &next, place), "iter");

    hc_user_options options = {.struct_size = sizeof options, .page_token = NOT_UTF8};
    TEXT_IS_REFUSED(hc_directory_users(client, "o", "d", &options, &page, place), "options.page_token");
    options = (hc_user_options){.struct_size = sizeof options, .directory_group_id = NOT_UTF8};
    TEXT_IS_REFUSED(hc_directory_users(client, "o", "d", &options, &page, place), "options.directory_group_id");
    options = (hc_user_options){.struct_size = sizeof options, .updated_after = NOT_UTF8};
    TEXT_IS_REFUSED(hc_directory_users(client, "o", "d", &options, &page, place), "options.updated_after");
    hc_error *error = NULL;
    options.updated_after = "yesterday";
    REFUSED(hc_directory_users(client, "o", "d", &options, &page, &error), HC_INVALID_ARGUMENT, "options.updated_after");
    options = (hc_user_options){.struct_size = sizeof options, .include_detail = 2};
    REFUSED(hc_directory_users_iter(client, "o", "d", &options, &iter, &error), HC_INVALID_ARGUMENT, "options.include_detail");

    WORKS(hc_directory_users_iter(client, "o", "d", NULL, &iter, &error));
    NULL_IS_REFUSED(hc_user_iter_next(iter, NULL, place), "user");
    hc_user_iter_free(iter);
}

static void groups(hc_client *client) {
    hc_group_page *page = NULL;
    hc_group_iter *iter = NULL;
    const hc_group *next = NULL;
    NULL_IS_REFUSED(hc_directory_groups(NULL, "o", "d", NULL, &page, place), "client");
    NULL_IS_REFUSED(hc_directory_groups(client, NULL, "d", NULL, &page, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_groups(client, "o", NULL, NULL, &page, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_groups(client, "o", "d", NULL, NULL, place), "page");
    TEXT_IS_REFUSED(hc_directory_groups(client, NOT_UTF8, "d", NULL, &page, place), "organization_id");
    TEXT_IS_REFUSED(hc_directory_groups(client, "o", NOT_UTF8, NULL, &page, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_groups_iter(NULL, "o", "d", NULL, &iter, place), "client");
    NULL_IS_REFUSED(hc_directory_groups_iter(client, NULL, "d", NULL, &iter, place), "organization_id");
    NULL_IS_REFUSED(hc_directory_groups_iter(client, "o", NULL, NULL, &iter, place), "directory_id");
    NULL_IS_REFUSED(hc_directory_groups_iter(client, "o", "d", NULL, NULL, place), "iter");
    NULL_IS_REFUSED(hc_group_iter_next(NULL, &next, place), "iter");

    hc_group_options options = {.struct_size = sizeof options, .page_token = NOT_UTF8};
    TEXT_IS_REFUSED(hc_directory_groups(client, "o", "d", &options, &page, place), "options.page_token");
    options = (hc_group_options){.struct_size = sizeof options, .updated_after = NOT_UTF8};
    TEXT_IS_REFUSED(hc_directory_groups(client, "o", "d", &options, &page, place), "options.updated_after");
    hc_error *error = NULL;
    options = (hc_group_options){.struct_size = sizeof options, .include_detail = -2};
    REFUSED(hc_directory_groups(client, "o", "d", &options, &page, &error), HC_INVALID_ARGUMENT, "options.include_detail");
    options = (hc_group_options){.struct_size = sizeof options, .include_external_groups = 7};
    REFUSED(hc_directory_groups(client, "o", "d", &options, &page, &error), HC_INVALID_ARGUMENT, "options.include_external");
    options = (hc_group_options){.struct_size = sizeof options, .reserved = 7};
    REFUSED(hc_directory_groups(client, "o", "d", &options, &page, &error), HC_INVALID_ARGUMENT, "options.reserved");

    WORKS(hc_directory_groups_iter(client, "o", "d", NULL, &iter, &error));
    NULL_IS_REFUSED(hc_group_iter_next(iter, NULL, place), "group");
    hc_group_iter_free(iter);
}

static void making_a_webhook(void) {
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    const char *const missing[] = {SECRET, NULL};
    const char *const odd[] = {SECRET, NOT_UTF8};
    NULL_IS_REFUSED(hc_webhook_new(NULL, 1, NULL, &webhook, place), "secrets");
    NULL_IS_REFUSED(hc_webhook_new(&SECRET, 1, NULL, NULL, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_new(missing, 2, NULL, &webhook, place), "secrets[1]");
    TEXT_IS_REFUSED(hc_webhook_new(odd, 2, NULL, &webhook, place), "secrets[1]");
    NULL_IS_REFUSED(hc_webhook_from_env(NULL, NULL, place), "webhook");
    REFUSED(hc_webhook_new(&SECRET, SIZE_MAX, NULL, &webhook, &error), HC_INVALID_ARGUMENT, "secrets");
    REFUSED(hc_webhook_new(NULL, 0, NULL, &webhook, &error), HC_CONFIG, "no webhook secret");
    hc_webhook_options options = {.struct_size = sizeof options, .tolerance_seconds = -2};
    REFUSED(hc_webhook_new(&SECRET, 1, &options, &webhook, &error), HC_INVALID_ARGUMENT, "tolerance_seconds");

    const char *const blank = "";
    hc_error *reason = NULL;
    CHECK(hc_webhook_new(&blank, 1, NULL, &webhook, &reason) == HC_CONFIG);
    CHECK_TEXT(hc_error_reason(reason), "invalid_secret");
    hc_error_free(reason);

    unsetenv("SCALEKIT_WEBHOOK_SECRET");
    REFUSED(hc_webhook_from_env(NULL, &webhook, &error), HC_CONFIG, "SCALEKIT_WEBHOOK_SECRET");
    setenv("SCALEKIT_WEBHOOK_SECRET", SECRET, 1);
    WORKS(hc_webhook_from_env(NULL, &webhook, &error));
    hc_webhook_free(webhook);
}

static void using_a_webhook(void) {
    hc_webhook *webhook = a_webhook();
    hc_event *event = NULL;
    hc_signed_headers *signed_headers = NULL;
    hc_error *error = NULL;
    hc_header header = {"webhook-id", "msg_1", 5};
    hc_header nameless = {NULL, "msg_1", 5};
    hc_header valueless = {"webhook-id", NULL, 5};
    hc_header odd = {NOT_UTF8, "msg_1", 5};
    hc_header endless = {"webhook-id", "msg_1", SIZE_MAX};

    NULL_IS_REFUSED(hc_webhook_verify(NULL, &header, 1, "{}", 2, &event, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, NULL, 1, "{}", 2, &event, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &header, 1, NULL, 2, &event, place), "body");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &header, 1, "{}", 2, NULL, place), "event");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &nameless, 1, "{}", 2, &event, place), "headers[0].name");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &valueless, 1, "{}", 2, &event, place), "headers[0].value");
    TEXT_IS_REFUSED(hc_webhook_verify(webhook, &odd, 1, "{}", 2, &event, place), "headers[0].name");
    REFUSED(hc_webhook_verify(webhook, &endless, 1, "{}", 2, &event, &error), HC_INVALID_ARGUMENT, "headers[0].value");
    REFUSED(hc_webhook_verify(webhook, &header, SIZE_MAX / 2, "{}", 2, &event, &error), HC_INVALID_ARGUMENT, "headers");
    REFUSED(hc_webhook_verify(webhook, &header, 1, "{}", SIZE_MAX, &event, &error), HC_INVALID_ARGUMENT, "body");
    NULL_IS_REFUSED(hc_webhook_verify_at(NULL, &header, 1, "{}", 2, 0, &event, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify_at(webhook, NULL, 1, "{}", 2, 0, &event, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify_at(webhook, &header, 1, NULL, 2, 0, &event, place), "body");
    NULL_IS_REFUSED(hc_webhook_verify_at(webhook, &header, 1, "{}", 2, 0, NULL, place), "event");
    REFUSED(hc_webhook_verify_at(webhook, &header, 1, "{}", 2, INT64_MAX, &event, &error), HC_INVALID_ARGUMENT, "now_unix");
    REFUSED(hc_webhook_verify_at(webhook, &header, 1, "{}", 2, INT64_MIN, &event, &error), HC_INVALID_ARGUMENT, "now_unix");
    NULL_IS_REFUSED(hc_webhook_verify_signature(NULL, &header, 1, "{}", 2, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify_signature(webhook, NULL, 1, "{}", 2, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify_signature(webhook, &header, 1, NULL, 2, place), "body");
    NULL_IS_REFUSED(hc_webhook_verify_signature_at(NULL, &header, 1, "{}", 2, 0, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify_signature_at(webhook, NULL, 1, "{}", 2, 0, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify_signature_at(webhook, &header, 1, NULL, 2, 0, place), "body");
    NULL_IS_REFUSED(hc_webhook_verify_parsed(NULL, &header, 1, "{}", &event, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify_parsed(webhook, NULL, 1, "{}", &event, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify_parsed(webhook, &header, 1, NULL, &event, place), "compact");
    NULL_IS_REFUSED(hc_webhook_verify_parsed(webhook, &header, 1, "{}", NULL, place), "event");
    TEXT_IS_REFUSED(hc_webhook_verify_parsed(webhook, &header, 1, NOT_UTF8, &event, place), "compact");
    NULL_IS_REFUSED(hc_webhook_verify_parsed_at(NULL, &header, 1, "{}", 0, &event, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify_parsed_at(webhook, NULL, 1, "{}", 0, &event, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify_parsed_at(webhook, &header, 1, NULL, 0, &event, place), "compact");
    NULL_IS_REFUSED(hc_webhook_verify_parsed_at(webhook, &header, 1, "{}", 0, NULL, place), "event");
    NULL_IS_REFUSED(hc_verify_webhook_payload(NULL, &header, 1, "{}", 2, place), "secret");
    NULL_IS_REFUSED(hc_verify_webhook_payload(SECRET, NULL, 1, "{}", 2, place), "headers");
    NULL_IS_REFUSED(hc_verify_webhook_payload(SECRET, &header, 1, NULL, 2, place), "body");
    TEXT_IS_REFUSED(hc_verify_webhook_payload(NOT_UTF8, &header, 1, "{}", 2, place), "secret");
    NULL_IS_REFUSED(hc_webhook_sign(NULL, "{}", 2, NULL, NULL, &signed_headers, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_sign(webhook, NULL, 2, NULL, NULL, &signed_headers, place), "body");
    NULL_IS_REFUSED(hc_webhook_sign(webhook, "{}", 2, NULL, NULL, NULL, place), "headers");
    TEXT_IS_REFUSED(hc_webhook_sign(webhook, "{}", 2, NOT_UTF8, NULL, &signed_headers, place), "id");

    /* An array of length 0 may be NULL, and then says what an empty one says. */
    REFUSED(hc_webhook_verify(webhook, NULL, 0, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "webhook-id");
    hc_header empty = {"webhook-id", NULL, 0};
    REFUSED(hc_webhook_verify(webhook, &empty, 1, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "webhook-id");
    CHECK(event == NULL && signed_headers == NULL);

    /* NULL for the id and the timestamp: fresh ones, which verify. */
    WORKS(hc_webhook_sign(webhook, NULL, 0, NULL, NULL, &signed_headers, &error));
    hc_header made[] = {
        {"Webhook-Id", hc_signed_headers_id(signed_headers), strlen(hc_signed_headers_id(signed_headers))},
        {"Webhook-Timestamp", hc_signed_headers_timestamp(signed_headers), strlen(hc_signed_headers_timestamp(signed_headers))},
        {"Webhook-Signature", hc_signed_headers_signature(signed_headers), strlen(hc_signed_headers_signature(signed_headers))},
    };
    WORKS(hc_webhook_verify_signature(webhook, made, 3, NULL, 0, &error));
    WORKS(hc_verify_webhook_payload(SECRET, made, 3, NULL, 0, &error));
    REFUSED(hc_webhook_verify(webhook, made, 3, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "not an event");
    hc_signed_headers_free(signed_headers);
    hc_webhook_free(webhook);
}

/* A NUL that JSON can spell and C cannot. */
static void a_nul_inside(void) {
    hc_webhook *webhook = a_webhook();
    hc_signed_headers *signed_headers = NULL;
    hc_event *event = NULL;
    hc_error *error = NULL;
    const char *body = "{\"id\":\"evt_1\\u0000x\",\"type\":\"t\",\"occurred_at\":\"2025-01-06T18:44:25.5Z\",\"data\":{\"a\":\"\\u0000\"}}";
    WORKS(hc_webhook_sign(webhook, body, strlen(body), "msg_1", NULL, &signed_headers, &error));
    hc_header made[] = {
        {"webhook-id", "msg_1", 5},
        {"webhook-timestamp", hc_signed_headers_timestamp(signed_headers), strlen(hc_signed_headers_timestamp(signed_headers))},
        {"webhook-signature", hc_signed_headers_signature(signed_headers), strlen(hc_signed_headers_signature(signed_headers))},
    };
    WORKS(hc_webhook_verify(webhook, made, 3, body, strlen(body), &event, &error));
    CHECK_TEXT(hc_event_message_id(event), "msg_1");
    CHECK_TEXT(hc_event_id(event), "evt_1\xef\xbf\xbdx");
    CHECK_TEXT(hc_event_data(event), "{\"a\":\"\\u0000\"}");
    CHECK_TEXT(hc_event_data_at(event, "/a"), "\xef\xbf\xbd");
    CHECK(hc_event_data_at(event, "/a") == hc_event_data_at(event, "/a"));
    CHECK_TEXT(hc_event_data_at(event, ""), "{\"a\":\"\\u0000\"}");
    CHECK(hc_event_data_at(event, "/b") == NULL && hc_event_data_at(event, "a") == NULL);
    CHECK(hc_event_data_at(event, NULL) == NULL && hc_event_data_at(event, NOT_UTF8) == NULL);
    CHECK_TEXT(hc_event_occurred_at(event), "2025-01-06T18:44:25.5Z");
    CHECK_TEXT(hc_event_organization_id(event), "");
    CHECK(hc_event_id(event) == hc_event_id(event));
    CHECK(hc_event_body_len(event) == strlen(body) && memcmp(hc_event_body(event), body, strlen(body)) == 0);
    /* What came from a verifier outlives it. */
    hc_webhook_free(webhook);
    CHECK_TEXT(hc_event_type(event), "t");
    hc_event_free(event);
    hc_signed_headers_free(signed_headers);
}

static int says(void *user_data, const char *message_id) {
    (void)message_id;
    return *(int *)user_data;
}

static int takes(void *user_data, const char *message_id, int64_t expires_at) {
    (void)message_id, (void)expires_at;
    return *(int *)user_data;
}

static void replay_guards(void) {
    hc_replay_guard *guard = NULL;
    hc_error *error = NULL;
    bool again = true;
    NULL_IS_REFUSED(hc_replay_guard_new(NULL, NULL, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_sqlite(NULL, NULL, &guard, place), "path");
    NULL_IS_REFUSED(hc_replay_guard_sqlite("x", NULL, NULL, place), "guard");
    TEXT_IS_REFUSED(hc_replay_guard_sqlite(NOT_UTF8, NULL, &guard, place), "path");
    NULL_IS_REFUSED(hc_replay_guard_custom(NULL, NULL, &guard, place), "store");
    hc_replay_store store = {.struct_size = sizeof store};
    NULL_IS_REFUSED(hc_replay_guard_custom(&store, NULL, &guard, place), "store.contains");
    store.contains = says;
    NULL_IS_REFUSED(hc_replay_guard_custom(&store, NULL, &guard, place), "store.record");
    store.record = takes;
    NULL_IS_REFUSED(hc_replay_guard_custom(&store, NULL, NULL, place), "guard");
    hc_replay_options options = {.struct_size = sizeof options, .retention_seconds = -2};
    REFUSED(hc_replay_guard_new(&options, &guard, &error), HC_INVALID_ARGUMENT, "retention_seconds");
    options = (hc_replay_options){.struct_size = sizeof options, .capacity = 1};
    REFUSED(hc_replay_guard_sqlite("x", &options, &guard, &error), HC_INVALID_ARGUMENT, "capacity");
    REFUSED(hc_replay_guard_custom(&store, &options, &guard, &error), HC_INVALID_ARGUMENT, "capacity");
    REFUSED(hc_replay_guard_sqlite("/no/such/folder/x.db", NULL, &guard, &error), HC_STORE, "/no/such/folder/x.db");
    CHECK(guard == NULL);

    WORKS(hc_replay_guard_new(NULL, &guard, &error));
    NULL_IS_REFUSED(hc_replay_guard_check(NULL, NULL, &again, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_check(guard, NULL, &again, place), "event");
    NULL_IS_REFUSED(hc_replay_guard_check(guard, NULL, NULL, place), "again");
    NULL_IS_REFUSED(hc_replay_guard_commit(NULL, NULL, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_commit(guard, NULL, place), "event");
    NULL_IS_REFUSED(hc_replay_guard_check_id(NULL, "msg_1", &again, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_check_id(guard, NULL, &again, place), "message_id");
    NULL_IS_REFUSED(hc_replay_guard_check_id(guard, "msg_1", NULL, place), "again");
    TEXT_IS_REFUSED(hc_replay_guard_check_id(guard, NOT_UTF8, &again, place), "message_id");
    NULL_IS_REFUSED(hc_replay_guard_commit_id(NULL, "msg_1", place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_commit_id(guard, NULL, place), "message_id");
    NULL_IS_REFUSED(hc_replay_guard_check_id_at(NULL, "msg_1", 0, &again, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_check_id_at(guard, NULL, 0, &again, place), "message_id");
    NULL_IS_REFUSED(hc_replay_guard_check_id_at(guard, "msg_1", 0, NULL, place), "again");
    NULL_IS_REFUSED(hc_replay_guard_commit_id_at(NULL, "msg_1", 0, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_commit_id_at(guard, NULL, 0, place), "message_id");
    REFUSED(hc_replay_guard_check_id(guard, "", &again, &error), HC_INVALID_ARGUMENT, "message id is empty");
    REFUSED(hc_replay_guard_commit_id(guard, "", &error), HC_INVALID_ARGUMENT, "message id is empty");
    REFUSED(hc_replay_guard_check_id_at(guard, "msg_1", INT64_MAX, &again, &error), HC_INVALID_ARGUMENT, "now_unix");
    REFUSED(hc_replay_guard_commit_id_at(guard, "msg_1", INT64_MIN, &error), HC_INVALID_ARGUMENT, "now_unix");
    CHECK(!again);
    WORKS(hc_replay_guard_commit_id(guard, "msg_1", &error));
    WORKS(hc_replay_guard_check_id(guard, "msg_1", &again, &error));
    CHECK(again);
    hc_replay_guard_free(guard);

    /* What a store answers beside yes and no is its failure. */
    int answer = 7;
    store.user_data = &answer;
    WORKS(hc_replay_guard_custom(&store, NULL, &guard, &error));
    REFUSED(hc_replay_guard_check_id(guard, "msg_1", &again, &error), HC_STORE, "contains returned 7");
    REFUSED(hc_replay_guard_commit_id(guard, "msg_1", &error), HC_STORE, "record returned 7");
    answer = 0;
    WORKS(hc_replay_guard_commit_id(guard, "msg_1", &error));
    WORKS(hc_replay_guard_check_id(guard, "msg_1", &again, &error));
    CHECK(!again);
    hc_replay_guard_free(guard);
}

static void sandboxes(void) {
    hc_sandbox *sandbox = NULL;
    hc_user *user = NULL;
    hc_group *group = NULL;
    hc_text *text = NULL;
    hc_error *error = NULL;
    hc_sandbox_options options = {.struct_size = sizeof options, .users = -2};
    NULL_IS_REFUSED(hc_sandbox_new(NULL, NULL, place), "sandbox");
    REFUSED(hc_sandbox_new(&options, &sandbox, &error), HC_INVALID_ARGUMENT, "options.users");
    options.users = HC_SANDBOX_NONE;
    WORKS(hc_sandbox_new(&options, &sandbox, &error));

    hc_sandbox_user fields = {.struct_size = sizeof fields};
    NULL_IS_REFUSED(hc_sandbox_register_endpoint(NULL, "http://127.0.0.1:9", place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_register_endpoint(sandbox, NULL, place), "url");
    NULL_IS_REFUSED(hc_sandbox_create_user(NULL, &fields, &user, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_create_user(sandbox, NULL, &user, place), "new_user");
    NULL_IS_REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, place), "new_user.email");
    NULL_IS_REFUSED(hc_sandbox_create_user(sandbox, &fields, NULL, place), "user");
    fields.email = NOT_UTF8;
    TEXT_IS_REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, place), "new_user.email");
    fields.email = "ada";
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_BAD_REQUEST, "email: expected an address");
    fields.email = "ada@example.com";
    fields.groups_len = 1;
    NULL_IS_REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, place), "new_user.groups");
    const char *groups[] = {NULL};
    fields.groups = groups;
    NULL_IS_REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, place), "new_user.groups[0]");
    groups[0] = "Nobody";
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_BAD_REQUEST, "there is no group");
    fields.groups_len = 0;
    fields.active = 1;
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_INVALID_ARGUMENT, "new_user.active");
    fields.active = 2;
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_INVALID_ARGUMENT, "new_user.active");
    fields.active = 0;
    fields.reserved = 1;
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_INVALID_ARGUMENT, "new_user.reserved");
    fields.reserved = 0;
    fields.directory_id = "dir_0";
    REFUSED(hc_sandbox_create_user(sandbox, &fields, &user, &error), HC_NOT_FOUND, "directory not found");
    REFUSED(hc_sandbox_update_user(sandbox, "diruser_0", &fields, &user, &error), HC_INVALID_ARGUMENT, "do not move");
    fields.directory_id = NULL;
    NULL_IS_REFUSED(hc_sandbox_update_user(NULL, "diruser_0", &fields, &user, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_update_user(sandbox, NULL, &fields, &user, place), "user_id");
    NULL_IS_REFUSED(hc_sandbox_update_user(sandbox, "diruser_0", NULL, &user, place), "change");
    NULL_IS_REFUSED(hc_sandbox_update_user(sandbox, "diruser_0", &fields, NULL, place), "user");
    REFUSED(hc_sandbox_update_user(sandbox, "diruser_0", &fields, &user, &error), HC_NOT_FOUND, "user not found");
    NULL_IS_REFUSED(hc_sandbox_delete_user(NULL, "diruser_0", place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_delete_user(sandbox, NULL, place), "user_id");
    REFUSED(hc_sandbox_delete_user(sandbox, "diruser_0", &error), HC_NOT_FOUND, "user not found");
    NULL_IS_REFUSED(hc_sandbox_create_group(NULL, "Pilots", NULL, NULL, &group, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_create_group(sandbox, NULL, NULL, NULL, &group, place), "display_name");
    NULL_IS_REFUSED(hc_sandbox_create_group(sandbox, "Pilots", NULL, NULL, NULL, place), "group");
    NULL_IS_REFUSED(hc_sandbox_update_group(NULL, "dirgroup_0", "Pilots", &group, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_update_group(sandbox, NULL, "Pilots", &group, place), "group_id");
    NULL_IS_REFUSED(hc_sandbox_update_group(sandbox, "dirgroup_0", NULL, &group, place), "display_name");
    NULL_IS_REFUSED(hc_sandbox_update_group(sandbox, "dirgroup_0", "Pilots", NULL, place), "group");
    NULL_IS_REFUSED(hc_sandbox_delete_group(NULL, "dirgroup_0", place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_delete_group(sandbox, NULL, place), "group_id");
    NULL_IS_REFUSED(hc_sandbox_add_member(NULL, "dirgroup_0", "diruser_0", place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_add_member(sandbox, NULL, "diruser_0", place), "group_id");
    NULL_IS_REFUSED(hc_sandbox_add_member(sandbox, "dirgroup_0", NULL, place), "user_id");
    NULL_IS_REFUSED(hc_sandbox_remove_member(NULL, "dirgroup_0", "diruser_0", place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_remove_member(sandbox, NULL, "diruser_0", place), "group_id");
    NULL_IS_REFUSED(hc_sandbox_remove_member(sandbox, "dirgroup_0", NULL, place), "user_id");
    const char *faults[] = {NULL};
    NULL_IS_REFUSED(hc_sandbox_fault(NULL, faults, 0, 1, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_fault(sandbox, NULL, 1, 1, place), "faults");
    NULL_IS_REFUSED(hc_sandbox_fault(sandbox, faults, 1, 1, place), "faults[0]");
    faults[0] = "earthquake";
    REFUSED(hc_sandbox_fault(sandbox, faults, 1, 1, &error), HC_BAD_REQUEST, "earthquake");
    NULL_IS_REFUSED(hc_sandbox_advance(NULL, 1, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_deliveries(NULL, &text, place), "sandbox");
    NULL_IS_REFUSED(hc_sandbox_deliveries(sandbox, NULL, place), "deliveries");
    CHECK(user == NULL && group == NULL && text == NULL);
    hc_sandbox_free(sandbox);

    NULL_IS_REFUSED(hc_sandbox_event_body(NULL, NULL, &text, place), "type_");
    NULL_IS_REFUSED(hc_sandbox_event_body("role.created", NULL, NULL, place), "body");
    TEXT_IS_REFUSED(hc_sandbox_event_body(NOT_UTF8, NULL, &text, place), "type_");
    TEXT_IS_REFUSED(hc_sandbox_event_body("role.created", NOT_UTF8, &text, place), "overrides");
    REFUSED(hc_sandbox_event_body("role.made", NULL, &text, &error), HC_BAD_REQUEST, "role.made");
    REFUSED(hc_sandbox_event_body("role.created", "[", &text, &error), HC_BAD_REQUEST, "overrides");
    REFUSED(hc_sandbox_event_body("role.created", "{\"organisation_id\":\"\"}", &text, &error), HC_BAD_REQUEST, "organisation_id");
    CHECK(text == NULL);
}

static void mirrors(void) {
    hc_mirror *mirror = a_mirror(), *opened = NULL;
    hc_mirror_user_iter *iter = NULL;
    const hc_mirror_user *next = NULL;
    hc_mirror_user *user = NULL;
    hc_mirror_user_list *users = NULL;
    hc_mirror_group *group = NULL;
    hc_mirror_group_list *groups = NULL;
    hc_mirror_directory_list *directories = NULL;
    hc_change_batch *batch = NULL;
    hc_parked_list *parked = NULL;
    hc_consumer_list *consumers = NULL;
    hc_sync_reports *reports = NULL;
    hc_mirror_directory_status_list *statuses = NULL;
    hc_text_list *ids = NULL;
    hc_role_map *role_map = NULL;
    hc_outcome outcome = HC_OUTCOME_APPLIED;
    bool dropped = true;
    hc_header header = {"webhook-id", "msg_1", 5};
    hc_role_pair pairs[] = {{"Crew", "sailor"}};
    NULL_IS_REFUSED(hc_mirror_open(NULL, NULL, NULL, &opened, place), "path");
    NULL_IS_REFUSED(hc_mirror_open(":memory:", NULL, NULL, NULL, place), "mirror");
    TEXT_IS_REFUSED(hc_mirror_open(NOT_UTF8, NULL, NULL, &opened, place), "path");
    NULL_IS_REFUSED(hc_mirror_receive(NULL, &header, 1, "{}", 2, &outcome, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_receive(mirror, NULL, 1, "{}", 2, &outcome, place), "headers");
    NULL_IS_REFUSED(hc_mirror_receive(mirror, &header, 1, NULL, 2, &outcome, place), "body");
    NULL_IS_REFUSED(hc_mirror_receive(mirror, &header, 1, "{}", 2, NULL, place), "outcome");
    NULL_IS_REFUSED(hc_mirror_apply(NULL, NULL, &outcome, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_apply(mirror, NULL, &outcome, place), "event");
    NULL_IS_REFUSED(hc_mirror_apply(mirror, NULL, NULL, place), "outcome");
    NULL_IS_REFUSED(hc_mirror_link(NULL, "u", "a", place), "mirror");
    NULL_IS_REFUSED(hc_mirror_link(mirror, NULL, "a", place), "user_id");
    TEXT_IS_REFUSED(hc_mirror_link(mirror, NOT_UTF8, "a", place), "user_id");
    TEXT_IS_REFUSED(hc_mirror_link(mirror, "u", NOT_UTF8, place), "account_id");
    NULL_IS_REFUSED(hc_mirror_set_role_map(NULL, pairs, 1, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_set_role_map(mirror, NULL, 1, place), "pairs");
    NULL_IS_REFUSED(hc_mirror_role_map(NULL, &role_map, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_role_map(mirror, NULL, place), "role_map");
    NULL_IS_REFUSED(hc_mirror_users(NULL, "o", NULL, &iter, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_users(mirror, NULL, NULL, &iter, place), "organization_id");
    NULL_IS_REFUSED(hc_mirror_users(mirror, "o", NULL, NULL, place), "iter");
    TEXT_IS_REFUSED(hc_mirror_users(mirror, NOT_UTF8, NULL, &iter, place), "organization_id");
    NULL_IS_REFUSED(hc_mirror_user_iter_next(NULL, &next, place), "iter");
    NULL_IS_REFUSED(hc_mirror_user_iter_next(iter, NULL, place), "user");
    NULL_IS_REFUSED(hc_mirror_user_get(NULL, "u", &user, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_user_get(mirror, NULL, &user, place), "user_id");
    NULL_IS_REFUSED(hc_mirror_user_get(mirror, "u", NULL, place), "user");
    TEXT_IS_REFUSED(hc_mirror_user_get(mirror, NOT_UTF8, &user, place), "user_id");
    NULL_IS_REFUSED(hc_mirror_find_users(NULL, "e", &users, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_find_users(mirror, NULL, &users, place), "email");
    NULL_IS_REFUSED(hc_mirror_find_users(mirror, "e", NULL, place), "users");
    TEXT_IS_REFUSED(hc_mirror_find_users(mirror, NOT_UTF8, &users, place), "email");
    NULL_IS_REFUSED(hc_mirror_group_get(NULL, "g", &group, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_group_get(mirror, NULL, &group, place), "group_id");
    NULL_IS_REFUSED(hc_mirror_group_get(mirror, "g", NULL, place), "group");
    TEXT_IS_REFUSED(hc_mirror_group_get(mirror, NOT_UTF8, &group, place), "group_id");
    NULL_IS_REFUSED(hc_mirror_groups(NULL, "o", "d", &groups, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_groups(mirror, NULL, "d", &groups, place), "organization_id");
    NULL_IS_REFUSED(hc_mirror_groups(mirror, "o", "d", NULL, place), "groups");
    TEXT_IS_REFUSED(hc_mirror_groups(mirror, NOT_UTF8, "d", &groups, place), "organization_id");
    TEXT_IS_REFUSED(hc_mirror_groups(mirror, "o", NOT_UTF8, &groups, place), "directory_id");
    NULL_IS_REFUSED(hc_mirror_directories(NULL, "o", &directories, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_directories(mirror, "o", NULL, place), "directories");
    TEXT_IS_REFUSED(hc_mirror_directories(mirror, NOT_UTF8, &directories, place), "organization_id");
    NULL_IS_REFUSED(hc_mirror_sync(NULL, "o", "d", NULL, &reports, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_sync(mirror, NULL, "d", NULL, &reports, place), "organization_id");
    NULL_IS_REFUSED(hc_mirror_sync(mirror, "o", "d", NULL, NULL, place), "reports");
    TEXT_IS_REFUSED(hc_mirror_sync(mirror, NOT_UTF8, "d", NULL, &reports, place), "organization_id");
    TEXT_IS_REFUSED(hc_mirror_sync(mirror, "o", NOT_UTF8, NULL, &reports, place), "directory_id");
    NULL_IS_REFUSED(hc_mirror_sync_all(NULL, NULL, &reports, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_sync_all(mirror, NULL, NULL, place), "reports");
    NULL_IS_REFUSED(hc_mirror_status(NULL, &statuses, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_status(mirror, NULL, place), "statuses");
    NULL_IS_REFUSED(hc_mirror_held_removals(NULL, "d", &ids, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_held_removals(mirror, NULL, &ids, place), "directory_id");
    NULL_IS_REFUSED(hc_mirror_held_removals(mirror, "d", NULL, place), "user_ids");
    TEXT_IS_REFUSED(hc_mirror_held_removals(mirror, NOT_UTF8, &ids, place), "directory_id");
    NULL_IS_REFUSED(hc_mirror_poll(NULL, "c", 1, &batch, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_poll(mirror, NULL, 1, &batch, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_poll(mirror, "c", 1, NULL, place), "batch");
    TEXT_IS_REFUSED(hc_mirror_poll(mirror, NOT_UTF8, 1, &batch, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_wait(NULL, "c", 1, 0, &batch, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_wait(mirror, NULL, 1, 0, &batch, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_wait(mirror, "c", 1, 0, NULL, place), "batch");
    TEXT_IS_REFUSED(hc_mirror_wait(mirror, NOT_UTF8, 1, 0, &batch, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_ack(NULL, "c", 1, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_ack(mirror, NULL, 1, place), "consumer");
    TEXT_IS_REFUSED(hc_mirror_ack(mirror, NOT_UTF8, 1, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_park(NULL, "c", 1, "r", place), "mirror");
    NULL_IS_REFUSED(hc_mirror_park(mirror, NULL, 1, "r", place), "consumer");
    NULL_IS_REFUSED(hc_mirror_park(mirror, "c", 1, NULL, place), "reason");
    TEXT_IS_REFUSED(hc_mirror_park(mirror, NOT_UTF8, 1, "r", place), "consumer");
    TEXT_IS_REFUSED(hc_mirror_park(mirror, "c", 1, NOT_UTF8, place), "reason");
    NULL_IS_REFUSED(hc_mirror_parked_changes(NULL, "c", &parked, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_parked_changes(mirror, NULL, &parked, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_parked_changes(mirror, "c", NULL, place), "parked");
    TEXT_IS_REFUSED(hc_mirror_parked_changes(mirror, NOT_UTF8, &parked, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_drop_parked(NULL, "c", 1, &dropped, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_drop_parked(mirror, NULL, 1, &dropped, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_drop_parked(mirror, "c", 1, NULL, place), "dropped");
    TEXT_IS_REFUSED(hc_mirror_drop_parked(mirror, NOT_UTF8, 1, &dropped, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_start_from_snapshot(NULL, "c", place), "mirror");
    NULL_IS_REFUSED(hc_mirror_start_from_snapshot(mirror, NULL, place), "consumer");
    TEXT_IS_REFUSED(hc_mirror_start_from_snapshot(mirror, NOT_UTF8, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_consumers(NULL, &consumers, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_consumers(mirror, NULL, place), "consumers");
    NULL_IS_REFUSED(hc_mirror_drop_consumer(NULL, "c", &dropped, place), "mirror");
    NULL_IS_REFUSED(hc_mirror_drop_consumer(mirror, NULL, &dropped, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_drop_consumer(mirror, "c", NULL, place), "dropped");
    TEXT_IS_REFUSED(hc_mirror_drop_consumer(mirror, NOT_UTF8, &dropped, place), "consumer");
    NULL_IS_REFUSED(hc_mirror_trim(NULL, place), "mirror");

    pairs[0].group = NULL;
    NULL_IS_REFUSED(hc_mirror_set_role_map(mirror, pairs, 1, place), "pairs[0].group");
    pairs[0] = (hc_role_pair){"Crew", NULL};
    NULL_IS_REFUSED(hc_mirror_set_role_map(mirror, pairs, 1, place), "pairs[0].role");
    pairs[0].role = NOT_UTF8;
    TEXT_IS_REFUSED(hc_mirror_set_role_map(mirror, pairs, 1, place), "pairs[0].role");
    hc_mirror_options options = {.struct_size = sizeof options, .webhook_secret = NOT_UTF8};
    TEXT_IS_REFUSED(hc_mirror_open(":memory:", NULL, &options, &opened, place), "options.webhook_secret");
    hc_error *error = NULL;
    options = (hc_mirror_options){.struct_size = sizeof options, .reserved = 1};
    REFUSED(hc_mirror_open(":memory:", NULL, &options, &opened, &error), HC_INVALID_ARGUMENT, "options.reserved");
    hc_mirror_user_options which = {.struct_size = sizeof which, .group_id = NOT_UTF8};
    TEXT_IS_REFUSED(hc_mirror_users(mirror, "o", &which, &iter, place), "options.group_id");
    which = (hc_mirror_user_options){.struct_size = sizeof which, .directory_id = NOT_UTF8};
    TEXT_IS_REFUSED(hc_mirror_users(mirror, "o", &which, &iter, place), "options.directory_id");
    header.name = NULL;
    NULL_IS_REFUSED(hc_mirror_receive(mirror, &header, 1, "{}", 2, &outcome, place), "headers[0].name");
    CHECK(outcome == HC_OUTCOME_NONE && !dropped);
    CHECK(opened == NULL && iter == NULL && next == NULL && user == NULL && users == NULL && group == NULL && groups == NULL);
    CHECK(directories == NULL && batch == NULL && parked == NULL && consumers == NULL && reports == NULL && statuses == NULL);
    CHECK(ids == NULL && role_map == NULL);
    hc_mirror_free(mirror);
}

int main(void) {
    accessors_take_null();
    frees_take_null();
    making_a_client();
    sizes();
    hc_client *client = a_client();
    organizations(client);
    directories(client);
    users(client);
    groups(client);
    hc_client_free(client);
    making_a_webhook();
    using_a_webhook();
    a_nul_inside();
    replay_guards();
    sandboxes();
    mirrors();
    return closing_line("test_null");
}
