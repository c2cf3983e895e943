/* Runs the scenarios of tests/scenarios, which all languages run; the README there describes the steps. Each scenario runs with a mirror in memory. If
 * MIRROR_URL and MIRROR_SCHEMA are set, it also runs with a mirror in the PostgreSQL database of this URL, in a schema whose name begins with
 * MIRROR_SCHEMA. */
#define _POSIX_C_SOURCE 200809L
#include "deliver.h"
#include <pthread.h>
#include <time.h>

/* Optional values of a step or a change: `is_set` tells whether the scenario sets them. */
typedef struct { bool is_set; const char *value; } maybe_text;
typedef struct { bool is_set; uint64_t value; } maybe_count;
typedef struct { bool is_set; const char *const *items; size_t len; } maybe_texts;

typedef struct {
    const char *kind, *cause;
    maybe_text user, group, linked_id, rehire_linked_id;
    maybe_texts fields, roles;
    int active, rehire;
} expected_change;

/* An entry of the role map. If `id_of` is set, it is the scenario's name for a group, and the entry has the id of that group instead of `group`. */
typedef struct {
    int key;
    const char *group, *id_of, *role, *organization;
} role_entry;

typedef struct { const char *kind; uint64_t count; } kind_count;

typedef struct {
    const char *what, *as, *user, *group, *email, *given_name, *family_name, *display_name, *account_id, *consumer, *mode, *outcome, *error, *held, *hold, *reason, *moment, *since, *until, *role, *format, *state;
    maybe_count created, updated, deactivated, deleted, events, erased;
    maybe_texts groups; /* in a step about a user: the user's groups; in a status step, only len is set: the number of groups */
    size_t users, count, delivery, limit, partitions, grants, holds;
    int active, approve_removals, settled, explained, was_mirrored;
    maybe_texts types, outcomes, causes, roles, reasons, emails, kinds, known, absent, contains;
    struct { const kind_count *items; size_t len; } counts;
    struct { const hc_role_pair *items; size_t len; } pairs;
    struct { const role_entry *items; size_t len; } entries;
    struct { const expected_change *items; size_t len; } changes;
} step;

typedef struct {
    const char *name;
    hc_sandbox_options sandbox;
    hc_mirror_options mirror;
    const step *steps;
    size_t steps_len;
} scenario;

#include "scenarios.h"

/* The changes that workers got, in this order, each with the number of its worker. */
enum { MOST_CHANGES = 64, MOST_WORKERS = 4 };
static struct { hc_change *change; int worker; } got[MOST_CHANGES];
static size_t got_len;
static pthread_mutex_t got_lock = PTHREAD_MUTEX_INITIALIZER;

/* A worker and the thread that acknowledges what it gets. */
typedef struct { hc_worker *worker; pthread_t thread; int number; } running_worker;

/* The state of a running scenario. */
typedef struct {
    hc_sandbox *sandbox;
    hc_client *client;
    hc_webhook *webhook;
    hc_mirror *mirror;
    struct { const char *name; char *id; } known[16];
    size_t known_len;
    running_worker workers[MOST_WORKERS];
    size_t workers_len;
} run;

/* Stores the id of the user, group or hold that the scenario calls `name`. */
static void store_id(run *run, const char *name, const char *id) {
    CHECK(run->known_len < sizeof run->known / sizeof *run->known);
    run->known[run->known_len].name = name;
    run->known[run->known_len++].id = strdup(id);
}

/* Returns the id that was stored for a name of the scenario. */
static const char *id_of(const run *run, const char *name) {
    for (size_t i = 0; i < run->known_len; i++) {
        if (strcmp(run->known[i].name, name) == 0) return run->known[i].id;
    }
    fprintf(stderr, "the scenario has no name %s\n", name);
    exit(2);
}

/* Returns the fields of a user that the step sets. */
static hc_sandbox_user fields_of(const step *step) {
    return (hc_sandbox_user){.struct_size = sizeof(hc_sandbox_user),
                             .email = step->email,
                             .given_name = step->given_name,
                             .family_name = step->family_name,
                             .groups = step->groups.is_set ? step->groups.items : NULL,
                             .groups_len = step->groups.len,
                             .active = step->active};
}

static void check_count(maybe_count expected, uint64_t found) { CHECK(!expected.is_set || expected.value == found); }

static hc_sync_options sync_options(const step *step) {
    hc_sync_options options = {.struct_size = sizeof options, .approve_removals = step->approve_removals};
    if (strcmp(step->mode, "full") == 0) options.mode = HC_SYNC_FULL;
    if (strcmp(step->mode, "incremental") == 0) options.mode = HC_SYNC_INCREMENTAL;
    return options;
}

/* Returns the number of planned changes of a kind, or of all kinds for NULL. */
static uint64_t planned(const hc_plan *plan, const char *kind) {
    hc_error *error = NULL;
    hc_plan_iter *iter = NULL;
    WORKS(hc_plan_changes(plan, &iter, &error));
    const hc_change *change = NULL;
    uint64_t count = 0;
    for (WORKS(hc_plan_iter_next(iter, &change, &error)); change != NULL;) {
        if (kind == NULL || strcmp(hc_change_kind(change), kind) == 0) count++;
        WORKS(hc_plan_iter_next(iter, &change, &error));
    }
    hc_plan_iter_free(iter);
    return count;
}

