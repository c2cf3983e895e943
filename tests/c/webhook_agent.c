/* Signs or verifies one webhook, for the tests in which one language verifies what another has signed:
 *
 *   webhook_agent sign SECRET ID TIMESTAMP < body                prints the values of the three headers, one a line
 *   webhook_agent verify SECRET ID TIMESTAMP SIGNATURE < body    prints "ok" and exits 0, or prints the reason and exits 1
 *
 * If the usage is wrong, or sign gets an invalid argument, it prints an error to stderr and exits 2. */
#include <errno.h>
#include <headcount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads standard input to its end. Returns NULL if there is not enough memory. The caller frees the result. */
static char *read_all(size_t *len) {
    size_t capacity = 1 << 16;
    char *body = malloc(capacity);
    *len = 0;
    while (body != NULL) {
        *len += fread(body + *len, 1, capacity - *len, stdin);
        if (*len < capacity) break;
        char *larger = realloc(body, capacity *= 2);
        if (larger == NULL) free(body);
        body = larger;
    }
    return body;
}

static int sign(char **arguments, const char *body, size_t len) {
    const char *secret = arguments[0];
    char *end = NULL;
    errno = 0;
    int64_t timestamp = strtoll(arguments[2], &end, 10);
    if (errno != 0 || end == arguments[2] || *end != '\0') {
        fprintf(stderr, "TIMESTAMP is not a whole number of seconds\n");
        return 2;
    }
    hc_webhook *webhook = NULL;
    hc_signed_headers *headers = NULL;
    hc_error *error = NULL;
    hc_status status = hc_webhook_new(&secret, 1, NULL, &webhook, &error);
    if (status == HC_OK) status = hc_webhook_sign(webhook, body, len, arguments[1], &timestamp, &headers, &error);
    if (status == HC_OK) {
        printf("%s\n%s\n%s\n", hc_signed_headers_id(headers), hc_signed_headers_timestamp(headers), hc_signed_headers_signature(headers));
    } else {
        fprintf(stderr, "%s\n", hc_error_message(error));
    }
    hc_error_free(error);
    hc_signed_headers_free(headers);
    hc_webhook_free(webhook);
    return status == HC_OK ? 0 : 2;
}

static int verify(char **arguments, const char *body, size_t len) {
    hc_header headers[] = {
        {"webhook-id", arguments[1], strlen(arguments[1])},
        {"webhook-timestamp", arguments[2], strlen(arguments[2])},
        {"webhook-signature", arguments[3], strlen(arguments[3])},
    };
    hc_error *error = NULL;
    hc_status status = hc_verify_webhook_payload(arguments[0], headers, 3, body, len, &error);
    const char *reason = hc_error_reason(error);
    printf("%s\n", status == HC_OK ? "ok" : reason ? reason : hc_status_name(status));
    hc_error_free(error);
    return status == HC_OK ? 0 : 1;
}

int main(int count, char **arguments) {
    bool signs = count == 5 && strcmp(arguments[1], "sign") == 0;
    bool verifies = count == 6 && strcmp(arguments[1], "verify") == 0;
    if (!signs && !verifies) {
        fprintf(stderr, "usage: webhook_agent sign SECRET ID TIMESTAMP < body\n"
                        "       webhook_agent verify SECRET ID TIMESTAMP SIGNATURE < body\n");
        return 2;
    }
    size_t len;
    char *body = read_all(&len);
    if (body == NULL) {
        fprintf(stderr, "out of memory\n");
        return 2;
    }
    int code = signs ? sign(arguments + 2, body, len) : verify(arguments + 2, body, len);
    free(body);
    return code;
}
