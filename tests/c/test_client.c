/* A client of a sandbox: every endpoint, every filter, pages, iterators, settings, errors, deadlines, cancellation, threads and a fork. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *organization_id, *directory_id;

static hc_client *client_with(const char *url, const char *id, const char *secret) {
    hc_client_options options = {
        .struct_size = sizeof options,
        .environment_url = url,
        .client_id = id,
        .client_secret = secret,
        .timeout_ms = 20000,
        .max_attempts = 1,
    };
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_new(&options, &client, &error));
    return client;
}

static void organizations_are_listed_and_fetched(hc_client *client) {
    hc_error *error = NULL;
    hc_organization_page *page = NULL;
    WORKS(hc_organizations(client, NULL, &page, &error));
    size_t total = hc_organization_page_total_size(page);
    CHECK(total == strtoul(setting("SANDBOX_ORGANIZATIONS"), NULL, 10));
    CHECK_TEXT(hc_organization_page_prev_page_token(page), "");
    /* The sandbox's first organization is listed last, so it is looked up by its external id. */
    hc_organization_options by_external_id = {.struct_size = sizeof by_external_id, .external_id = "tenant_1"};
    hc_organization_page *filtered = NULL;
    WORKS(hc_organizations(client, &by_external_id, &filtered, &error));
    const hc_organization *first = hc_organization_page_at(filtered, 0);
    CHECK_TEXT(hc_organization_id(first), organization_id);
    CHECK(strlen(hc_organization_display_name(first)) > 0 && strlen(hc_organization_external_id(first)) > 0);
    CHECK(strlen(hc_organization_slug(first)) > 0);
    CHECK_TEXT(hc_organization_region_code(first), "US");
    CHECK_TEXT(hc_organization_logo_url(first), "");
    CHECK(strstr(hc_organization_create_time(first), "T") != NULL && strstr(hc_organization_update_time(first), "Z") != NULL);
    CHECK(strstr(hc_organization_json(first), "\"display_name\":") != NULL);
    CHECK(hc_organization_page_at(page, hc_organization_page_len(page)) == NULL);
    CHECK(hc_organization_page_at(page, SIZE_MAX) == NULL);

    hc_organization *one = NULL, *same = NULL;
    WORKS(hc_organization_get(client, organization_id, &one, &error));
    CHECK_TEXT(hc_organization_json(one), hc_organization_json(first));
    WORKS(hc_organization_get_by_external_id(client, hc_organization_external_id(one), &same, &error));
    CHECK_TEXT(hc_organization_id(same), organization_id);

    /* The next page, and the page before it. */
    hc_organization_page_free(filtered);
    hc_organization_options options = {.struct_size = sizeof options, .page_size = 10};
    hc_organization_page *begin = NULL, *next = NULL, *back = NULL;
    WORKS(hc_organizations(client, &options, &begin, &error));
    CHECK(hc_organization_page_len(begin) == 10);
    options.page_token = hc_organization_page_next_page_token(begin);
    WORKS(hc_organizations(client, &options, &next, &error));
    CHECK(hc_organization_page_len(next) == total - 10);
    CHECK_TEXT(hc_organization_page_next_page_token(next), "");
    options.page_token = hc_organization_page_prev_page_token(next);
    CHECK(options.page_token[0] != '\0');
    WORKS(hc_organizations(client, &options, &back, &error));
    CHECK_TEXT(hc_organization_id(hc_organization_page_at(back, 0)), hc_organization_id(hc_organization_page_at(begin, 0)));
    CHECK_TEXT(hc_organization_id(hc_organization_page_at(next, total - 11)), organization_id);
    hc_organization_page_free(begin);
    hc_organization_page_free(next);
    hc_organization_page_free(back);
    hc_organization_page_free(page);

    options = (hc_organization_options){.struct_size = sizeof options, .external_id = hc_organization_external_id(one)};
    WORKS(hc_organizations(client, &options, &page, &error));
    CHECK(hc_organization_page_len(page) == 1 && hc_organization_page_total_size(page) == 1);
    CHECK_TEXT(hc_organization_id(hc_organization_page_at(page, 0)), organization_id);
    hc_organization_page_free(page);

    hc_organization_iter *iter = NULL;
    const hc_organization *each = NULL;
    size_t count = 0;
    options = (hc_organization_options){.struct_size = sizeof options, .page_size = 10};
    WORKS(hc_organizations_iter(client, &options, &iter, &error));
    while (hc_organization_iter_next(iter, &each, &error) == HC_OK && each != NULL) count++;
    CHECK(error == NULL && count == total);
    hc_organization_iter_free(iter);
    hc_organization_free(one);
    hc_organization_free(same);
}

