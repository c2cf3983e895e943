/* Forks while a thread of the parent uses the mirror, a replay guard, a client or a sandbox: every combination of these with what the thread does and
 * what the child does. No child writes to its standard error. Each combination has a time limit (alarm), after which the program is killed.
 *
 * If MIRROR_URL and MIRROR_SCHEMA are set, only the mirror is used, which is in this schema of the PostgreSQL database of this URL. */
#define _DEFAULT_SOURCE
#include "deliver.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 60, FORKS = 3 };
typedef enum { MIRROR, GUARD, CLIENT, SANDBOX, THINGS } thing;
typedef enum { IDLE, READING, WRITING, SYNCING, STATES } state;
typedef enum { IGNORES, USES, EXITS, HABITS } habit;
static const char *const THING[] = {"mirror", "guard", "client", "sandbox"}, *const STATE[] = {"idle", "reading", "writing", "syncing"},
                         *const HABIT[] = {"ignores it", "uses it", "exits"};

static hc_sandbox *sandbox;
static hc_client *client;
static hc_webhook *webhook;
static hc_mirror *mirror;
static hc_change_iter *changes;
static hc_replay_guard *guard, *memory;
static const char *organization, *directory, *url;
static char folder[] = "/tmp/headcount-fork-XXXXXX", mirror_path[64], guard_path[64];
static atomic_int number, turns, stopping;

static hc_mirror *open_mirror(void) {
    hc_error *error = NULL;
    hc_mirror *opened = NULL;
    hc_mirror_options options = {.struct_size = sizeof options, .webhook_secret = hc_sandbox_webhook_secret(sandbox)};
    if (url != NULL) options.schema = getenv("MIRROR_SCHEMA");
    WORKS(hc_mirror_open(url != NULL ? url : mirror_path, client, &options, &opened, &error));
    return opened;
}

static void sync_mirror(const hc_mirror *of, bool no_wait) {
    hc_error *error = NULL;
    hc_sync_reports *reports = NULL;
    hc_sync_options options = {.struct_size = sizeof options, .mode = HC_SYNC_FULL, .no_wait = no_wait};
    WORKS(hc_mirror_sync(of, organization, directory, &options, &reports, &error));
    CHECK_TEXT(hc_sync_report_outcome(hc_sync_reports_at(reports, 0)), "done");
    hc_sync_reports_free(reports);
}

/* Receives an event that no process has received before. */
static void receive(void) {
    hc_error *error = NULL;
    hc_text *body = NULL;
    hc_outcome outcome;
    char overrides[256];
    snprintf(overrides, sizeof overrides, "{\"id\":\"evt_%d_%d\",\"organization_id\":\"%s\"}", (int)getpid(), ++number, organization);
    WORKS(hc_sandbox_event_body("organization.directory.user_created", overrides, &body, &error));
    WORKS(deliver_body(mirror, webhook, hc_text_value(body), false, &outcome, &error));
    CHECK(outcome != HC_OUTCOME_DUPLICATE);
    hc_text_free(body);
}

static void commit(const hc_replay_guard *to) {
    hc_error *error = NULL;
    bool again = true;
    char id[64];
    snprintf(id, sizeof id, "msg_%d_%d", (int)getpid(), ++number);
    WORKS(hc_replay_guard_check_id(to, id, &again, &error));
    CHECK(!again);
    WORKS(hc_replay_guard_commit_id(to, id, &error));
    WORKS(hc_replay_guard_check_id(to, id, &again, &error));
    CHECK(again);
}

static void list_users(void) {
    hc_error *error = NULL;
    hc_user_page *page = NULL;
    WORKS(hc_directory_users(client, organization, directory, NULL, &page, &error));
    hc_user_page_free(page);
}

static void rename_organization(void) {
    hc_error *error = NULL;
    hc_organization *renamed = NULL;
    hc_organization_fields fields = {.struct_size = sizeof fields, .display_name = "Renamed"};
    WORKS(hc_organization_update(client, organization, &fields, &renamed, &error));
    CHECK_TEXT(hc_organization_display_name(renamed), "Renamed");
    hc_organization_free(renamed);
}

