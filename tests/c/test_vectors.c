/* Runs the test vectors of tests/vectors, which all languages run. vectors_to_c.py writes them to vectors.h. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

typedef struct {
    const char *bytes;
    size_t len;
} data;

/* A body: prefix, `count` times repeat, middle, `count` times repeat_after, suffix. */
typedef struct {
    data prefix, repeat, middle, repeat_after, suffix;
    size_t count;
} body;

typedef struct {
    const char *reason; /* NULL: the request is valid */
    bool has_event;
    const char *id, *type, *occurred_at, *organization_id, *environment_id;
} expectation;

typedef struct {
    const char *name;
    bool reads_event; /* whether the event is read as well, and not only the signature verified */
    const char *const *secrets;
    size_t secrets_len;
    int64_t tolerance;
    int64_t now;
    const hc_header *headers;
    size_t headers_len;
    body body;
    expectation expect;
} verify_case;

typedef struct {
    const char *name, *secret;
    int64_t now;
    const hc_header *headers;
    size_t headers_len;
    const char *compact;
    expectation expect;
} parsed_case;

typedef struct {
    const char *name;
    const char *const *secrets;
    size_t secrets_len;
    bool ok;
} secret_case;

typedef struct {
    const char *name, *secret, *id;
    int64_t timestamp;
    body body;
    const char *id_header, *timestamp_header, *signature_header;
} sign_case;

typedef struct {
    const char *family, *signed_with;
    bool parts[3]; /* whether the request has the family's header for the id, the timestamp and the signature */
} signed_family;

typedef struct {
    const char *name;
    bool for_interceptors;
    const char *secret;
    body body;
    signed_family families[2];
    size_t families_len;
    expectation expect;
} interceptor_case;

typedef struct {
    const char *type, *event, *data, *id, *occurred_at, *organization_id, *environment_id, *object, *display_name, *spec_version;
} event_case;

typedef struct {
    char kind; /* 'h': check the id, 'o': commit the id, 'd': advance the clock by seconds */
    const char *id;
    bool again;
    int64_t seconds;
} replay_step;

typedef struct {
    const char *name;
    int64_t now, retention;
    size_t capacity; /* largest number of ids; 0: the case applies to every kind of replay guard, with any capacity */
    const replay_step *steps;
    size_t steps_len;
} replay_case;

#include "vectors.h"

/* Loops over the cases of a table. */
#define EACH(type, one, table) for (const type *one = table; one < table + sizeof table / sizeof *table; one++)

/* Copies bytes to *at, and moves *at to the byte after them. */
static void put(char **at, data part) {
    memcpy(*at, part.bytes, part.len);
    *at += part.len;
}

/* Joins the parts of a body. The result has the exact length, so that valgrind reports a read beyond the end. The caller frees it. */
static char *build(const body *body, size_t *len) {
    *len = body->prefix.len + body->count * (body->repeat.len + body->repeat_after.len) + body->middle.len + body->suffix.len;
    char *whole = malloc(*len ? *len : 1), *at = whole;
    put(&at, body->prefix);
    for (size_t i = 0; i < body->count; i++) put(&at, body->repeat);
    put(&at, body->middle);
    for (size_t i = 0; i < body->count; i++) put(&at, body->repeat_after);
    put(&at, body->suffix);
    return whole;
}

/* Returns a verifier. A tolerance of 0 seconds means none. */
static hc_webhook *verifier(const char *const *secrets, size_t len, int64_t tolerance) {
    hc_webhook_options options = {.struct_size = sizeof options, .tolerance_seconds = tolerance ? tolerance : HC_TOLERANCE_NONE};
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    WORKS(hc_webhook_new(secrets, len, &options, &webhook, &error));
    return webhook;
}