static void check_plan(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_plan *plan = NULL;
    hc_sync_options options = sync_options(step);
    WORKS(hc_mirror_plan(run->mirror, hc_sandbox_organization_id(run->sandbox), hc_sandbox_directory_id(run->sandbox), &options, &plan, &error));
    CHECK_TEXT(hc_plan_outcome(plan), step->outcome);
    CHECK_TEXT(hc_plan_incomplete(plan), NULL);
    CHECK(hc_sync_reports_len(hc_plan_reports(plan)) == 1);
    CHECK((hc_plan_error(plan) != NULL) == (step->error != NULL));
    if (step->error != NULL) CHECK_TEXT(hc_status_name(hc_error_status(hc_plan_error(plan))), step->error);
    CHECK(hc_hold_list_len(hc_plan_holds(plan)) == step->reasons.len);
    for (size_t i = 0; i < step->reasons.len; i++) CHECK_TEXT(hc_hold_reason(hc_hold_list_at(hc_plan_holds(plan), i)), step->reasons.items[i]);
    CHECK(hc_plan_kinds_len(plan) == step->counts.len);
    uint64_t total = 0;
    for (size_t i = 0; i < step->counts.len; i++) {
        const char *kind = step->counts.items[i].kind;
        uint64_t count = 0;
        WORKS(hc_plan_count(plan, kind, &count, &error));
        CHECK(count == step->counts.items[i].count && planned(plan, kind) == count);
        total += count;
    }
    CHECK(planned(plan, NULL) == total);
    hc_plan_free(plan);
}

static void check_reconciled(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_text_list *found = NULL;
    const char *ids[4] = {NULL};
    CHECK(step->known.len <= 4);
    for (size_t i = 0; i < step->known.len; i++) ids[i] = id_of(run, step->known.items[i]);
    hc_reconcile_options options = {.struct_size = sizeof options, .organization_id = hc_sandbox_organization_id(run->sandbox)};
    hc_status status = hc_mirror_reconcile(run->mirror, ids, step->known.len, &options, &found, &error);
    CHECK_TEXT(hc_status_name(status), step->error ? step->error : "ok");
    hc_error_free(error);
    CHECK(hc_text_list_len(found) == step->absent.len);
    for (size_t i = 0; i < step->absent.len; i++) {
        bool is_found = false;
        for (size_t j = 0; j < hc_text_list_len(found); j++) is_found |= strcmp(hc_text_list_at(found, j), id_of(run, step->absent.items[i])) == 0;
        CHECK(is_found);
    }
    hc_text_list_free(found);
}

static void run_sync(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    hc_sync_options options = sync_options(step);
    hc_status status = hc_mirror_sync(run->mirror, hc_sandbox_organization_id(run->sandbox), hc_sandbox_directory_id(run->sandbox),
                                      &options, &reports, &error);
    CHECK_TEXT(hc_status_name(status), step->error ? step->error : "ok");
    hc_error_free(error);
    const hc_sync_report *report = hc_sync_reports_at(reports, 0);
    CHECK(hc_sync_reports_len(reports) == (step->error == NULL));
    CHECK_TEXT(hc_sync_report_outcome(report), step->outcome);
    check_count(step->created, hc_sync_report_created(report));
    check_count(step->updated, hc_sync_report_updated(report));
    check_count(step->deactivated, hc_sync_report_deactivated(report));
    check_count(step->deleted, hc_sync_report_deleted(report));
    check_count(step->events, hc_sync_report_events(report));
    check_count(step->erased, hc_sync_report_erased(report));
    hc_sync_reports_free(reports);
}

static void check_status(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_mirror_directory_status_list *statuses = NULL;
    WORKS(hc_mirror_status(run->mirror, &statuses, &error));
    const hc_mirror_directory_status *status = hc_mirror_directory_status_list_at(statuses, 0);
    CHECK(hc_mirror_directory_status_users(status) == step->users);
    CHECK(hc_mirror_directory_status_groups(status) == step->groups.len);
    CHECK_TEXT(hc_hold_reason(hc_mirror_directory_status_held(status)), step->held);
    hc_mirror_directory_status_list_free(statuses);
}

/* Checks that the user has the step's reason as the protection, or none if the step has no reason. */
static void check_protection(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_mirror_user *user = NULL;
    WORKS(hc_mirror_user_get(run->mirror, id_of(run, step->user), &user, &error));
    CHECK_TEXT(hc_mirror_user_protection(user), step->reason);
    hc_mirror_user_free(user);
}

/* Checks that the user is inactive and has the time of the deletion. Waits until the mirror's grace has passed. */
static void wait_for_deletion(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_mirror_user *user = NULL;
    hc_settings *settings = NULL;
    WORKS(hc_mirror_user_get(run->mirror, id_of(run, step->user), &user, &error));
    CHECK(user != NULL && !hc_mirror_user_active(user) && hc_mirror_user_deletes_at(user) != NULL);
    WORKS(hc_mirror_settings(run->mirror, &settings, &error));
    int64_t grace = hc_settings_deletion_grace_ms(settings);
    nanosleep(&(struct timespec){.tv_sec = grace / 1000, .tv_nsec = grace % 1000 * 1000000}, NULL);
    hc_settings_free(settings);
    hc_mirror_user_free(user);
}