static void read_thing(thing what) {
    hc_error *error = NULL;
    bool again;
    switch (what) {
    case MIRROR: {
        hc_mirror_directory_status_list *statuses = NULL;
        WORKS(hc_mirror_status(mirror, &statuses, &error));
        hc_mirror_directory_status_list_free(statuses);
        break;
    }
    case GUARD:
        WORKS(hc_replay_guard_check_id(guard, "msg_read", &again, &error));
        WORKS(hc_replay_guard_check_id(memory, "msg_read", &again, &error));
        break;
    case CLIENT: list_users(); break;
    default: {
        hc_text *deliveries = NULL;
        WORKS(hc_sandbox_deliveries(sandbox, &deliveries, &error));
        hc_text_free(deliveries);
    }
    }
}

static void write_thing(thing what) {
    hc_error *error = NULL;
    switch (what) {
    case MIRROR: receive(); break;
    case GUARD:
        commit(guard);
        commit(memory);
        break;
    case CLIENT: rename_organization(); break;
    default: WORKS(hc_sandbox_advance(sandbox, 1, &error));
    }
}

typedef struct {
    thing what;
    state how;
} job;

static void *repeat(void *given) {
    const job *todo = given;
    while (!stopping) {
        if (todo->how == READING) read_thing(todo->what);
        if (todo->how == WRITING) write_thing(todo->what);
        if (todo->how == SYNCING) sync_mirror(mirror, false);
        turns++;
    }
    return NULL;
}

/* What a child does with the thing. */
static void use(thing what) {
    hc_error *error = NULL;
    if (what == SANDBOX) {
        REFUSED(hc_sandbox_advance(sandbox, 1, &error), HC_INVALID_ARGUMENT, "fork");
        return;
    }
    read_thing(what);
    write_thing(what);
    if (what == MIRROR) sync_mirror(mirror, false);
}

/* Frees everything that the parent made, and ends as a program does. */
static void end_child(void) {
    hc_change_iter_free(changes);
    hc_mirror_free(mirror);
    hc_replay_guard_free(guard);
    hc_replay_guard_free(memory);
    hc_client_free(client);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    exit(check_failed == 0 ? 0 : 1);
}

/* Reads until every child has closed its end of the pipe, and expects that none wrote anything. */
static void expect_silence(int from) {
    char text[1024];
    ssize_t length;
    size_t total = 0;
    while ((length = read(from, text, sizeof text)) > 0) {
        fwrite(text, 1, (size_t)length, stderr);
        total += (size_t)length;
    }
    CHECK(length == 0 && total == 0);
}

static void run_combination(thing what, state how, habit kind) {
    alarm(LIMIT);
    hc_error *error = NULL;
    job todo = {what, how};
    pthread_t threads[2];
    pid_t children[FORKS];
    int release[2], errors[2];
    stopping = 0;
    CHECK(pipe(release) == 0 && pipe(errors) == 0);
    WORKS(hc_mirror_changes(mirror, "iterated", 0, &changes, &error));
    for (int i = 0; i < 2 && how != IDLE; i++) pthread_create(&threads[i], NULL, repeat, &todo);
    for (int i = 0; i < FORKS; i++) {
        for (int before = turns; how != IDLE && turns == before;) usleep(500);
        children[i] = fork();
        if (children[i] == 0) {
            alarm(LIMIT);
            check_failed = 0;
            char byte;
            close(release[1]);
            dup2(errors[1], STDERR_FILENO);
            close(errors[0]);
            close(errors[1]);
            if (kind == IGNORES) _exit(read(release[0], &byte, 1) == 0 ? 0 : 1);
            if (kind == USES) use(what);
            if (kind == USES) _exit(check_failed == 0 ? 0 : 1);
            end_child();
        }
    }
    stopping = 1;
    for (int i = 0; i < 2 && how != IDLE; i++) pthread_join(threads[i], NULL);
    /* While children that ignore headcount are running, the parent works, closes its mirror, and another one syncs at once. */
    receive();
    commit(guard);
    list_users();
    hc_change_iter_free(changes);
    hc_mirror_free(mirror);
    mirror = open_mirror();
    sync_mirror(mirror, kind == IGNORES);
    close(release[1]);
    close(errors[1]);
    expect_silence(errors[0]);
    for (int i = 0; i < FORKS; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        CHECK(status == 0);
        if (status != 0) fprintf(stderr, "  %s x %s: a child that %s ended with status %d\n", THING[what], STATE[how], HABIT[kind], status);
    }
    close(release[0]);
    close(errors[0]);
    alarm(0);
}

