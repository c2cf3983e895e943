/* Iterators over the changes of a consumer: threads share them, changes are acknowledged or parked one by one, and closing the mirror ends them. Workers of
 * a consumer with partitions: they acknowledge and park changes, and are closed and freed. */
#define _POSIX_C_SOURCE 200809L
#include "deliver.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static hc_sandbox *sandbox;
static hc_client *client;
static char folder[] = "/tmp/headcount-test-XXXXXX";
static char path[64];

static hc_mirror *open_mirror(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = NULL;
    WORKS(hc_mirror_open(path, client, NULL, &mirror, &error));
    return mirror;
}

static hc_change_iter *changes_of(const hc_mirror *mirror, const char *consumer, int64_t timeout_ms) {
    hc_error *error = NULL;
    hc_change_iter *iter = NULL;
    WORKS(hc_mirror_changes(mirror, consumer, timeout_ms, &iter, &error));
    return iter;
}

/* Returns the next change, or NULL. The caller frees it. */
static hc_change *next(const hc_change_iter *iter) {
    hc_error *error = NULL;
    hc_change *change = NULL;
    WORKS(hc_change_iter_next(iter, &change, &error));
    return change;
}

/* Returns a consumer's cursor, or -1 if there is no such consumer. */
static int64_t cursor_of(const hc_mirror *mirror, const char *consumer) {
    hc_error *error = NULL;
    hc_consumer_list *consumers = NULL;
    WORKS(hc_mirror_consumers(mirror, &consumers, &error));
    int64_t cursor = -1;
    for (size_t i = 0; i < hc_consumer_list_len(consumers); i++) {
        const hc_consumer *one = hc_consumer_list_at(consumers, i);
        if (strcmp(hc_consumer_name(one), consumer) == 0) cursor = hc_consumer_cursor(one);
    }
    hc_consumer_list_free(consumers);
    return cursor;
}

/* Takes one change, acknowledges it and returns it. Runs on a thread. */
static void *take_and_acknowledge(void *of) {
    hc_error *error = NULL;
    hc_change *change = next(of);
    WORKS(hc_change_iter_ack(of, change, &error));
    return change;
}

/* One thread takes the earlier change and does not acknowledge it; another takes the later change and acknowledges it. After the mirror is opened
 * again, both changes are given again. */
static void a_change_that_one_thread_has_not_acknowledged_is_given_again(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror();
    hc_change_iter *iter = changes_of(mirror, "shared", 0);
    hc_change *first = next(iter);
    pthread_t worker;
    void *second = NULL;
    CHECK(pthread_create(&worker, NULL, take_and_acknowledge, iter) == 0);
    CHECK(pthread_join(worker, &second) == 0);
    CHECK(hc_change_seq(second) == hc_change_seq(first) + 1);
    CHECK(cursor_of(mirror, "shared") == 0);
    hc_change_iter_free(iter);
    hc_mirror_free(mirror);

    mirror = open_mirror();
    iter = changes_of(mirror, "shared", 0);
    hc_change *again = next(iter), *also = next(iter);
    CHECK(hc_change_seq(again) == hc_change_seq(first));
    CHECK(hc_change_seq(also) == hc_change_seq(second));
    WORKS(hc_change_iter_ack(iter, also, &error));
    CHECK(cursor_of(mirror, "shared") == 0);
    WORKS(hc_change_iter_ack(iter, again, &error));
    CHECK(cursor_of(mirror, "shared") == hc_change_seq(also));
    /* Acknowledging a change again has no effect. */
    WORKS(hc_change_iter_ack(iter, again, &error));
    CHECK(cursor_of(mirror, "shared") == hc_change_seq(also));
    hc_change_free(first);
    hc_change_free(second);
    hc_change_free(again);
    hc_change_free(also);
    hc_change_iter_free(iter);
    hc_mirror_free(mirror);
}