/* Compares the result of a verification with the expected one, and frees the error. */
static void compare(const char *name, const expectation *expect, hc_status status, const hc_event *event, hc_error *error) {
    int before = check_failed;
    if (expect->reason == NULL) {
        CHECK(status == HC_OK && error == NULL);
    } else {
        CHECK(status == HC_WEBHOOK_VERIFICATION && event == NULL);
        CHECK_TEXT(hc_error_reason(error), expect->reason);
    }
    if (expect->has_event) {
        CHECK_TEXT(hc_event_id(event), expect->id);
        CHECK_TEXT(hc_event_type(event), expect->type);
        CHECK_TEXT(hc_event_occurred_at(event), expect->occurred_at);
        CHECK_TEXT(hc_event_organization_id(event), expect->organization_id);
        CHECK_TEXT(hc_event_environment_id(event), expect->environment_id);
    }
    if (check_failed != before) {
        fprintf(stderr, "  in the case %s: %s\n", name, error ? hc_error_message(error) : "the request was accepted");
    }
    hc_error_free(error);
}

static void requests_are_verified(void) {
    EACH(verify_case, one, verify_cases) {
        hc_webhook *webhook = verifier(one->secrets, one->secrets_len, one->tolerance);
        size_t len;
        char *bytes = build(&one->body, &len);
        hc_event *event = NULL;
        hc_error *error = NULL;
        hc_status status;
        if (one->reads_event) {
            status = hc_webhook_verify_at(webhook, one->headers, one->headers_len, bytes, len, one->now, &event, &error);
            if (event != NULL) {
                CHECK(hc_event_body_len(event) == len && memcmp(hc_event_body(event), bytes, len) == 0);
            }
        } else {
            status = hc_webhook_verify_signature_at(webhook, one->headers, one->headers_len, bytes, len, one->now, &error);
        }
        compare(one->name, &one->expect, status, event, error);
        hc_event_free(event);
        free(bytes);
        hc_webhook_free(webhook);
    }
}

static void parsed_requests_are_verified(void) {
    EACH(parsed_case, one, parsed_cases) {
        hc_webhook *webhook = verifier(&one->secret, 1, 300);
        hc_event *event = NULL;
        hc_error *error = NULL;
        hc_status status =
            hc_webhook_verify_parsed_at(webhook, one->headers, one->headers_len, one->compact, one->now, &event, &error);
        compare(one->name, &one->expect, status, event, error);
        hc_event_free(event);
        hc_webhook_free(webhook);
    }
}

static void secrets_are_accepted_or_refused(void) {
    EACH(secret_case, one, secret_cases) {
        int before = check_failed;
        hc_webhook *webhook = NULL;
        hc_error *error = NULL;
        hc_status status = hc_webhook_new(one->secrets, one->secrets_len, NULL, &webhook, &error);
        CHECK(status == (one->ok ? HC_OK : HC_CONFIG));
        CHECK((webhook != NULL) == one->ok);
        CHECK_TEXT(hc_error_reason(error), one->ok ? NULL : "invalid_secret");
        hc_error_free(error);
        hc_webhook_free(webhook);
        if (!one->ok && one->secrets_len == 1) {
            error = NULL;
            CHECK(hc_verify_webhook_payload(one->secrets[0], NULL, 0, NULL, 0, &error) == HC_WEBHOOK_VERIFICATION);
            CHECK_TEXT(hc_error_reason(error), "invalid_secret");
            hc_error_free(error);
        }
        if (check_failed != before) fprintf(stderr, "  in the case %s\n", one->name);
    }
}

static void requests_are_signed(void) {
    EACH(sign_case, one, sign_cases) {
        int before = check_failed;
        hc_webhook *webhook = verifier(&one->secret, 1, 300);
        hc_signed_headers *made = NULL;
        hc_error *error = NULL;
        size_t len;
        char *bytes = build(&one->body, &len);
        WORKS(hc_webhook_sign(webhook, bytes, len, one->id, &one->timestamp, &made, &error));
        CHECK_TEXT(hc_signed_headers_id(made), one->id_header);
        CHECK_TEXT(hc_signed_headers_timestamp(made), one->timestamp_header);
        CHECK_TEXT(hc_signed_headers_signature(made), one->signature_header);
        hc_signed_headers_free(made);
        free(bytes);
        hc_webhook_free(webhook);
        if (check_failed != before) fprintf(stderr, "  in the case %s\n", one->name);
    }
}