static void directories_are_listed_fetched_disabled_and_enabled(hc_client *client) {
    hc_error *error = NULL;
    hc_directory_list *list = NULL;
    hc_directory *one = NULL, *primary = NULL;
    hc_directory_toggle *toggle = NULL;
    WORKS(hc_directories(client, organization_id, &list, &error));
    CHECK(hc_directory_list_len(list) >= 1);
    CHECK(hc_directory_list_at(list, hc_directory_list_len(list)) == NULL);
    WORKS(hc_directory_primary(client, organization_id, &primary, &error));
    CHECK_TEXT(hc_directory_id(primary), directory_id);
    CHECK_TEXT(hc_directory_id(hc_directory_list_at(list, 0)), directory_id);
    WORKS(hc_directory_get(client, organization_id, directory_id, &one, &error));
    CHECK_TEXT(hc_directory_json(one), hc_directory_json(primary));
    CHECK_TEXT(hc_directory_organization_id(one), organization_id);
    CHECK_TEXT(hc_directory_type(one), "SCIM");
    CHECK(strlen(hc_directory_name(one)) > 0 && strlen(hc_directory_provider(one)) > 0);
    CHECK_TEXT(hc_directory_status(one), "ACTIVE");
    CHECK_TEXT(hc_directory_email(one), "");
    CHECK(strstr(hc_directory_endpoint(one), "https://") == hc_directory_endpoint(one));
    CHECK_TEXT(hc_directory_groups_tracked(one), "ALL");
    CHECK(hc_directory_total_users(one) == strtoul(setting("SANDBOX_USERS"), NULL, 10));
    CHECK(hc_directory_total_groups(one) == 5);
    CHECK(hc_directory_enabled(one));
    CHECK(strstr(hc_directory_last_synced_at(one), "Z") != NULL);
    hc_directory_free(one);

    WORKS(hc_directory_disable(client, organization_id, directory_id, &toggle, &error));
    CHECK(!hc_directory_toggle_enabled(toggle));
    CHECK(hc_directory_toggle_error_message(toggle) != NULL);
    hc_directory_toggle_free(toggle);
    WORKS(hc_directory_get(client, organization_id, directory_id, &one, &error));
    CHECK(!hc_directory_enabled(one));
    hc_directory_free(one);
    WORKS(hc_directory_enable(client, organization_id, directory_id, &toggle, &error));
    CHECK(hc_directory_toggle_enabled(toggle));
    CHECK_TEXT(hc_directory_toggle_error_message(toggle), "");
    hc_directory_toggle_free(toggle);
    hc_directory_free(primary);
    hc_directory_list_free(list);
}

static hc_user_page *user_page(hc_client *client, const hc_user_options *options) {
    hc_user_page *page = NULL;
    hc_error *error = NULL;
    WORKS(hc_directory_users(client, organization_id, directory_id, options, &page, &error));
    return page;
}