/* Erases the step's user, and checks the result. */
static void erase_user(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_erasure *erasure = NULL;
    WORKS(hc_mirror_erase_user(run->mirror, id_of(run, step->user), &erasure, &error));
    CHECK_TEXT(hc_erasure_user_id(erasure), id_of(run, step->user));
    CHECK(hc_erasure_was_mirrored(erasure) == (step->was_mirrored == 1));
    CHECK(hc_erasure_changes(erasure) == (uint64_t)step->count);
    hc_erasure_free(erasure);
    hc_mirror_user *user = NULL;
    WORKS(hc_mirror_user_get(run->mirror, id_of(run, step->user), &user, &error));
    CHECK(user == NULL);
}

/* Enables or disables the sandbox's directory. */
static void toggle_directory(const run *run, bool enables) {
    hc_error *error = NULL;
    hc_directory_toggle *toggle = NULL;
    const char *organization = hc_sandbox_organization_id(run->sandbox), *directory = hc_sandbox_directory_id(run->sandbox);
    WORKS((enables ? hc_directory_enable : hc_directory_disable)(run->client, organization, directory, &toggle, &error));
    hc_directory_toggle_free(toggle);
}

/* Forgets the sandbox's organization, and checks the result. */
static void forget_organization(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_organization_erasure *erasure = NULL;
    hc_status status = hc_mirror_forget_organization(run->mirror, hc_sandbox_organization_id(run->sandbox), &erasure, &error);
    CHECK_TEXT(hc_status_name(status), step->error ? step->error : "ok");
    if (step->error == NULL) {
        CHECK_TEXT(hc_organization_erasure_organization_id(erasure), hc_sandbox_organization_id(run->sandbox));
        CHECK(hc_organization_erasure_was_mirrored(erasure) == (step->was_mirrored == 1));
        CHECK(hc_organization_erasure_users(erasure) == (uint64_t)step->users);
        CHECK(hc_organization_erasure_changes(erasure) == (uint64_t)step->count);
    }
    hc_error_free(error);
    hc_organization_erasure_free(erasure);
}

/* Syncs all organizations, and checks the number of reports. */
static void sync_all(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    WORKS(hc_mirror_sync_all(run->mirror, NULL, &reports, &error));
    CHECK(hc_sync_reports_len(reports) == step->count);
    hc_sync_reports_free(reports);
}

/* Checks the open hold with the step's reason, and stores its id under the step's name. */
static void check_hold(run *run, const step *step) {
    hc_error *error = NULL;
    hc_hold_list *holds = NULL;
    WORKS(hc_mirror_holds(run->mirror, hc_sandbox_organization_id(run->sandbox), hc_sandbox_directory_id(run->sandbox), &holds, &error));
    const hc_hold *hold = NULL;
    for (size_t i = 0; i < hc_hold_list_len(holds); i++) {
        if (strcmp(hc_hold_reason(hc_hold_list_at(holds, i)), step->reason) == 0) hold = hc_hold_list_at(holds, i);
    }
    CHECK(hold != NULL && hc_hold_count(hold) == step->count && hc_hold_limit(hold) == step->limit);
    hc_mirror_user_iter *iter = NULL;
    WORKS(hc_mirror_hold_users(run->mirror, hc_hold_id(hold), &iter, &error));
    const hc_mirror_user *user = NULL;
    size_t user_count = 0;
    for (WORKS(hc_mirror_user_iter_next(iter, &user, &error)); user != NULL; user_count++) {
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
    }
    CHECK(user_count == step->count);
    store_id(run, step->as, hc_hold_id(hold));
    hc_mirror_user_iter_free(iter);
    hc_hold_list_free(holds);
}