static void a_change_of_a_snapshot_can_be_parked(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror();
    WORKS(hc_mirror_start_from_snapshot(mirror, "late", &error));
    hc_change_iter *iter = changes_of(mirror, "late", 0);
    hc_change *first = next(iter), *second = next(iter);
    CHECK(hc_change_seq(first) < 0);
    CHECK_TEXT(hc_change_cause(first), "snapshot");
    WORKS(hc_change_iter_park(iter, second, "no seat is left", &error));
    WORKS(hc_change_iter_ack(iter, first, &error));
    CHECK(cursor_of(mirror, "late") == hc_change_seq(second));
    hc_parked_list *parked = NULL;
    WORKS(hc_mirror_parked_changes(mirror, "late", &parked, &error));
    CHECK(hc_parked_list_len(parked) == 1);
    CHECK_TEXT(hc_parked_change_reason(hc_parked_list_at(parked, 0)), "no seat is left");
    CHECK(hc_change_seq(hc_parked_change_change(hc_parked_list_at(parked, 0))) == hc_change_seq(second));
    hc_parked_list_free(parked);
    hc_change_free(first);
    hc_change_free(second);

    /* After the last change, the iteration ends because of its timeout. */
    size_t rest = 0;
    for (hc_change *change = next(iter); change != NULL; change = next(iter), rest++) {
        WORKS(hc_change_iter_ack(iter, change, &error));
        hc_change_free(change);
    }
    CHECK(rest == 3);
    hc_change_iter_free(iter);
    hc_mirror_free(mirror);
}

/* Takes changes until the mirror is closed, and returns their number. Runs on a thread. */
static void *take_all(void *of) {
    size_t count = 0;
    for (hc_change *change = next(of); change != NULL; change = next(of), count++) hc_change_free(change);
    return (void *)count;
}

/* Waits for changes until the mirror is closed. The status is HC_INVALID_ARGUMENT if it was closed before the wait began. Runs on a thread. */
static void *wait_for_changes(void *of) {
    hc_error *error = NULL;
    hc_change_batch *batch = NULL;
    hc_status status = hc_mirror_wait(of, "idle", 10, HC_WAIT_FOREVER, &batch, &error);
    CHECK(status == HC_CANCELLED || status == HC_INVALID_ARGUMENT);
    CHECK(batch == NULL);
    hc_error_free(error);
    return NULL;
}

static void closing_a_mirror_ends_waits(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror();
    hc_change_batch *batch = NULL;
    WORKS(hc_mirror_poll(mirror, "idle", 1000, &batch, &error));
    size_t last = hc_change_batch_len(batch) - 1;
    WORKS(hc_mirror_ack(mirror, "idle", hc_change_seq(hc_change_batch_at(batch, last)), &error));
    hc_change_batch_free(batch);

    hc_change_iter *iter = changes_of(mirror, "waiting", HC_WAIT_FOREVER);
    pthread_t taking[2], waiting;
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&taking[i], NULL, take_all, iter) == 0);
    CHECK(pthread_create(&waiting, NULL, wait_for_changes, mirror) == 0);
    /* The iterator registers its consumer before it waits. */
    while (cursor_of(mirror, "waiting") < 0) sched_yield();
    WORKS(hc_mirror_close(mirror, &error));

    size_t taken = 0;
    for (int i = 0; i < 2; i++) {
        void *count = NULL;
        CHECK(pthread_join(taking[i], &count) == 0);
        taken += (size_t)count;
    }
    CHECK(pthread_join(waiting, NULL) == 0);
    CHECK(taken <= last + 1);
    CHECK(next(iter) == NULL);
    WORKS(hc_mirror_close(mirror, &error));
    hc_change_iter_free(iter);
    hc_mirror_free(mirror);
}

static hc_worker *worker_of(const hc_mirror *mirror, const char *consumer, int64_t timeout_ms) {
    hc_error *error = NULL;
    hc_worker *worker = NULL;
    hc_worker_options options = {.struct_size = sizeof options, .partitions = 4};
    WORKS(hc_mirror_consumer(mirror, consumer, &options, timeout_ms, &worker, &error));
    return worker;
}

/* Returns the worker's next change, or NULL. The caller frees it. */
static hc_change *next_of(const hc_worker *worker) {
    hc_error *error = NULL;
    hc_change *change = NULL;
    WORKS(hc_worker_next(worker, &change, &error));
    return change;
}

static void a_worker_acknowledges_one_or_all_of_its_changes_and_parks_others(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror();
    hc_worker *worker = worker_of(mirror, "partitioned", 0);
    CHECK(hc_worker_partitions_len(worker) == 0);
    hc_change *first = next_of(worker), *second = next_of(worker);
    CHECK(hc_worker_partitions_len(worker) == 4);
    WORKS(hc_worker_ack(worker, first, &error));
    WORKS(hc_worker_park(worker, second, "no seat is left", &error));
    size_t rest = 0;
    for (hc_change *change = next_of(worker); change != NULL; change = next_of(worker), rest++) hc_change_free(change);
    CHECK(rest > 2);
    WORKS(hc_worker_ack_all(worker, &error));
    CHECK(cursor_of(mirror, "partitioned") >= hc_change_seq(second) + (int64_t)rest);
    hc_parked_list *parked = NULL;
    WORKS(hc_mirror_parked_changes(mirror, "partitioned", &parked, &error));
    CHECK(hc_parked_list_len(parked) == 1);
    hc_parked_list_free(parked);
    hc_change_free(first);
    hc_change_free(second);
    /* A worker may be freed after its mirror, and without having been closed. */
    hc_mirror_free(mirror);
    hc_worker_free(worker);
}

