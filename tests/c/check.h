/* The checks of all test programs: of a condition, of a text, of a call that succeeds and of a call that fails. */
#ifndef CHECK_H
#define CHECK_H

#include <headcount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#include <atomic>
using std::atomic_int;
#else
#include <stdatomic.h>
#endif

/* Atomic, because callbacks and threads of the tests also use CHECK. */
static atomic_int check_passed, check_failed;

static inline void check(bool ok, const char *file, int line, const char *what) {
    if (ok) {
        check_passed++;
    } else {
        check_failed++;
        fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    }
}

/* Checks that a condition holds. If it does not, the program continues, and fails at its end. */
#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
/* Checks that a text is equal to the expected one, or that both are NULL. */
#define CHECK_TEXT(text, expected) check_text((text), (expected), __FILE__, __LINE__, #text)
/* Checks that a call succeeds, and ends the program if it fails. The call's last argument must be &error. */
#define WORKS(call) works((call), &error, __FILE__, __LINE__, #call)
/* Checks that a call fails with a status and a message of one line that contains a text. Frees the error. The call's last argument must be &error. */
#define REFUSED(call, status, text) refused((call), (status), (text), &error, __FILE__, __LINE__, #call)

static inline void check_text(const char *text, const char *expected, const char *file, int line, const char *what) {
    bool same = text == expected || (text != NULL && expected != NULL && strcmp(text, expected) == 0);
    check(same, file, line, what);
    if (!same) {
        fprintf(stderr, "  expected %s\n  got      %s\n", expected ? expected : "NULL", text ? text : "NULL");
    }
}

static inline void works(hc_status status, hc_error **error, const char *file, int line, const char *what) {
    check(status == HC_OK && *error == NULL, file, line, what);
    if (status != HC_OK) {
        fprintf(stderr, "  %s: %s\n", hc_status_name(status), *error ? hc_error_message(*error) : "no error was given");
        exit(2);
    }
}

static inline void refused(hc_status status, hc_status expected, const char *text, hc_error **error, const char *file, int line,
                           const char *what) {
    const char *message = hc_error_message(*error);
    bool ok = status == expected && hc_error_status(*error) == expected && message != NULL && strstr(message, text) != NULL &&
              strchr(message, '\n') == NULL;
    check(ok, file, line, what);
    if (!ok) {
        fprintf(stderr, "  expected %s and \"%s\"\n  got      %s: %s\n", hc_status_name(expected), text, hc_status_name(status),
                message ? message : "no message");
    }
    hc_error_free(*error);
    *error = NULL;
}

/* Returns an environment variable, or ends the program if it is not set. */
static inline const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "%s is not set: run this program with tests/c/run.py\n", name);
        exit(2);
    }
    return value;
}

/* Prints how many checks passed and failed. Returns the exit status of the program. */
static inline int closing_line(const char *name) {
    printf("%s: %d passed, %d failed\n", name, (int)check_passed, (int)check_failed);
    return check_failed == 0 ? 0 : 1;
}

#endif