/* Stores the time of the last entry of the history under the step's name. */
static void note_moment(run *run, const step *step) {
    hc_error *error = NULL;
    hc_history_iter *iter = NULL;
    WORKS(hc_mirror_history(run->mirror, NULL, &iter, &error));
    const hc_history_entry *entry = NULL;
    char at[64] = "";
    for (WORKS(hc_history_iter_next(iter, &entry, &error)); entry != NULL;) {
        snprintf(at, sizeof at, "%s", hc_history_entry_at(entry));
        WORKS(hc_history_iter_next(iter, &entry, &error));
    }
    hc_history_iter_free(iter);
    store_id(run, step->as, at);
    /* Times are compared in milliseconds. */
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* Compares the addresses of the users at a past time with the expected ones, in any order. */
static void check_past_users(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_mirror_user_iter *iter = NULL;
    hc_mirror_at_options options = {.struct_size = sizeof options, .role = step->role};
    if (step->group != NULL) options.group_id = id_of(run, step->group);
    WORKS(hc_mirror_at(run->mirror, id_of(run, step->moment), hc_sandbox_organization_id(run->sandbox), &options, &iter, &error));
    const hc_mirror_user *user = NULL;
    size_t count = 0;
    for (WORKS(hc_mirror_user_iter_next(iter, &user, &error)); user != NULL; count++) {
        bool is_expected = false;
        for (size_t i = 0; i < step->emails.len; i++) is_expected |= strcmp(step->emails.items[i], hc_mirror_user_email(user)) == 0;
        CHECK(is_expected);
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
    }
    CHECK(count == step->emails.len);
    hc_mirror_user_iter_free(iter);
}

/* Compares the number of lines of an export with the expected one. Each of the expected texts must be in it. */
static void check_export(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_export_iter *iter = NULL;
    hc_mirror_export_options options = {.struct_size = sizeof options, .role = step->role};
    options.format = strcmp(step->format, "csv") == 0 ? HC_EXPORT_CSV : HC_EXPORT_NDJSON;
    if (step->moment != NULL) options.at = id_of(run, step->moment);
    if (step->group != NULL) options.group_id = id_of(run, step->group);
    WORKS(hc_mirror_export(run->mirror, hc_sandbox_organization_id(run->sandbox), &options, &iter, &error));
    char text[4096] = "";
    const hc_text *piece = NULL;
    for (WORKS(hc_export_iter_next(iter, &piece, &error)); piece != NULL;) {
        size_t len = strlen(text);
        CHECK(len + hc_text_len(piece) < sizeof text);
        strcpy(text + len, hc_text_value(piece));
        WORKS(hc_export_iter_next(iter, &piece, &error));
    }
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at++) lines += *at == '\n';
    CHECK(lines == step->count);
    for (size_t i = 0; i < step->contains.len; i++) CHECK(strstr(text, step->contains.items[i]) != NULL);
    hc_export_iter_free(iter);
}

/* Compares the kinds of each entry of a user's history, joined by spaces, with the expected ones. */
static void check_history(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_history_iter *iter = NULL;
    hc_mirror_history_options options = {.struct_size = sizeof options, .user_id = id_of(run, step->user)};
    if (step->since != NULL) options.since = id_of(run, step->since);
    if (step->until != NULL) options.until = id_of(run, step->until);
    WORKS(hc_mirror_history(run->mirror, &options, &iter, &error));
    for (size_t i = 0; i <= step->kinds.len; i++) {
        const hc_history_entry *entry = NULL;
        WORKS(hc_history_iter_next(iter, &entry, &error));
        CHECK((entry == NULL) == (i == step->kinds.len));
        char kinds[256] = "";
        for (size_t at = 0; at < hc_history_entry_kinds_len(entry); at++) {
            size_t len = strlen(kinds);
            snprintf(kinds + len, sizeof kinds - len, "%s%s", at ? " " : "", hc_history_entry_kinds_at(entry, at));
        }
        if (entry != NULL) CHECK_TEXT(kinds, step->kinds.items[i]);
    }
    hc_history_iter_free(iter);
}

/* Approves or dismisses a hold. */
static void decide(const run *run, const step *step) {
    hc_error *error = NULL;
    uint64_t count = 0;
    bool approved = strcmp(step->what, "approve") == 0;
    hc_status status = (approved ? hc_mirror_approve : hc_mirror_dismiss)(run->mirror, id_of(run, step->hold), "ops@example.com",
                                                                            "looked at", &count, &error);
    CHECK_TEXT(hc_status_name(status), step->error ? step->error : "ok");
    CHECK(count == step->count);
    hc_error_free(error);
}

/* Compares a list of texts, which `at` reads from `object`, with the expected one, if the scenario sets it. */
static void check_texts(maybe_texts expected, size_t len, const char *(*at)(const void *, size_t), const void *object) {
    if (!expected.is_set) return;
    CHECK(len == expected.len);
    for (size_t i = 0; i < expected.len; i++) CHECK_TEXT(at(object, i), expected.items[i]);
}

static void set_entries(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_role_entry entries[8];
    CHECK(step->entries.len <= sizeof entries / sizeof *entries);
    for (size_t i = 0; i < step->entries.len; i++) {
        const role_entry *entry = &step->entries.items[i];
        entries[i] = (hc_role_entry){.key = entry->key, .group = entry->group, .role = entry->role};
        if (entry->id_of != NULL) entries[i].group = id_of(run, entry->id_of);
        if (entry->organization == NULL) continue;
        entries[i].organization_id = strcmp(entry->organization, "own") == 0 ? hc_sandbox_organization_id(run->sandbox) : "org_0";
    }
    WORKS(hc_mirror_set_role_map_entries(run->mirror, entries, step->entries.len, &error));
}

static const char *unmatched_at(const void *entries, size_t index) { return hc_role_map_entry_role(hc_role_map_entry_list_at(entries, index)); }
static const char *pending_at(const void *events, size_t index) { return hc_pending_event_event_type(hc_pending_event_list_at(events, index)); }

static void check_unmatched(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_role_map_entry_list *entries = NULL;
    WORKS(hc_mirror_unmatched_roles(run->mirror, &entries, &error));
    check_texts(step->roles, hc_role_map_entry_list_len(entries), unmatched_at, entries);
    hc_role_map_entry_list_free(entries);
}