static void users_are_listed_with_every_filter(hc_client *client) {
    hc_user_options options = {.struct_size = sizeof options, .page_size = 3};
    hc_user_page *page = user_page(client, &options);
    size_t total = hc_user_page_total_size(page);
    CHECK(total == strtoul(setting("SANDBOX_USERS"), NULL, 10));
    CHECK(hc_user_page_len(page) == 3 && hc_user_page_at(page, 3) == NULL);
    const hc_user *user = hc_user_page_at(page, 0);
    CHECK(strncmp(hc_user_id(user), "diruser_", 8) == 0);
    CHECK(strchr(hc_user_email(user), '@') != NULL);
    CHECK(strlen(hc_user_given_name(user)) > 0 && strlen(hc_user_family_name(user)) > 0);
    CHECK(strlen(hc_user_preferred_username(user)) > 0);
    CHECK(strstr(hc_user_updated_at(user), "Z") != NULL);
    CHECK(hc_user_user_detail(user) == NULL);
    CHECK(strstr(hc_user_json(user), hc_user_id(user)) != NULL && strstr(hc_user_json(user), "user_detail") == NULL);
    CHECK(hc_user_emails_len(user) >= 1);
    CHECK_TEXT(hc_user_emails_at(user, 0), hc_user_email(user));
    CHECK(hc_user_emails_at(user, hc_user_emails_len(user)) == NULL);
    CHECK(hc_user_groups_at(user, hc_user_groups_len(user)) == NULL);
    /* Not every user is in a group, but at least one of the first thirty is. */
    hc_user_options most = {.struct_size = sizeof most, .page_size = 30};
    hc_user_page *many = user_page(client, &most);
    const hc_group *group = NULL;
    for (size_t i = 0; group == NULL && i < hc_user_page_len(many); i++) {
        group = hc_user_groups_at(hc_user_page_at(many, i), 0);
    }
    CHECK(group != NULL);
    if (group == NULL) exit(2);
    CHECK(strncmp(hc_group_id(group), "dirgroup_", 9) == 0 && strlen(hc_group_display_name(group)) > 0);

    /* The next page, and the page before it. */
    options.page_token = hc_user_page_next_page_token(page);
    hc_user_page *next = user_page(client, &options);
    CHECK(strcmp(hc_user_id(hc_user_page_at(next, 0)), hc_user_id(user)) != 0);
    options.page_token = hc_user_page_prev_page_token(next);
    CHECK(options.page_token[0] != '\0');
    hc_user_page *back = user_page(client, &options);
    CHECK_TEXT(hc_user_id(hc_user_page_at(back, 0)), hc_user_id(user));
    hc_user_page_free(back);
    hc_user_page_free(next);

    /* With details, and without. */
    options = (hc_user_options){.struct_size = sizeof options, .page_size = 1, .include_detail = 1};
    hc_user_page *detailed = user_page(client, &options);
    const char *detail = hc_user_user_detail(hc_user_page_at(detailed, 0));
    CHECK(detail != NULL && detail[0] == '{' && strstr(hc_user_json(hc_user_page_at(detailed, 0)), detail) != NULL);
    hc_user_page_free(detailed);
    options.include_detail = -1;
    detailed = user_page(client, &options);
    CHECK(hc_user_page_len(detailed) == 1 && hc_user_user_detail(hc_user_page_at(detailed, 0)) == NULL);
    hc_user_page_free(detailed);

    /* The members of one group: as many as its total_users, each with that group. */
    options = (hc_user_options){.struct_size = sizeof options, .page_size = 30, .directory_group_id = hc_group_id(group)};
    hc_user_page *members = user_page(client, &options);
    CHECK(hc_user_page_total_size(members) == hc_group_total_users(group) && hc_user_page_len(members) >= 1);
    for (size_t i = 0; i < hc_user_page_len(members); i++) {
        const hc_user *member = hc_user_page_at(members, i);
        bool found = false;
        for (size_t j = 0; j < hc_user_groups_len(member); j++) {
            found |= strcmp(hc_group_id(hc_user_groups_at(member, j)), hc_group_id(group)) == 0;
        }
        CHECK(found);
    }
    hc_user_page_free(members);

    /* Only users that changed after the last user of the first page. */
    options = (hc_user_options){.struct_size = sizeof options, .updated_after = hc_user_updated_at(hc_user_page_at(page, 2))};
    hc_user_page *changed = user_page(client, &options);
    CHECK(hc_user_page_len(changed) >= 1 && hc_user_page_total_size(changed) < total);
    for (size_t i = 0; i < hc_user_page_len(changed); i++) {
        CHECK(strcmp(hc_user_updated_at(hc_user_page_at(changed, i)), options.updated_after) > 0);
    }
    hc_user_page_free(changed);
    hc_user_page_free(page);
    hc_user_page_free(many);
}