/* hc_verify_webhook_payload and hc_verify_interceptor_payload compare the timestamp with the system's clock, so the messages are signed here with the
 * current time. */
static void requests_are_verified_in_one_call(void) {
    static const char *const parts[] = {"id", "timestamp", "signature"};
    EACH(interceptor_case, one, interceptor_cases) {
        hc_error *error = NULL;
        size_t len, headers_len = 0;
        char *bytes = build(&one->body, &len), names[6][32];
        hc_header headers[6];
        hc_signed_headers *made[2] = {NULL, NULL};
        for (size_t i = 0; i < one->families_len; i++) {
            const signed_family *family = &one->families[i];
            hc_webhook *webhook = verifier(&family->signed_with, 1, 300);
            WORKS(hc_webhook_sign(webhook, bytes, len, NULL, NULL, &made[i], &error));
            hc_webhook_free(webhook);
            const char *values[] = {hc_signed_headers_id(made[i]), hc_signed_headers_timestamp(made[i]), hc_signed_headers_signature(made[i])};
            for (size_t part = 0; part < 3; part++) {
                if (!family->parts[part]) continue;
                snprintf(names[headers_len], sizeof names[headers_len], "%s-%s", family->family, parts[part]);
                headers[headers_len] = (hc_header){names[headers_len], values[part], strlen(values[part])};
                headers_len++;
            }
        }
        hc_status status = one->for_interceptors ? hc_verify_interceptor_payload(one->secret, headers, headers_len, bytes, len, &error)
                                                 : hc_verify_webhook_payload(one->secret, headers, headers_len, bytes, len, &error);
        compare(one->name, &one->expect, status, NULL, error);
        hc_signed_headers_free(made[0]);
        hc_signed_headers_free(made[1]);
        free(bytes);
    }
}

static void events_are_read(void) {
    const char *secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    int64_t now = 1700000000;
    hc_webhook *webhook = verifier(&secret, 1, 300);
    EACH(event_case, one, event_cases) {
        int before = check_failed;
        hc_signed_headers *made = NULL;
        hc_event *event = NULL;
        hc_error *error = NULL;
        size_t len = strlen(one->event);
        WORKS(hc_webhook_sign(webhook, one->event, len, NULL, &now, &made, &error));
        const char *id = hc_signed_headers_id(made), *time = hc_signed_headers_timestamp(made);
        const char *signature = hc_signed_headers_signature(made);
        hc_header headers[] = {
            {"webhook-id", id, strlen(id)},
            {"webhook-timestamp", time, strlen(time)},
            {"webhook-signature", signature, strlen(signature)},
        };
        WORKS(hc_webhook_verify_at(webhook, headers, 3, one->event, len, now, &event, &error));
        CHECK_TEXT(hc_event_type(event), one->type);
        CHECK_TEXT(hc_event_data(event), one->data);
        CHECK_TEXT(hc_event_id(event), one->id);
        CHECK_TEXT(hc_event_message_id(event), id);
        CHECK_TEXT(hc_event_occurred_at(event), one->occurred_at);
        CHECK_TEXT(hc_event_organization_id(event), one->organization_id);
        CHECK_TEXT(hc_event_environment_id(event), one->environment_id);
        CHECK_TEXT(hc_event_object(event), one->object);
        CHECK_TEXT(hc_event_display_name(event), one->display_name);
        CHECK_TEXT(hc_event_spec_version(event), one->spec_version);
        hc_event_free(event);
        hc_signed_headers_free(made);
        if (check_failed != before) fprintf(stderr, "  in the event %s\n", one->type);
    }
    hc_webhook_free(webhook);
}

/* A replay store of the application, with the clock of the case. */
typedef struct {
    int64_t now;
    size_t len;
    struct {
        char id[300];
        int64_t expires_at;
    } entries[32];
} array_store;

