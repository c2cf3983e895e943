/* Forks while two threads of the parent use a mirror, replay guards, a client or a sandbox. Tests every combination of an object, of what the threads do
 * with it, and of what the children do. No child may write to its standard error. Each combination has a time limit (alarm), after which the program is
 * killed.
 *
 * If MIRROR_URL and MIRROR_SCHEMA are set, only a mirror is tested: in this schema of the PostgreSQL database of this URL. */
#define _DEFAULT_SOURCE
#include "deliver.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 60 /* seconds */, FORKS = 3 };
/* The object that the threads of the parent use (GUARD: both replay guards), what the threads do (SYNCING: they sync the mirror), and what the children do
 * with the object. OBJECTS, ACTIVITIES and CHILD_ACTIONS are the numbers of the values before them. */
typedef enum { MIRROR, GUARD, CLIENT, SANDBOX, OBJECTS } object;
typedef enum { IDLE, READING, WRITING, SYNCING, ACTIVITIES } activity;
typedef enum { IGNORES, USES, EXITS, CHILD_ACTIONS } child_action;
static const char *const OBJECT[] = {"mirror", "replay guards", "client", "sandbox"}, *const ACTIVITY[] = {"idle", "reading", "writing", "syncing"},
                         *const CHILD_ACTION[] = {"ignores it", "uses it", "exits"};

static hc_sandbox *sandbox;
static hc_client *client;
static hc_webhook *webhook;
static hc_mirror *mirror;
static hc_change_iter *changes;
static hc_replay_guard *guard, *memory; /* The replay guards in a file and in memory. */
static const char *organization, *directory, *url;
static char folder[] = "/tmp/headcount-fork-XXXXXX", mirror_path[64], guard_path[64];
/* number: makes ids unique. turns: how often the threads have done their work. stopping: set when the threads have to end. */
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

/* Commits an id that no process has committed before. */
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

static void read_object(object what) {
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

static void write_object(object what) {
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
    object what;
    activity how;
} job;

/* Does what the threads of the parent do, until `stopping` is set. Runs on a thread. */
static void *repeat(void *given) {
    const job *todo = given;
    while (!stopping) {
        if (todo->how == READING) read_object(todo->what);
        if (todo->how == WRITING) write_object(todo->what);
        if (todo->how == SYNCING) sync_mirror(mirror, false);
        turns++;
    }
    return NULL;
}

/* Uses an object in a child: calls that read, write and sync succeed, and a call of a sandbox is refused. */
static void use(object what) {
    hc_error *error = NULL;
    if (what == SANDBOX) {
        REFUSED(hc_sandbox_advance(sandbox, 1, &error), HC_INVALID_ARGUMENT, "fork");
        return;
    }
    read_object(what);
    write_object(what);
    if (what == MIRROR) sync_mirror(mirror, false);
}

/* Frees everything that the parent made, and exits, so that functions registered with atexit run. */
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

/* Reads until every child has closed its end of the pipe, and checks that none has written anything. */
static void check_nothing_is_written(int from) {
    char text[1024];
    ssize_t length;
    size_t total = 0;
    while ((length = read(from, text, sizeof text)) > 0) {
        fwrite(text, 1, (size_t)length, stderr);
        total += (size_t)length;
    }
    CHECK(length == 0 && total == 0);
}

/* Tests one combination: forks while the threads use the object, and checks the children and the parent. Children that ignore the object exit when the
 * parent closes the pipe `release`. */
static void run_combination(object what, activity how, child_action action) {
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
            if (action == IGNORES) _exit(read(release[0], &byte, 1) == 0 ? 0 : 1);
            if (action == USES) use(what);
            if (action == USES) _exit(check_failed == 0 ? 0 : 1);
            end_child();
        }
    }
    stopping = 1;
    for (int i = 0; i < 2 && how != IDLE; i++) pthread_join(threads[i], NULL);
    /* While children that ignore the object are running, calls of the parent succeed, and after it has freed its mirror, another one can sync at once. */
    receive();
    commit(guard);
    list_users();
    hc_change_iter_free(changes);
    hc_mirror_free(mirror);
    mirror = open_mirror();
    sync_mirror(mirror, action == IGNORES);
    close(release[1]);
    close(errors[1]);
    check_nothing_is_written(errors[0]);
    for (int i = 0; i < FORKS; i++) {
        int status = -1;
        waitpid(children[i], &status, 0);
        CHECK(status == 0);
        if (status != 0) fprintf(stderr, "  %s x %s: a child that %s ended with status %d\n", OBJECT[what], ACTIVITY[how], CHILD_ACTION[action], status);
    }
    close(release[0]);
    close(errors[0]);
    alarm(0);
}

/* Waits for changes of the consumer `given` until the mirror is closed. Runs on a thread. */
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

/* The wait has no timeout. Also checks that later calls are refused. */
static void a_wait_ends_when_the_mirror_is_closed(void) {
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
    for (object what = 0; what < (url != NULL ? MIRROR + 1 : OBJECTS); what++) {
        for (activity how = 0; how < ACTIVITIES; how++) {
            for (child_action action = 0; action < CHILD_ACTIONS; action++) run_combination(what, how, action);
        }
    }
    a_wait_ends_when_the_mirror_is_closed();
    hc_mirror_free(mirror);
    hc_replay_guard_free(guard);
    hc_replay_guard_free(memory);
    hc_client_free(client);
    hc_webhook_free(webhook);
    hc_sandbox_free(sandbox);
    return closing_line("test_fork");
}