static void groups_are_listed_with_every_filter(hc_client *client) {
    hc_error *error = NULL;
    hc_group_options options = {.struct_size = sizeof options, .page_size = 2, .include_detail = 1};
    hc_group_page *page = NULL, *next = NULL;
    WORKS(hc_directory_groups(client, organization_id, directory_id, &options, &page, &error));
    CHECK(hc_group_page_len(page) == 2 && hc_group_page_total_size(page) == 5 && hc_group_page_at(page, 2) == NULL);
    CHECK_TEXT(hc_group_page_prev_page_token(page), "");
    const hc_group *group = hc_group_page_at(page, 0);
    CHECK(hc_group_group_detail(group) != NULL && hc_group_group_detail(group)[0] == '{');
    CHECK(strstr(hc_group_updated_at(group), "Z") != NULL);
    CHECK(strstr(hc_group_json(group), hc_group_display_name(group)) != NULL);
    options.page_token = hc_group_page_next_page_token(page);
    WORKS(hc_directory_groups(client, organization_id, directory_id, &options, &next, &error));
    CHECK(strcmp(hc_group_id(hc_group_page_at(next, 0)), hc_group_id(group)) != 0);
    hc_group_page_free(next);

    options = (hc_group_options){.struct_size = sizeof options, .updated_after = hc_group_updated_at(group)};
    WORKS(hc_directory_groups(client, organization_id, directory_id, &options, &next, &error));
    CHECK(hc_group_page_len(next) == 4 && hc_group_group_detail(hc_group_page_at(next, 0)) == NULL);
    hc_group_page_free(next);
    hc_group_page_free(page);

    for (int external = -1; external <= 1; external++) {
        hc_group_iter *iter = NULL;
        const hc_group *each = NULL;
        size_t count = 0;
        options = (hc_group_options){.struct_size = sizeof options, .page_size = 2, .include_external_groups = external};
        WORKS(hc_directory_groups_iter(client, organization_id, directory_id, &options, &iter, &error));
        while (hc_group_iter_next(iter, &each, &error) == HC_OK && each != NULL) count += strlen(hc_group_id(each)) > 0;
        CHECK(error == NULL && count == 5);
        hc_group_iter_free(iter);
    }
}