/* Waits until the worker is closed, and checks that it gives no change. Runs on a thread. */
static void *expect_no_change(void *of) {
    CHECK(next_of(of) == NULL);
    return NULL;
}

static void closing_a_worker_ends_its_waits_and_gives_its_changes_to_others(void) {
    hc_error *error = NULL;
    hc_mirror *mirror = open_mirror();
    hc_worker *closed = worker_of(mirror, "handed over", HC_WAIT_FOREVER), *other = worker_of(mirror, "handed over", HC_WAIT_FOREVER);
    hc_change *lost = next_of(closed);
    WORKS(hc_worker_close(closed, &error));
    WORKS(hc_worker_close(closed, &error));
    CHECK(next_of(closed) == NULL && hc_worker_partitions_len(closed) == 0);
    CHECK(hc_worker_ack(closed, lost, &error) == HC_STORE);
    CHECK(strstr(hc_error_message(error), "was lost") != NULL);
    hc_error_free(error);
    hc_change *again = next_of(other);
    CHECK(hc_change_seq(again) == hc_change_seq(lost));
    hc_change_free(lost);
    hc_change_free(again);

    size_t rest = 0;
    hc_worker *all = worker_of(mirror, "read", 0);
    for (hc_change *change = next_of(all); change != NULL; change = next_of(all), rest++) hc_change_free(change);
    CHECK(rest > 0);
    WORKS(hc_worker_ack_all(all, &error));
    hc_worker_free(all);
    hc_worker *waiting = worker_of(mirror, "read", HC_WAIT_FOREVER);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, expect_no_change, waiting) == 0);
    while (hc_worker_partitions_len(waiting) == 0) sched_yield();
    WORKS(hc_worker_close(waiting, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    hc_worker_free(closed);
    hc_worker_free(other);
    hc_worker_free(waiting);
    hc_mirror_free(mirror);
}

/* The two mirrors have the same file, as those of two processes would have. */
static void a_second_mirror_waits_until_the_iterator_of_the_first_is_freed(void) {
    hc_mirror *one = open_mirror(), *two = open_mirror();
    hc_change_iter *first = changes_of(one, "exclusive", 0), *second = changes_of(two, "exclusive", 0);
    hc_change *change = next(first);
    CHECK(change != NULL && next(second) == NULL);
    hc_change_iter_free(first);
    hc_change *again = NULL;
    /* The lease is released in the background. */
    while (again == NULL) again = next(second);
    CHECK(hc_change_seq(again) == hc_change_seq(change));
    hc_change_free(change);
    hc_change_free(again);
    hc_change_iter_free(second);
    hc_mirror_free(one);
    hc_mirror_free(two);
}

int main(void) {
    hc_error *error = NULL;
    alarm(300); /* Ends the program if a wait does not end. */
    hc_sandbox_options options = {.struct_size = sizeof options, .seed = 3, .users = 4, .groups = 1};
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/headcount.db", folder);
    WORKS(hc_sandbox_new(&options, &sandbox, &error));
    client = client_of(sandbox);
    hc_mirror *mirror = open_mirror();
    hc_sync_reports *reports = NULL;
    WORKS(hc_mirror_sync(mirror, hc_sandbox_organization_id(sandbox), NULL, NULL, &reports, &error));
    hc_sync_reports_free(reports);
    hc_mirror_free(mirror);

    a_change_that_one_thread_has_not_acknowledged_is_given_again();
    a_change_of_a_snapshot_can_be_parked();
    closing_a_mirror_ends_waits();
    a_worker_acknowledges_one_or_all_of_its_changes_and_parks_others();
    closing_a_worker_ends_its_waits_and_gives_its_changes_to_others();
    a_second_mirror_waits_until_the_iterator_of_the_first_is_freed();

    for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", NULL}; *suffix != NULL; suffix++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, *suffix);
        remove(name);
    }
    CHECK(rmdir(folder) == 0);
    hc_client_free(client);
    hc_sandbox_free(sandbox);
    return closing_line("test_feed");
}