static int array_contains(void *user_data, const char *message_id) {
    array_store *store = user_data;
    for (size_t i = 0; i < store->len; i++) {
        if (strcmp(store->entries[i].id, message_id) == 0) return store->entries[i].expires_at > store->now;
    }
    return 0;
}

static int array_record(void *user_data, const char *message_id, int64_t expires_at) {
    array_store *store = user_data;
    size_t i = 0;
    while (i < store->len && strcmp(store->entries[i].id, message_id) != 0) i++;
    if (i == sizeof store->entries / sizeof *store->entries) return -1;
    if (i == store->len) store->len++;
    snprintf(store->entries[i].id, sizeof store->entries[i].id, "%s", message_id);
    store->entries[i].expires_at = expires_at;
    return 0;
}

/* Runs the steps of a case with `now` as the clock, which an array_store reads as well, and frees the replay guard. `store` is its name in messages. */
static void run_steps(const replay_case *one, const char *store, hc_replay_guard *guard, int64_t *now) {
    int before = check_failed;
    hc_error *error = NULL;
    *now = one->now;
    for (const replay_step *step = one->steps; step < one->steps + one->steps_len; step++) {
        bool again = !step->again;
        if (step->kind == 'h') {
            WORKS(hc_replay_guard_check_id_at(guard, step->id, *now, &again, &error));
            CHECK(again == step->again);
        } else if (step->kind == 'o') {
            WORKS(hc_replay_guard_commit_id_at(guard, step->id, *now, &error));
        } else {
            *now += step->seconds;
        }
    }
    hc_replay_guard_free(guard);
    if (check_failed != before) fprintf(stderr, "  in the case %s, %s\n", one->name, store);
}

static void run_steps_in_memory(const replay_case *one) {
    hc_replay_options options = {.struct_size = sizeof options,
                                 .retention_seconds = one->retention,
                                 .capacity = one->capacity ? one->capacity : 1000};
    hc_replay_guard *guard = NULL;
    hc_error *error = NULL;
    int64_t now = 0;
    WORKS(hc_replay_guard_new(&options, &guard, &error));
    run_steps(one, "memory", guard, &now);
}

static void run_steps_in_a_file(const replay_case *one) {
    hc_replay_options options = {.struct_size = sizeof options, .retention_seconds = one->retention};
    hc_replay_guard *guard = NULL;
    hc_error *error = NULL;
    int64_t now = 0;
    char folder[] = "/tmp/headcount-replay-XXXXXX", path[64], name[80];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/replay.db", folder);
    WORKS(hc_replay_guard_sqlite(path, &options, &guard, &error));
    run_steps(one, "sqlite", guard, &now);
    const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        remove(name);
    }
    CHECK(remove(folder) == 0);
}

static void run_steps_in_an_array(const replay_case *one) {
    hc_replay_options options = {.struct_size = sizeof options, .retention_seconds = one->retention};
    hc_replay_guard *guard = NULL;
    hc_error *error = NULL;
    array_store array = {0};
    hc_replay_store store = {.struct_size = sizeof store, .contains = array_contains, .record = array_record, .user_data = &array};
    WORKS(hc_replay_guard_custom(&store, &options, &guard, &error));
    run_steps(one, "array", guard, &array.now);
}

static void replay_guards_recognize_repeated_ids(void) {
    EACH(replay_case, one, replay_cases) {
        run_steps_in_memory(one);
        /* Only a replay guard in memory has a capacity. */
        if (one->capacity != 0) continue;
        run_steps_in_a_file(one);
        run_steps_in_an_array(one);
    }
}

int main(void) {
    requests_are_verified();
    parsed_requests_are_verified();
    secrets_are_accepted_or_refused();
    requests_are_signed();
    requests_are_verified_in_one_call();
    events_are_read();
    replay_guards_recognize_repeated_ids();
    return closing_line("test_vectors");
}