/* Compares two texts, for qsort. */
static int by_text(const void *one, const void *other) {
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The client is freed before the first call of the iterator. */
static void an_iterator_gives_every_user_once(void) {
    hc_error *error = NULL;
    hc_client *client = NULL;
    WORKS(hc_client_from_env(NULL, &client, &error));
    hc_user_iter *iter = NULL;
    WORKS(hc_directory_users_iter(client, organization_id, directory_id, NULL, &iter, &error));
    hc_client_free(client);
    size_t total = strtoul(setting("SANDBOX_USERS"), NULL, 10), count = 0;
    char **ids = calloc(total + 1, sizeof *ids);
    const hc_user *user = NULL;
    while (hc_user_iter_next(iter, &user, &error) == HC_OK && user != NULL && count <= total) ids[count++] = strdup(hc_user_id(user));
    CHECK(error == NULL && count == total);
    CHECK(hc_user_iter_next(iter, &user, &error) == HC_OK && user == NULL);
    hc_user_iter_free(iter);
    qsort(ids, count, sizeof *ids, by_text);
    for (size_t i = 1; i < count; i++) CHECK(strcmp(ids[i - 1], ids[i]) != 0);
    for (size_t i = 0; i < count; i++) free(ids[i]);
    free(ids);
}

static void a_failed_call_gives_status_and_details(hc_client *client) {
    hc_error *error = NULL;
    hc_organization *organization = NULL;
    hc_directory *directory = NULL;
    hc_user_page *page = NULL;
    hc_client *other = NULL;

    CHECK(hc_organization_get(client, "org_none", &organization, &error) == HC_NOT_FOUND);
    CHECK(hc_error_status(error) == HC_NOT_FOUND && hc_error_http_status(error) == 404 && organization == NULL);
    CHECK_TEXT(hc_error_code(error), "RESOURCE_NOT_FOUND");
    CHECK(hc_error_details(error) != NULL && hc_error_details(error)[0] == '[');
    CHECK(hc_error_reason(error) == NULL && hc_error_retry_after_ms(error) == -1);
    CHECK(strstr(hc_error_message(error), "get organization") != NULL);
    printf("  request id %s\n", hc_error_request_id(error) ? hc_error_request_id(error) : "(none)");
    hc_error_free(error);
    error = NULL;
    REFUSED(hc_directory_get(client, organization_id, "dir_none", &directory, &error), HC_NOT_FOUND, "dir_none");
    REFUSED(hc_organization_get_by_external_id(client, "none", &organization, &error), HC_NOT_FOUND, "none");
    hc_user_options options = {.struct_size = sizeof options, .page_token = "nonsense"};
    REFUSED(hc_directory_users(client, organization_id, directory_id, &options, &page, &error), HC_BAD_REQUEST, "list directory users");
    CHECK(hc_organization_get(client, "org_none", &organization, NULL) == HC_NOT_FOUND);

    const char *url = setting("SCALEKIT_ENVIRONMENT_URL"), *id = setting("SCALEKIT_CLIENT_ID");
    other = client_with(url, id, "not the secret");
    CHECK(hc_directory_primary(other, organization_id, &directory, &error) == HC_AUTHENTICATION);
    CHECK(hc_error_http_status(error) == 401 && strstr(hc_error_message(error), "not the secret") == NULL);
    hc_error_free(error);
    hc_client_free(other);
    error = NULL;

    other = client_with("http://127.0.0.1:1", id, "secret");
    REFUSED(hc_organization_get(other, "org_1", &organization, &error), HC_CONNECTION, "org_1");
    hc_client_free(other);

    static const char *const bad[] = {"", "acme.scalekit.com", "http://acme.example", "ftp://acme.example", "https://"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hc_client_options settings = {
            .struct_size = sizeof settings, .environment_url = bad[i], .client_id = "skc_1", .client_secret = "secret"};
        REFUSED(hc_client_new(&settings, &other, &error), HC_CONFIG, "environment URL");
    }
}

/* Changes the organization with the external id "t_9", changes its settings, and creates links to its admin portal. */
static void settings_are_changed_and_portal_links_created(hc_client *client, const char *id) {
    hc_error *error = NULL;
    hc_organization *changed = NULL;
    hc_organization_fields rename = {.struct_size = sizeof rename, .display_name = "Enkel"};
    WORKS(hc_organization_update_by_external_id(client, "t_9", &rename, &changed, &error));
    CHECK_TEXT(hc_organization_id(changed), id);
    CHECK_TEXT(hc_organization_display_name(changed), "Enkel");
    hc_organization_free(changed);
    REFUSED(hc_organization_update_by_external_id(client, "t_404", &rename, &changed, &error), HC_NOT_FOUND, "t_404");

    hc_feature features[] = {{.name = "sso", .enabled = false}, {.name = "session_policy", .enabled = true}};
    WORKS(hc_organization_update_settings(client, id, features, 2, &changed, &error));
    CHECK(strstr(hc_organization_json(changed), "{\"name\":\"sso\",\"enabled\":false}") != NULL);
    CHECK(strstr(hc_organization_json(changed), "{\"name\":\"session_policy\",\"enabled\":true}") != NULL);
    hc_organization_free(changed);
    features[1].name = "magic";
    REFUSED(hc_organization_update_settings(client, id, features, 2, &changed, &error), HC_BAD_REQUEST, "magic");
    features[1].name = NULL;
    REFUSED(hc_organization_update_settings(client, id, features, 2, &changed, &error), HC_INVALID_ARGUMENT, "features[1].name is NULL");
    REFUSED(hc_organization_update_settings(client, id, NULL, 2, &changed, &error), HC_INVALID_ARGUMENT, "features is NULL");

    const char *names[] = {"sso", "dir_sync"};
    hc_portal_link *one = NULL, *two = NULL;
    WORKS(hc_organization_generate_portal_link(client, id, names, 2, &one, &error));
    WORKS(hc_organization_generate_portal_link(client, id, NULL, 0, &two, &error));
    CHECK(strncmp(hc_portal_link_id(one), "lnk_", 4) == 0);
    CHECK(strcmp(hc_portal_link_id(one), hc_portal_link_id(two)) != 0);
    CHECK(strstr(hc_portal_link_location(one), hc_portal_link_id(one)) != NULL);
    CHECK(strstr(hc_portal_link_expire_time(one), "Z") != NULL);
    hc_portal_link_free(one);
    hc_portal_link_free(two);
    names[1] = "magic";
    REFUSED(hc_organization_generate_portal_link(client, id, names, 2, &one, &error), HC_BAD_REQUEST, "magic");
    names[1] = NULL;
    REFUSED(hc_organization_generate_portal_link(client, id, names, 2, &one, &error), HC_INVALID_ARGUMENT, "features[1] is NULL");
    REFUSED(hc_organization_generate_portal_link(client, "org_404", NULL, 0, &one, &error), HC_NOT_FOUND, "org_404");
}

static void an_organization_is_created_changed_and_deleted(hc_client *client) {
    hc_error *error = NULL;
    hc_organization *made = NULL, *changed = NULL, *gone = NULL;
    const char *pairs[] = {"plan", "team", "owner", "Zo\xc3\xab"};
    hc_organization_fields fields = {
        .struct_size = sizeof fields, .display_name = "S\xc3\xb6hne", .external_id = "t_9", .metadata = pairs, .metadata_len = 2};
    WORKS(hc_organization_create(client, &fields, &made, &error));
    CHECK_TEXT(hc_organization_display_name(made), "S\xc3\xb6hne");
    CHECK_TEXT(hc_organization_external_id(made), "t_9");
    CHECK(strstr(hc_organization_json(made), "\"owner\":\"Zo\xc3\xab\"") != NULL);
    hc_organization_fields rename = {.struct_size = sizeof rename, .display_name = "T\xc3\xb6" "chter", .slug = "tochter"};
    WORKS(hc_organization_update(client, hc_organization_id(made), &rename, &changed, &error));
    CHECK_TEXT(hc_organization_display_name(changed), "T\xc3\xb6" "chter");
    CHECK_TEXT(hc_organization_slug(changed), "tochter");
    CHECK_TEXT(hc_organization_external_id(changed), "t_9");
    settings_are_changed_and_portal_links_created(client, hc_organization_id(made));
    WORKS(hc_organization_delete(client, hc_organization_id(made), &error));
    REFUSED(hc_organization_delete(client, hc_organization_id(made), &error), HC_NOT_FOUND, "delete organization");
    REFUSED(hc_organization_get(client, hc_organization_id(made), &gone, &error), HC_NOT_FOUND, "get organization");
    rename.display_name = NULL;
    REFUSED(hc_organization_create(client, &rename, &gone, &error), HC_INVALID_ARGUMENT, "fields.display_name is NULL");
    fields.display_name = "";
    REFUSED(hc_organization_create(client, &fields, &gone, &error), HC_BAD_REQUEST, "create organization");
    pairs[3] = NULL;
    REFUSED(hc_organization_create(client, &fields, &gone, &error), HC_INVALID_ARGUMENT, "fields.metadata[3] is NULL");
    hc_organization_free(made);
    hc_organization_free(changed);
}

static void settings_take_effect_and_requests_are_counted(void) {
    hc_error *error = NULL;
    hc_client *client = NULL, *other = NULL;
    hc_organization_page *page = NULL;
    hc_client_options options = {
        .struct_size = sizeof options,
        .environment_url = setting("SCALEKIT_ENVIRONMENT_URL"),
        .client_id = setting("SCALEKIT_CLIENT_ID"),
        .client_secret = setting("SCALEKIT_CLIENT_SECRET"),
        .attempt_timeout_ms = 5000, .connect_timeout_ms = 5000, .retry_base_ms = 1, .retry_cap_ms = 2, .retry_budget = 7,
        .max_concurrency = 2, .max_response_bytes = 1 << 20, .proxy = "", .user_agent_suffix = "acme/1.0"};
    WORKS(hc_client_new(&options, &client, &error));
    CHECK(hc_client_requests(client) == 0);
    hc_call_options call = {.struct_size = sizeof call, .timeout_ms = 10000, .max_attempts = 2};
    WORKS(hc_client_with(client, &call, &other, &error));
    WORKS(hc_organizations(other, NULL, &page, &error));
    hc_organization_page_free(page);
    hc_client_free(other);
    CHECK(hc_client_requests(client) == 2 && hc_client_token_renewals(client) == 1 && hc_client_pages(client) == 1);
    CHECK(hc_client_bytes(client) > 100 && hc_client_retries(client) == 0 && hc_client_throttled(client) == 0);
    hc_client_free(client);

    options.max_response_bytes = 10;
    WORKS(hc_client_new(&options, &client, &error));
    REFUSED(hc_organizations(client, NULL, &page, &error), HC_DECODE, "max_response_bytes");
    hc_client_free(client);
    options.max_response_bytes = 0;
    options.ca_file = "/does/not/exist.pem";
    REFUSED(hc_client_new(&options, &client, &error), HC_CONFIG, "ca_file");
    options.ca_file = NULL;
    options.proxy = "ftp://proxy";
    REFUSED(hc_client_new(&options, &client, &error), HC_CONFIG, "proxy");
}

/* A client, and the status of the call that make_blocked_call made with it. */
typedef struct { hc_client *client; hc_status status; } blocked_call;

static void *make_blocked_call(void *argument) {
    blocked_call *call = argument;
    hc_organization *organization = NULL;
    hc_error *error = NULL;
    call->status = hc_organization_get(call->client, "org_1", &organization, &error);
    CHECK(organization == NULL && hc_error_status(error) == call->status);
    hc_error_free(error);
    return NULL;
}

/* The server of this test accepts connections and sends no answer. */
static void a_call_ends_when_it_is_cancelled_or_at_its_deadline(void) {
    hc_error *error = NULL;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    hc_client *client = client_with(url, "skc_1", "secret"), *calls[3] = {NULL};
    hc_cancel *cancel = NULL;
    WORKS(hc_cancel_new(&cancel, &error));
    CHECK(!hc_cancel_is_cancelled(cancel));
    hc_call_options options = {.struct_size = sizeof options, .cancel = cancel};
    blocked_call waits[3];
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        WORKS(hc_client_with(client, &options, &calls[i], &error));
        waits[i] = (blocked_call){calls[i], HC_OK};
        CHECK(pthread_create(&threads[i], NULL, make_blocked_call, &waits[i]) == 0);
    }
    /* Waits until one of the calls has reached the server. */
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    WORKS(hc_cancel_cancel(cancel, &error));
    CHECK(hc_cancel_is_cancelled(cancel));
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        CHECK(waits[i].status == HC_CANCELLED);
    }
    /* Later calls fail immediately, also after the handle was freed. */
    hc_cancel_free(cancel);
    make_blocked_call(&waits[0]);
    CHECK(waits[0].status == HC_CANCELLED);
    /* A client whose calls have a deadline of 50 milliseconds. */
    hc_call_options brief = {.struct_size = sizeof brief, .timeout_ms = 50};
    hc_client *quick = NULL;
    WORKS(hc_client_with(client, &brief, &quick, &error));
    waits[0].client = quick;
    make_blocked_call(&waits[0]);
    CHECK(waits[0].status == HC_TIMEOUT);
    hc_client_free(quick);
    for (int i = 0; i < 3; i++) hc_client_free(calls[i]);
    hc_client_free(client);
    close(accepted);
    close(listener);
}