static void check_pending(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_pending_event_list *events = NULL;
    WORKS(hc_mirror_pending_events(run->mirror, hc_sandbox_organization_id(run->sandbox), &events, &error));
    check_texts(step->types, hc_pending_event_list_len(events), pending_at, events);
    hc_pending_event_list_free(events);
}

static const char *run_at(const void *runs, size_t index) { return hc_run_outcome(hc_run_list_at(runs, index)); }

static void check_runs(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_run_list *runs = NULL;
    hc_run_options options = {.struct_size = sizeof options, .directory_id = hc_sandbox_directory_id(run->sandbox)};
    WORKS(hc_mirror_runs(run->mirror, &options, &runs, &error));
    check_texts(step->outcomes, hc_run_list_len(runs), run_at, runs);
    hc_run_list_free(runs);
}

static void check_event(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_received_event *event = NULL;
    char *id = delivery_id(run->sandbox, step->delivery);
    WORKS(hc_mirror_event(run->mirror, id, &event, &error));
    CHECK_TEXT(hc_received_event_id(event), id);
    CHECK_TEXT(hc_received_event_subject_id(event), id_of(run, step->user));
    CHECK_TEXT(hc_received_event_outcome(event), step->outcome);
    CHECK((hc_received_event_settled_at(event) != NULL) == (step->settled == 1));
    CHECK((hc_received_event_why(event) != NULL) == (step->explained == 1));
    hc_received_event_free(event);
    free(id);
}

/* Returns whether the record of a change's cause is there. */
static bool has_record(const hc_explained_change *explained) {
    return hc_explained_change_run(explained) != NULL || hc_explained_change_event(explained) != NULL || hc_explained_change_approval(explained) != NULL ||
           hc_explained_change_retirement(explained) != NULL;
}

static void check_explanation(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_explanation *why = NULL;
    hc_text *text = NULL, *personal = NULL;
    WORKS(hc_mirror_explain(run->mirror, id_of(run, step->user), &why, &error));
    CHECK_TEXT(hc_explanation_user_id(why), id_of(run, step->user));
    CHECK_TEXT(hc_explanation_state(why), step->state);
    CHECK(hc_explanation_changes_len(why) == step->causes.len);
    size_t kinds = 0;
    for (size_t i = 0; i < hc_explanation_changes_len(why); i++) {
        const hc_explained_change *explained = hc_explanation_changes_at(why, i);
        const hc_history_entry *entry = hc_explained_change_entry(explained);
        for (size_t k = 0; k < hc_history_entry_kinds_len(entry); k++, kinds++) {
            CHECK(kinds < step->kinds.len);
            CHECK_TEXT(hc_history_entry_kinds_at(entry, k), step->kinds.items[kinds]);
        }
        const char *cause = hc_history_entry_cause(entry);
        size_t length = strcspn(cause, ":");
        CHECK(length == strlen(step->causes.items[i]) && strncmp(cause, step->causes.items[i], length) == 0);
        CHECK(has_record(explained) == (strcmp(step->causes.items[i], "roles") != 0));
    }
    CHECK(kinds == step->kinds.len);
    CHECK(hc_explanation_roles_len(why) == step->grants && hc_explanation_holds_len(why) == step->holds);
    CHECK(hc_explanation_events_len(why) == step->events.value && hc_explanation_outlook_len(why) > 0);
    WORKS(hc_explanation_text(why, false, &text, &error));
    WORKS(hc_explanation_text(why, true, &personal, &error));
    CHECK(strstr(hc_text_value(text), id_of(run, step->user)) != NULL && strchr(hc_text_value(text), '@') == NULL);
    CHECK(hc_explanation_user(why) == NULL || strchr(hc_text_value(personal), '@') != NULL);
    hc_text_free(text);
    hc_text_free(personal);
    hc_explanation_free(why);
}

static const char *field_at(const void *change, size_t index) { return hc_change_fields_at(change, index); }
static const char *role_at(const void *user, size_t index) { return hc_mirror_user_roles_at(user, index); }

/* Compares a change with the values that the scenario gives for it. */
static void check_change(const expected_change *expected, const hc_change *change) {
    const hc_mirror_user *user = hc_change_user(change);
    const hc_mirror_group *group = hc_change_group(change);
    CHECK_TEXT(hc_change_kind(change), expected->kind);
    if (expected->user.is_set) CHECK_TEXT(hc_mirror_user_email(user), expected->user.value);
    if (expected->group.is_set) CHECK_TEXT(hc_mirror_group_display_name(group), expected->group.value);
    if (expected->linked_id.is_set) CHECK_TEXT(hc_mirror_user_linked_id(user), expected->linked_id.value);
    if (expected->active) CHECK(user != NULL && hc_mirror_user_active(user) == (expected->active == 1));
    if (expected->rehire) CHECK((hc_change_possible_rehire_of(change) != NULL) == (expected->rehire == 1));
    if (expected->rehire_linked_id.is_set) CHECK_TEXT(hc_change_possible_rehire_linked_id(change), expected->rehire_linked_id.value);
    check_texts(expected->fields, hc_change_fields_len(change), field_at, change);
    check_texts(expected->roles, hc_mirror_user_roles_len(user), role_at, user);
    if (expected->cause) {
        size_t length = strcspn(hc_change_cause(change), ":");
        CHECK(length == strlen(expected->cause) && strncmp(hc_change_cause(change), expected->cause, length) == 0);
    }
}

