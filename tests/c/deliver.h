/* Passes webhooks that a sandbox has recorded to a mirror: unchanged, or with an additional byte that is not covered by the signature. */
#ifndef DELIVER_H
#define DELIVER_H

#include "check.h"

/* No server listens here: deliveries fail, but the sandbox records them with their bodies. */
#define UNREACHABLE_ENDPOINT "http://127.0.0.1:9/"

/* Writes a UTF-16 code unit as UTF-8. The bodies contain no surrogate pairs. */
static inline char *put_character(char *to, unsigned long character) {
    if (character < 0x80) {
        *to++ = (char)character;
    } else if (character < 0x800) {
        *to++ = (char)(0xc0 | character >> 6);
        *to++ = (char)(0x80 | (character & 0x3f));
    } else {
        *to++ = (char)(0xe0 | character >> 12);
        *to++ = (char)(0x80 | (character >> 6 & 0x3f));
        *to++ = (char)(0x80 | (character & 0x3f));
    }
    return to;
}

/* Returns the body of the delivery at an index, from 0. The caller frees it. Quotes inside JSON texts are escaped, so KEY occurs only before a
 * body. */
static inline char *delivery_body(const hc_sandbox *sandbox, size_t index) {
    static const char KEY[] = "\"body\":\"";
    hc_error *error = NULL;
    hc_text *deliveries = NULL;
    WORKS(hc_sandbox_deliveries(sandbox, &deliveries, &error));
    const char *from = hc_text_value(deliveries);
    for (size_t skipped = 0; from != NULL && skipped <= index; skipped++) {
        from = strstr(from, KEY);
        if (from != NULL) from += strlen(KEY);
    }
    CHECK(from != NULL);
    if (from == NULL) exit(2);
    char *body = malloc(strlen(from) + 1), *to = body;
    for (; *from != '"'; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        switch (*++from) {
        case 'n': *to++ = '\n'; break;
        case 'r': *to++ = '\r'; break;
        case 't': *to++ = '\t'; break;
        case 'b': *to++ = '\b'; break;
        case 'f': *to++ = '\f'; break;
        case 'u': {
            char digits[5] = {from[1], from[2], from[3], from[4], 0};
            to = put_character(to, strtoul(digits, NULL, 16));
            from += 4;
            break;
        }
        default: *to++ = *from;
        }
    }
    *to = 0;
    hc_text_free(deliveries);
    return body;
}

/* Returns the id of the event in the body of the delivery at an index. The caller frees it. */
static inline char *delivery_id(const hc_sandbox *sandbox, size_t index) {
    char *body = delivery_body(sandbox, index), *from = strstr(body, "\"evt_");
    CHECK(from != NULL);
    if (from == NULL) exit(2);
    from++;
    size_t length = strcspn(from, "\"");
    char *id = malloc(length + 1);
    memcpy(id, from, length);
    id[length] = 0;
    free(body);
    return id;
}

/* Signs a body and passes it to the mirror. If `tampered`, the last byte is not covered by the signature. */
static inline hc_status deliver_body(const hc_mirror *mirror, const hc_webhook *webhook, const char *body, bool tampered, hc_outcome *outcome,
                                     hc_error **reason) {
    hc_error *error = NULL;
    hc_signed_headers *made = NULL;
    WORKS(hc_webhook_sign(webhook, body, strlen(body) - tampered, NULL, NULL, &made, &error));
    const char *id = hc_signed_headers_id(made), *time = hc_signed_headers_timestamp(made), *signature = hc_signed_headers_signature(made);
    hc_header headers[] = {
        {"Webhook-Id", id, strlen(id)}, {"Webhook-Timestamp", time, strlen(time)}, {"Webhook-Signature", signature, strlen(signature)}};
    hc_status status = hc_mirror_receive(mirror, headers, 3, body, strlen(body), outcome, reason);
    hc_signed_headers_free(made);
    return status;
}

/* Passes a delivery of the sandbox to the mirror and returns the outcome. */
static inline const char *deliver(const hc_mirror *mirror, const hc_webhook *webhook, const hc_sandbox *sandbox, size_t index) {
    hc_error *error = NULL;
    hc_outcome outcome = HC_OUTCOME_NONE;
    char *body = delivery_body(sandbox, index);
    WORKS(deliver_body(mirror, webhook, body, false, &outcome, &error));
    free(body);
    return hc_outcome_name(outcome);
}

/* Passes a delivery with a byte that is not covered by the signature, and checks that the mirror refuses it. */
static inline void forge(const hc_mirror *mirror, const hc_webhook *webhook, const hc_sandbox *sandbox, size_t index) {
    hc_error *error = NULL;
    hc_outcome outcome = HC_OUTCOME_APPLIED;
    char *body = delivery_body(sandbox, index), *longer = malloc(strlen(body) + 2);
    sprintf(longer, "%s ", body);
    REFUSED(deliver_body(mirror, webhook, longer, true, &outcome, &error), HC_WEBHOOK_VERIFICATION, "");
    CHECK(outcome == HC_OUTCOME_NONE);
    free(longer);
    free(body);
}

/* Returns a client of the sandbox. */
static inline hc_client *client_of(const hc_sandbox *sandbox) {
    hc_error *error = NULL;
    hc_client *client = NULL;
    hc_client_options options = {.struct_size = sizeof options,
                                 .environment_url = hc_sandbox_environment_url(sandbox),
                                 .client_id = hc_sandbox_client_id(sandbox),
                                 .client_secret = hc_sandbox_client_secret(sandbox)};
    WORKS(hc_client_new(&options, &client, &error));
    return client;
}

#endif