static void a_client_from_the_environment_needs_every_variable(void) {
    static const char *const names[] = {"SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"};
    hc_client *client = NULL;
    hc_error *error = NULL;
    for (size_t i = 0; i < 3; i++) {
        char *kept = strdup(setting(names[i]));
        unsetenv(names[i]);
        REFUSED(hc_client_from_env(NULL, &client, &error), HC_CONFIG, names[i]);
        setenv(names[i], " ", 1);
        REFUSED(hc_client_from_env(NULL, &client, &error), HC_CONFIG, names[i]);
        setenv(names[i], kept, 1);
        free(kept);
    }
    hc_client_options options = {.struct_size = sizeof options, .timeout_ms = 15000, .max_attempts = 2};
    WORKS(hc_client_from_env(&options, &client, &error));
    hc_client_free(client);
    CHECK(error == NULL);
}

/* Lists all users with a client and returns their number. */
static void *count_users(void *shared) {
    hc_client *client = shared;
    hc_user_iter *iter = NULL;
    const hc_user *user = NULL;
    size_t count = 0;
    if (hc_directory_users_iter(client, organization_id, directory_id, NULL, &iter, NULL) == HC_OK) {
        while (hc_user_iter_next(iter, &user, NULL) == HC_OK && user != NULL) count++;
    }
    hc_user_iter_free(iter);
    return (void *)count;
}