static void *wait_for_change(void *given) {
    hc_error *error = NULL;
    hc_change_batch *batch = NULL;
    turns++;
    hc_status status = hc_mirror_wait(mirror, (const char *)given, 10, HC_WAIT_FOREVER, &batch, &error);
    /* HC_INVALID_ARGUMENT if the mirror was closed before the wait began. */
    CHECK(status == HC_CANCELLED || status == HC_INVALID_ARGUMENT);
    CHECK(batch == NULL);
    hc_error_free(error);
    return NULL;
}

/* A wait without limit ends when the mirror is closed, and later calls are refused. */
static void closing(void) {
    hc_error *error = NULL;
    hc_change_batch *batch = NULL;
    pthread_t thread;
    alarm(LIMIT);
    WORKS(hc_mirror_start_from_snapshot(mirror, "closing", &error));
    for (size_t len = 1; len > 0;) {
        WORKS(hc_mirror_poll(mirror, "closing", 1000, &batch, &error));
        len = hc_change_batch_len(batch);
        if (len > 0) WORKS(hc_mirror_ack(mirror, "closing", hc_change_seq(hc_change_batch_at(batch, len - 1)), &error));
        hc_change_batch_free(batch);
    }
    turns = 0;
    pthread_create(&thread, NULL, wait_for_change, "closing");
    while (turns == 0) usleep(500);
    WORKS(hc_mirror_close(mirror, &error));
    pthread_join(thread, NULL);
    REFUSED(hc_mirror_poll(mirror, "closing", 10, &batch, &error), HC_INVALID_ARGUMENT, "closed");
    WORKS(hc_mirror_close(mirror, &error));
    alarm(0);
}

int main(void) {
    hc_error *error = NULL;
    CHECK(mkdtemp(folder) != NULL);
    url = getenv("MIRROR_URL");
    snprintf(mirror_path, sizeof mirror_path, "%s/mirror.db", folder);
    snprintf(guard_path, sizeof guard_path, "%s/replay.db", folder);
    hc_sandbox_options sizes = {.struct_size = sizeof sizes, .users = 10, .groups = 2};
    WORKS(hc_sandbox_new(&sizes, &sandbox, &error));
    organization = hc_sandbox_organization_id(sandbox);
    directory = hc_sandbox_directory_id(sandbox);
    const char *secret = hc_sandbox_webhook_secret(sandbox);
    client = client_of(sandbox);
    WORKS(hc_webhook_new(&secret, 1, NULL, &webhook, &error));
    WORKS(hc_replay_guard_sqlite(guard_path, NULL, &guard, &error));
    WORKS(hc_replay_guard_new(NULL, &memory, &error));
    mirror = open_mirror();
    sync_mirror(mirror, false);
    for (thing what = 0; what < (url != NULL ? MIRROR + 1 : THINGS); what++) {
        for (state how = 0; how < STATES; how++) {
            for (habit kind = 0; kind < HABITS; kind++) run_combination(what, how, kind);
        }
    }
    closing();
    hc_mirror_free(mirror);
    hc_replay_guard_free(guard);
    hc_replay_guard_free(memory);
    hc_client_free(client);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    return closing_line("test_fork");
}