/* Polls and acknowledges until there are no more changes. If `compared`, which a `feed` step sets, they have to be those of the step; a `skip` step
 * ignores them. */
static void run_feed(const run *run, const step *step, bool compared) {
    hc_error *error = NULL;
    size_t seen = 0;
    for (;;) {
        hc_change_batch *batch = NULL;
        WORKS(hc_mirror_poll(run->mirror, step->consumer, 2, &batch, &error));
        size_t len = hc_change_batch_len(batch);
        for (size_t i = 0; i < len; i++, seen++) {
            const hc_change *change = hc_change_batch_at(batch, i);
            if (compared && seen < step->changes.len) check_change(&step->changes.items[seen], change);
            if (compared && seen >= step->changes.len) fprintf(stderr, "  a change that the step does not expect: %s\n", hc_change_json(change));
        }
        if (len > 0) WORKS(hc_mirror_ack(run->mirror, step->consumer, hc_change_seq(hc_change_batch_at(batch, len - 1)), &error));
        hc_change_batch_free(batch);
        if (len == 0) break;
    }
    CHECK(!compared || seen == step->changes.len);
}

/* Polls by groups once, and compares the kinds of the changes of each group, joined by spaces. Acknowledges the first `count` changes, or all if it is 0. */
static void run_groups(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_change_groups *groups = NULL;
    WORKS(hc_mirror_poll_groups(run->mirror, step->consumer, step->limit, &groups, &error));
    CHECK(hc_change_groups_len(groups) == step->kinds.len);
    int64_t last = 0;
    size_t seen = 0;
    for (size_t i = 0; i < hc_change_groups_len(groups) && i < step->kinds.len; i++) {
        const hc_change_batch *group = hc_change_groups_at(groups, i);
        char kinds[256] = "";
        for (size_t j = 0; j < hc_change_batch_len(group); j++, seen++) {
            const hc_change *change = hc_change_batch_at(group, j);
            size_t length = strlen(kinds);
            snprintf(kinds + length, sizeof kinds - length, "%s%s", j > 0 ? " " : "", hc_change_kind(change));
            if (step->count == 0 || seen < step->count) last = hc_change_seq(change);
        }
        CHECK_TEXT(kinds, step->kinds.items[i]);
    }
    if (seen > 0) WORKS(hc_mirror_ack(run->mirror, step->consumer, last, &error));
    CHECK(hc_change_groups_at(groups, step->kinds.len) == NULL);
    hc_change_groups_free(groups);
}

static hc_worker *worker_of(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_worker *worker = NULL;
    hc_worker_options options = {.struct_size = sizeof options, .partitions = (uint32_t)step->partitions};
    WORKS(hc_mirror_consumer(run->mirror, step->consumer, &options, HC_WAIT_FOREVER, &worker, &error));
    return worker;
}

/* Returns the next change, or NULL if the worker is closed. The caller frees it. */
static hc_change *next_of(const hc_worker *worker) {
    hc_error *error = NULL;
    hc_change *change = NULL;
    WORKS(hc_worker_next(worker, &change, &error));
    return change;
}

/* Acknowledges and stores the changes that a worker gives, until it is closed. Runs on a thread. */
static void *follow(void *of) {
    const running_worker *running = of;
    hc_error *error = NULL;
    for (hc_change *change = next_of(running->worker); change != NULL; change = next_of(running->worker)) {
        WORKS(hc_worker_ack(running->worker, change, &error));
        pthread_mutex_lock(&got_lock);
        CHECK(got_len < MOST_CHANGES);
        got[got_len].change = change;
        got[got_len++].worker = running->number;
        pthread_mutex_unlock(&got_lock);
    }
    return NULL;
}

