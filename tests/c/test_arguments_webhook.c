/* Calls of verifiers and replay guards refuse NULL in every required parameter, text that is not UTF-8, and values out of range. No server is needed. */
#define _POSIX_C_SOURCE 200809L
#include "arguments.h"

static void creating_a_verifier_checks_its_arguments(void) {
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    const char *const missing[] = {SECRET, NULL};
    const char *const not_utf8[] = {SECRET, NOT_UTF8};
    NULL_IS_REFUSED(hc_webhook_new(NULL, 1, NULL, &webhook, place), "secrets");
    NULL_IS_REFUSED(hc_webhook_new(&SECRET, 1, NULL, NULL, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_new(missing, 2, NULL, &webhook, place), "secrets[1]");
    TEXT_IS_REFUSED(hc_webhook_new(not_utf8, 2, NULL, &webhook, place), "secrets[1]");
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

static void verifying_and_signing_check_their_arguments(void) {
    hc_webhook *webhook = a_webhook();
    hc_event *event = NULL;
    hc_signed_headers *signed_headers = NULL;
    hc_error *error = NULL;
    hc_header header = {"webhook-id", "msg_1", 5};
    hc_header nameless = {NULL, "msg_1", 5};
    hc_header valueless = {"webhook-id", NULL, 5};
    hc_header not_utf8 = {NOT_UTF8, "msg_1", 5};
    hc_header endless = {"webhook-id", "msg_1", SIZE_MAX};

    NULL_IS_REFUSED(hc_webhook_verify(NULL, &header, 1, "{}", 2, &event, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, NULL, 1, "{}", 2, &event, place), "headers");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &header, 1, NULL, 2, &event, place), "body");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &header, 1, "{}", 2, NULL, place), "event");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &nameless, 1, "{}", 2, &event, place), "headers[0].name");
    NULL_IS_REFUSED(hc_webhook_verify(webhook, &valueless, 1, "{}", 2, &event, place), "headers[0].value");
    TEXT_IS_REFUSED(hc_webhook_verify(webhook, &not_utf8, 1, "{}", 2, &event, place), "headers[0].name");
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
    NULL_IS_REFUSED(hc_verify_interceptor_payload(NULL, &header, 1, "{}", 2, place), "secret");
    NULL_IS_REFUSED(hc_verify_interceptor_payload(SECRET, NULL, 1, "{}", 2, place), "headers");
    NULL_IS_REFUSED(hc_verify_interceptor_payload(SECRET, &header, 1, NULL, 2, place), "body");
    TEXT_IS_REFUSED(hc_verify_webhook_payload(NOT_UTF8, &header, 1, "{}", 2, place), "secret");
    NULL_IS_REFUSED(hc_webhook_sign(NULL, "{}", 2, NULL, NULL, &signed_headers, place), "webhook");
    NULL_IS_REFUSED(hc_webhook_sign(webhook, NULL, 2, NULL, NULL, &signed_headers, place), "body");
    NULL_IS_REFUSED(hc_webhook_sign(webhook, "{}", 2, NULL, NULL, NULL, place), "headers");
    TEXT_IS_REFUSED(hc_webhook_sign(webhook, "{}", 2, NOT_UTF8, NULL, &signed_headers, place), "id");

    /* An array of length 0 may be NULL. The errors are those for an empty array. */
    REFUSED(hc_webhook_verify(webhook, NULL, 0, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "webhook-id");
    hc_header empty = {"webhook-id", NULL, 0};
    REFUSED(hc_webhook_verify(webhook, &empty, 1, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "webhook-id");
    CHECK(event == NULL && signed_headers == NULL);

    /* Without an id and a timestamp, the headers have a random id and the current time, and are valid. */
    WORKS(hc_webhook_sign(webhook, NULL, 0, NULL, NULL, &signed_headers, &error));
    hc_header made[] = {
        {"Webhook-Id", hc_signed_headers_id(signed_headers), strlen(hc_signed_headers_id(signed_headers))},
        {"Webhook-Timestamp", hc_signed_headers_timestamp(signed_headers), strlen(hc_signed_headers_timestamp(signed_headers))},
        {"Webhook-Signature", hc_signed_headers_signature(signed_headers), strlen(hc_signed_headers_signature(signed_headers))},
    };
    WORKS(hc_webhook_verify_signature(webhook, made, 3, NULL, 0, &error));
    WORKS(hc_verify_webhook_payload(SECRET, made, 3, NULL, 0, &error));
    /* A request with the headers webhook-... and interceptor-...: hc_verify_webhook_payload uses the former, hc_verify_interceptor_payload the latter. */
    hc_header both[] = {
        {"webhook-id", "msg_9", 5}, {"webhook-timestamp", made[1].value, made[1].value_len}, {"webhook-signature", "v1,AAAA", 7},
        {"interceptor-id", made[0].value, made[0].value_len}, {"interceptor-timestamp", made[1].value, made[1].value_len},
        {"interceptor-signature", made[2].value, made[2].value_len},
    };
    WORKS(hc_verify_interceptor_payload(SECRET, both, 6, NULL, 0, &error));
    WORKS(hc_verify_interceptor_payload(SECRET, made, 3, NULL, 0, &error));
    REFUSED(hc_verify_webhook_payload(SECRET, both, 6, NULL, 0, &error), HC_WEBHOOK_VERIFICATION, "no signature matches");
    REFUSED(hc_webhook_verify(webhook, made, 3, NULL, 0, &event, &error), HC_WEBHOOK_VERIFICATION, "not an event");
    hc_signed_headers_free(signed_headers);
    hc_webhook_free(webhook);
}

/* A text in JSON can contain a NUL character, and a C string cannot. */
static void a_nul_character_in_an_event_is_replaced(void) {
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
    /* An event stays valid after its verifier was freed. */
    hc_webhook_free(webhook);
    CHECK_TEXT(hc_event_type(event), "t");
    hc_event_free(event);
    hc_signed_headers_free(signed_headers);
}

/* The functions of a replay store. They return the number that user_data points to. */
static int contains_answer(void *user_data, const char *message_id) {
    (void)message_id;
    return *(int *)user_data;
}

static int record_answer(void *user_data, const char *message_id, int64_t expires_at) {
    (void)message_id, (void)expires_at;
    return *(int *)user_data;
}

static void replay_guards_check_their_arguments_and_their_stores_results(void) {
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
    store.contains = contains_answer;
    NULL_IS_REFUSED(hc_replay_guard_custom(&store, NULL, &guard, place), "store.record");
    store.record = record_answer;
    NULL_IS_REFUSED(hc_replay_guard_custom(&store, NULL, NULL, place), "guard");
    hc_replay_options options = {.struct_size = sizeof options, .retention_seconds = -2};
    REFUSED(hc_replay_guard_new(&options, &guard, &error), HC_INVALID_ARGUMENT, "retention_seconds");
    /* With a retention shorter than twice the tolerance, a request could be accepted again while its timestamp is still valid. */
    options.retention_seconds = 599;
    REFUSED(hc_replay_guard_new(&options, &guard, &error), HC_INVALID_ARGUMENT, "at least 600");
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
    /* A claim records an id unless it is recorded, in one step. */
    NULL_IS_REFUSED(hc_replay_guard_claim(NULL, NULL, &again, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_claim(guard, NULL, &again, place), "event");
    NULL_IS_REFUSED(hc_replay_guard_release(NULL, NULL, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_release(guard, NULL, place), "event");
    NULL_IS_REFUSED(hc_replay_guard_claim_id(NULL, "msg_2", &again, place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_claim_id(guard, NULL, &again, place), "message_id");
    NULL_IS_REFUSED(hc_replay_guard_release_id(NULL, "msg_2", place), "guard");
    NULL_IS_REFUSED(hc_replay_guard_release_id(guard, NULL, place), "message_id");
    WORKS(hc_replay_guard_claim_id(guard, "msg_2", &again, &error));
    CHECK(!again);
    WORKS(hc_replay_guard_claim_id(guard, "msg_2", &again, &error));
    CHECK(again);
    WORKS(hc_replay_guard_release_id(guard, "msg_2", &error));
    WORKS(hc_replay_guard_claim_id(guard, "msg_2", &again, &error));
    CHECK(!again);
    hc_replay_guard_free(guard);

    /* A result of the store's functions other than those that the header documents is an error. */
    int answer = 7;
    store.user_data = &answer;
    WORKS(hc_replay_guard_custom(&store, NULL, &guard, &error));
    REFUSED(hc_replay_guard_check_id(guard, "msg_1", &again, &error), HC_STORE, "contains returned 7");
    REFUSED(hc_replay_guard_commit_id(guard, "msg_1", &error), HC_STORE, "record returned 7");
    answer = 0;
    WORKS(hc_replay_guard_commit_id(guard, "msg_1", &error));
    WORKS(hc_replay_guard_check_id(guard, "msg_1", &again, &error));
    CHECK(!again);
    REFUSED(hc_replay_guard_claim_id(guard, "msg_1", &again, &error), HC_INVALID_ARGUMENT, "store.claim is NULL");
    REFUSED(hc_replay_guard_release_id(guard, "msg_1", &error), HC_INVALID_ARGUMENT, "store.release is NULL");
    hc_replay_guard_free(guard);
    store.claim = record_answer;
    store.release = contains_answer;
    WORKS(hc_replay_guard_custom(&store, NULL, &guard, &error));
    WORKS(hc_replay_guard_claim_id(guard, "msg_1", &again, &error));
    CHECK(again);
    WORKS(hc_replay_guard_release_id(guard, "msg_1", &error));
    answer = 7;
    REFUSED(hc_replay_guard_claim_id(guard, "msg_1", &again, &error), HC_STORE, "claim returned 7");
    REFUSED(hc_replay_guard_release_id(guard, "msg_1", &error), HC_STORE, "release returned 7");
    hc_replay_guard_free(guard);
}

int main(void) {
    creating_a_verifier_checks_its_arguments();
    verifying_and_signing_check_their_arguments();
    a_nul_character_in_an_event_is_replaced();
    replay_guards_check_their_arguments_and_their_stores_results();
    return closing_line("test_arguments_webhook");
}
