/* Calls of a client refuse NULL in every required parameter, and text that is not UTF-8. Calls with options refuse those of an invalid size. A string
 * may be freed as soon as the call that it was passed to returns. No server is needed. */
#define _POSIX_C_SOURCE 200809L
#include "arguments.h"

static void hc_client_new_checks_and_copies_its_options(void) {
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

    /* The texts are freed after the call, so valgrind reports it if the library did not copy them. */
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

/* Passes invalid sizes to calls with options. Only struct_size is allocated, so that valgrind reports any read beyond it. */
static void options_of_an_invalid_size_are_refused_and_those_of_other_versions_are_accepted(void) {
    static const size_t invalid[] = {0, 1, 2, 7, 9, 12, 13, 1025, 4096, (size_t)1 << 32, SIZE_MAX / 2, SIZE_MAX};
    hc_client *client = a_client();
    hc_error *error = NULL;
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        size_t *size = malloc(sizeof *size);
        *size = invalid[i];
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

    /* A program that was compiled with an older header passes a shorter struct. One that was compiled with a newer header passes a
     * longer one, which is accepted if the additional bytes are 0. */
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
    REFUSED(hc_webhook_new(&SECRET, 1, &newer.known, &webhook, &error), HC_INVALID_ARGUMENT, "does not have");
    hc_client_free(client);
}

static void calls_about_organizations_check_their_arguments(hc_client *client) {
    hc_organization_page *page = NULL;
    hc_organization_iter *iter = NULL;
    hc_organization *one = NULL;
    hc_portal_link *link = NULL;
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
    NULL_IS_REFUSED(hc_organization_update_by_external_id(NULL, "o", &fields, &one, place), "client");
    NULL_IS_REFUSED(hc_organization_update_by_external_id(client, NULL, &fields, &one, place), "external_id");
    NULL_IS_REFUSED(hc_organization_update_by_external_id(client, "o", NULL, &one, place), "fields");
    NULL_IS_REFUSED(hc_organization_update_by_external_id(client, "o", &fields, NULL, place), "organization");
    NULL_IS_REFUSED(hc_organization_update_settings(NULL, "o", NULL, 0, &one, place), "client");
    NULL_IS_REFUSED(hc_organization_update_settings(client, NULL, NULL, 0, &one, place), "organization_id");
    NULL_IS_REFUSED(hc_organization_update_settings(client, "o", NULL, 0, NULL, place), "organization");
    NULL_IS_REFUSED(hc_organization_generate_portal_link(NULL, "o", NULL, 0, &link, place), "client");
    NULL_IS_REFUSED(hc_organization_generate_portal_link(client, NULL, NULL, 0, &link, place), "organization_id");
    NULL_IS_REFUSED(hc_organization_generate_portal_link(client, "o", NULL, 0, NULL, place), "link");
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

static void calls_about_directories_check_their_arguments(hc_client *client) {
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

static void listing_users_checks_its_arguments(hc_client *client) {
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

static void listing_groups_checks_its_arguments(hc_client *client) {
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

int main(void) {
    hc_client_new_checks_and_copies_its_options();
    options_of_an_invalid_size_are_refused_and_those_of_other_versions_are_accepted();
    hc_client *client = a_client();
    calls_about_organizations_check_their_arguments(client);
    calls_about_directories_check_their_arguments(client);
    listing_users_checks_its_arguments(client);
    listing_groups_checks_its_arguments(client);
    hc_client_free(client);
    return closing_line("test_arguments");
}