/* Eight threads list all users at the same time. */
static void threads_can_share_a_client(hc_client *client) {
    pthread_t all[8];
    for (size_t i = 0; i < 8; i++) CHECK(pthread_create(&all[i], NULL, count_users, client) == 0);
    for (size_t i = 0; i < 8; i++) {
        void *count = NULL;
        CHECK(pthread_join(all[i], &count) == 0);
        CHECK((size_t)count == strtoul(setting("SANDBOX_USERS"), NULL, 10));
    }
}

#ifndef __SANITIZE_ADDRESS__
/* If all checks pass, the child calls exec instead of exit: its memory contains the objects of the parent's worker thread, but not the thread, so that a
 * leak checker would report these objects as lost at exit. */
static void a_forked_child_can_use_the_client_of_its_parent(hc_client *client) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        size_t count = (size_t)count_users(client);
        if (count == strtoul(setting("SANDBOX_USERS"), NULL, 10)) execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK((size_t)count_users(client) == strtoul(setting("SANDBOX_USERS"), NULL, 10));
}
#endif

int main(void) {
    organization_id = setting("SANDBOX_ORGANIZATION_ID");
    directory_id = setting("SANDBOX_DIRECTORY_ID");
    hc_client *client = client_with(setting("SCALEKIT_ENVIRONMENT_URL"), setting("SCALEKIT_CLIENT_ID"), setting("SCALEKIT_CLIENT_SECRET"));
    organizations_are_listed_and_fetched(client);
    an_organization_is_created_changed_and_deleted(client);
    settings_take_effect_and_requests_are_counted();
    a_call_ends_when_it_is_cancelled_or_at_its_deadline();
    directories_are_listed_fetched_disabled_and_enabled(client);
    users_are_listed_with_every_filter(client);
    groups_are_listed_with_every_filter(client);
    an_iterator_gives_every_user_once();
    a_failed_call_gives_status_and_details(client);
    a_client_from_the_environment_needs_every_variable();
    threads_can_share_a_client(client);
#ifdef __SANITIZE_ADDRESS__
    puts("  not tested with AddressSanitizer: forks (see run.py)");
#else
    a_forked_child_can_use_the_client_of_its_parent(client);
#endif
    hc_client_free(client);
    return closing_line("test_client");
}
