/* Checks and objects that the tests of arguments share. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "check.h"

static const char *const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char *const NOT_UTF8 = "caf\xe9";

/* Checks that a call refuses NULL for the named parameter, with an error out-parameter and without. The call's last argument must be `place`. */
#define NULL_IS_REFUSED(call, name)                        \
    do {                                                   \
        hc_error *error = NULL;                            \
        hc_error **place = &error;                         \
        REFUSED(call, HC_INVALID_ARGUMENT, name " is NULL"); \
        place = NULL;                                      \
        CHECK((call) == HC_INVALID_ARGUMENT);              \
    } while (0)

/* Checks that a call refuses text that is not UTF-8 for the named parameter. The call's last argument must be `place`. */
#define TEXT_IS_REFUSED(call, name)                                 \
    do {                                                            \
        hc_error *error = NULL;                                     \
        hc_error **place = &error;                                  \
        REFUSED(call, HC_INVALID_ARGUMENT, name " is not valid UTF-8"); \
    } while (0)

/* Returns a client of a server that does not exist. */
static inline hc_client *a_client(void) {
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

/* Returns a verifier with SECRET. */
static inline hc_webhook *a_webhook(void) {
    hc_webhook *webhook = NULL;
    hc_error *error = NULL;
    WORKS(hc_webhook_new(&SECRET, 1, NULL, &webhook, &error));
    return webhook;
}

/* Returns a mirror in memory, without a client. */
static inline hc_mirror *a_mirror(void) {
    hc_mirror_options options = {.struct_size = sizeof options, .webhook_secret = SECRET};
    hc_mirror *mirror = NULL;
    hc_error *error = NULL;
    WORKS(hc_mirror_open(":memory:", NULL, &options, &mirror, &error));
    return mirror;
}

#endif