static void pause_shortly(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

/* Starts workers, and waits until each holds its share of the partitions. */
static void start_workers(run *run, const step *step) {
    CHECK(step->count <= MOST_WORKERS);
    run->workers_len = step->count;
    for (size_t i = 0; i < step->count; i++) {
        run->workers[i] = (running_worker){.worker = worker_of(run, step), .number = (int)i};
        CHECK(pthread_create(&run->workers[i].thread, NULL, follow, &run->workers[i]) == 0);
    }
    for (size_t i = 0; i < step->count; i++) {
        while (hc_worker_partitions_len(run->workers[i].worker) != step->partitions / step->count) pause_shortly();
    }
}

static size_t got_so_far(void) {
    pthread_mutex_lock(&got_lock);
    size_t len = got_len;
    pthread_mutex_unlock(&got_lock);
    return len;
}

/* Waits until the workers have got the step's number of changes, and closes them. Checks that each change was given once, that the changes of a user were
 * given in order and to one worker, and that every worker got a change. */
static void stop_workers(run *run, const step *step) {
    hc_error *error = NULL;
    while (got_so_far() < step->count) pause_shortly();
    for (size_t i = 0; i < run->workers_len; i++) {
        WORKS(hc_worker_close(run->workers[i].worker, &error));
        CHECK(pthread_join(run->workers[i].thread, NULL) == 0);
        hc_worker_free(run->workers[i].worker);
    }
    bool seen[MOST_CHANGES + 1] = {false}, busy[MOST_WORKERS] = {false};
    CHECK(got_len == step->count);
    for (size_t i = 0; i < got_len; i++) {
        int64_t seq = hc_change_seq(got[i].change);
        CHECK(seq >= 1 && seq <= (int64_t)step->count && !seen[seq]);
        seen[seq] = busy[got[i].worker] = true;
        const hc_mirror_user *user = hc_change_user(got[i].change);
        for (size_t j = 0; j < i && user != NULL; j++) {
            const hc_mirror_user *other = hc_change_user(got[j].change);
            if (other == NULL || strcmp(hc_mirror_user_id(user), hc_mirror_user_id(other)) != 0) continue;
            CHECK(got[j].worker == got[i].worker && hc_change_seq(got[j].change) < seq);
        }
    }
    for (size_t i = 0; i < run->workers_len; i++) CHECK(busy[i]);
    while (got_len > 0) hc_change_free(got[--got_len].change);
    run->workers_len = 0;
}

/* Closes a worker that has not acknowledged its change: it cannot acknowledge it afterwards, and another worker gets the change. */
static void lose_partition(const run *run, const step *step) {
    hc_error *error = NULL;
    hc_worker *one = worker_of(run, step), *two = worker_of(run, step);
    hc_change *lost = next_of(one);
    WORKS(hc_worker_close(one, &error));
    CHECK_TEXT(hc_status_name(hc_worker_ack(one, lost, &error)), step->error);
    hc_error_free(error);
    hc_change *again = next_of(two);
    CHECK(hc_change_seq(again) == hc_change_seq(lost));
    WORKS(hc_worker_ack(two, again, &error));
    WORKS(hc_worker_close(two, &error));
    hc_change_free(lost);
    hc_change_free(again);
    hc_worker_free(one);
    hc_worker_free(two);
}

/* Deletes the first `count` mirrored users in the sandbox. */
static void delete_users(const run *run, size_t count) {
    hc_error *error = NULL;
    hc_mirror_user_iter *iter = NULL;
    WORKS(hc_mirror_users(run->mirror, hc_sandbox_organization_id(run->sandbox), NULL, &iter, &error));
    while (count-- > 0) {
        const hc_mirror_user *user = NULL;
        WORKS(hc_mirror_user_iter_next(iter, &user, &error));
        WORKS(hc_sandbox_delete_user(run->sandbox, hc_mirror_user_id(user), &error));
    }
    hc_mirror_user_iter_free(iter);
}

static void run_step(run *run, const step *step) {
    hc_error *error = NULL;
    hc_user *user = NULL;
    hc_group *group = NULL;
    hc_sandbox *sandbox = run->sandbox;
    hc_sandbox_user fields = fields_of(step);
    const char *what = step->what;
    if (strcmp(what, "create_user") == 0) {
        WORKS(hc_sandbox_create_user(sandbox, &fields, &user, &error));
        store_id(run, step->as, hc_user_id(user));
    } else if (strcmp(what, "update_user") == 0) {
        WORKS(hc_sandbox_update_user(sandbox, id_of(run, step->user), &fields, &user, &error));
    } else if (strcmp(what, "delete_user") == 0) {
        WORKS(hc_sandbox_delete_user(sandbox, id_of(run, step->user), &error));
    } else if (strcmp(what, "create_group") == 0) {
        WORKS(hc_sandbox_create_group(sandbox, step->display_name, NULL, NULL, &group, &error));
        store_id(run, step->as, hc_group_id(group));
    } else if (strcmp(what, "update_group") == 0) {
        WORKS(hc_sandbox_update_group(sandbox, id_of(run, step->group), step->display_name, &group, &error));
    } else if (strcmp(what, "delete_group") == 0) {
        WORKS(hc_sandbox_delete_group(sandbox, id_of(run, step->group), &error));
    } else if (strcmp(what, "add_member") == 0) {
        WORKS(hc_sandbox_add_member(sandbox, id_of(run, step->group), id_of(run, step->user), &error));
    } else if (strcmp(what, "remove_member") == 0) {
        WORKS(hc_sandbox_remove_member(sandbox, id_of(run, step->group), id_of(run, step->user), &error));
    } else if (strcmp(what, "delete_users") == 0) {
        delete_users(run, step->count);
    } else if (strcmp(what, "sync") == 0) {
        run_sync(run, step);
    } else if (strcmp(what, "plan") == 0) {
        check_plan(run, step);
    } else if (strcmp(what, "reconcile") == 0) {
        check_reconciled(run, step);
    } else if (strcmp(what, "receive") == 0) {
        CHECK_TEXT(deliver(run->mirror, run->webhook, sandbox, step->delivery), step->outcome);
    } else if (strcmp(what, "forge") == 0) {
        forge(run->mirror, run->webhook, sandbox, step->delivery);
    } else if (strcmp(what, "role_map") == 0) {
        WORKS(hc_mirror_set_role_map(run->mirror, step->pairs.items, step->pairs.len, &error));
    } else if (strcmp(what, "role_map_entries") == 0) {
        set_entries(run, step);
    } else if (strcmp(what, "unmatched_roles") == 0) {
        check_unmatched(run, step);
    } else if (strcmp(what, "pending") == 0) {
        check_pending(run, step);
    } else if (strcmp(what, "runs") == 0) {
        check_runs(run, step);
    } else if (strcmp(what, "event") == 0) {
        check_event(run, step);
    } else if (strcmp(what, "explain") == 0) {
        check_explanation(run, step);
    } else if (strcmp(what, "link") == 0) {
        WORKS(hc_mirror_link(run->mirror, id_of(run, step->user), step->account_id, &error));
    } else if (strcmp(what, "moment") == 0) {
        note_moment(run, step);
    } else if (strcmp(what, "at") == 0) {
        check_past_users(run, step);
    } else if (strcmp(what, "export") == 0) {
        check_export(run, step);
    } else if (strcmp(what, "history") == 0) {
        check_history(run, step);
    } else if (strcmp(what, "protect") == 0) {
        WORKS(hc_mirror_protect(run->mirror, id_of(run, step->user), step->reason, &error));
        check_protection(run, step);
    } else if (strcmp(what, "unprotect") == 0) {
        WORKS(hc_mirror_unprotect(run->mirror, id_of(run, step->user), &error));
        check_protection(run, step);
    } else if (strcmp(what, "wait_for_deletion") == 0) {
        wait_for_deletion(run, step);
    } else if (strcmp(what, "erase_user") == 0) {
        erase_user(run, step);
    } else if (strcmp(what, "enable_directory") == 0 || strcmp(what, "disable_directory") == 0) {
        toggle_directory(run, what[0] == 'e');
    } else if (strcmp(what, "retire") == 0) {
        uint64_t users = 0;
        WORKS(hc_mirror_retire(run->mirror, hc_sandbox_directory_id(run->sandbox), "ops@example.com", "looked at", &users, &error));
        CHECK(users == step->count);
    } else if (strcmp(what, "forget_organization") == 0) {
        forget_organization(run, step);
    } else if (strcmp(what, "sync_all") == 0) {
        sync_all(run, step);
    } else if (strcmp(what, "status") == 0) {
        check_status(run, step);
    } else if (strcmp(what, "hold") == 0) {
        check_hold(run, step);
    } else if (strcmp(what, "approve") == 0 || strcmp(what, "dismiss") == 0) {
        decide(run, step);
    } else if (strcmp(what, "poll_groups") == 0) {
        run_groups(run, step);
    } else if (strcmp(what, "start_workers") == 0) {
        start_workers(run, step);
    } else if (strcmp(what, "stop_workers") == 0) {
        stop_workers(run, step);
    } else if (strcmp(what, "lose_partition") == 0) {
        lose_partition(run, step);
    } else {
        run_feed(run, step, strcmp(what, "feed") == 0);
    }
    hc_user_free(user);
    hc_group_free(group);
}

/* Runs a scenario with a mirror in memory, or in a schema of the database `url`. */
static void run_scenario(const scenario *scenario, const char *url, const char *schema) {
    hc_error *error = NULL;
    run run = {0};
    WORKS(hc_sandbox_new(&scenario->sandbox, &run.sandbox, &error));
    WORKS(hc_sandbox_register_endpoint(run.sandbox, UNREACHABLE_ENDPOINT, &error));
    const char *secret = hc_sandbox_webhook_secret(run.sandbox);
    WORKS(hc_webhook_new(&secret, 1, NULL, &run.webhook, &error));
    run.client = client_of(run.sandbox);
    hc_mirror_options options = scenario->mirror;
    options.webhook_secret = secret;
    options.schema = schema;
    WORKS(hc_mirror_open(url ? url : ":memory:", run.client, &options, &run.mirror, &error));
    for (size_t i = 0; i < scenario->steps_len; i++) {
        int failed = check_failed;
        run_step(&run, &scenario->steps[i]);
        if (check_failed != failed) fprintf(stderr, "  in %s, step %zu: %s\n", scenario->name, i, scenario->steps[i].what);
    }
    hc_mirror_free(run.mirror);
    hc_client_free(run.client);
    hc_webhook_free(run.webhook);
    hc_sandbox_free(run.sandbox);
    while (run.known_len > 0) free(run.known[--run.known_len].id);
}

int main(void) {
    size_t scenarios_len = sizeof scenarios / sizeof *scenarios;
    for (size_t i = 0; i < scenarios_len; i++) run_scenario(&scenarios[i], NULL, NULL);
    CHECK(scenarios_len >= 3);
    const char *url = getenv("MIRROR_URL"), *prefix = getenv("MIRROR_SCHEMA");
    for (size_t i = 0; url && prefix && i < scenarios_len; i++) {
        char schema[64];
        snprintf(schema, sizeof schema, "%.40s_%zu", prefix, i);
        run_scenario(&scenarios[i], url, schema);
    }
    return closing_line("test_scenarios");
}
