/* Runs the quickstart, whose path is the argument, against a sandbox: it has to list the directory, accept the sandbox's webhook, and refuse a
 * request without a signature. Prints what failed, and exits with 1. CTest ends it after a minute. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <headcount.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

static void check(hc_status status, hc_error *error) {
    if (status != HC_OK) fail(hc_error_message(error));
}

/* Reads lines of the quickstart until one contains `text`. Returns what follows the text in that line, which is overwritten by the next call. */
static const char *wait_for(FILE *output, const char *text) {
    static char line[4096];
    while (fgets(line, sizeof line, output) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        puts(line);
        const char *found = strstr(line, text);
        if (found != NULL) return found + strlen(text);
    }
    fail(text);
    return NULL;
}

/* Sends a request without a signature to a port of this machine. Returns the status of the answer. */
static int post_unsigned(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    if (peer < 0 || connect(peer, (struct sockaddr *)&address, sizeof address) != 0) fail("connecting to the quickstart");
    dprintf(peer, "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}");
    char answer[64] = "";
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length + 1 < sizeof answer; length += (size_t)got) {
        got = read(peer, answer + length, sizeof answer - 1 - length);
        if (got < 0) fail("reading the answer of the quickstart");
    }
    close(peer);
    return atoi(answer + strlen("HTTP/1.1 "));
}

int main(int argc, char **argv) {
    if (argc != 2) fail("the path of the quickstart is missing");
    hc_error *error = NULL;
    hc_sandbox *sandbox = NULL;
    hc_sandbox_options options = {.struct_size = sizeof options, .organizations = 3, .users = 20, .groups = 2};
    check(hc_sandbox_new(&options, &sandbox, &error), error);
    setenv("SCALEKIT_ENVIRONMENT_URL", hc_sandbox_environment_url(sandbox), 1);
    setenv("SCALEKIT_CLIENT_ID", hc_sandbox_client_id(sandbox), 1);
    setenv("SCALEKIT_CLIENT_SECRET", hc_sandbox_client_secret(sandbox), 1);
    setenv("SCALEKIT_WEBHOOK_SECRET", hc_sandbox_webhook_secret(sandbox), 1);
    unsetenv("PORT");

    char command[4096];
    snprintf(command, sizeof command, "exec \"%s\"", argv[1]);
    FILE *quickstart = popen(command, "r");
    if (quickstart == NULL) fail("starting the quickstart");
    wait_for(quickstart, "3 organizations; the first is ");
    wait_for(quickstart, "… 20 in total");
    char url[256];
    snprintf(url, sizeof url, "%s", wait_for(quickstart, "listening on "));

    check(hc_sandbox_register_endpoint(sandbox, url, &error), error);
    hc_sandbox_user ada = {.struct_size = sizeof ada, .email = "ada@example.com"};
    hc_user *created = NULL;
    check(hc_sandbox_create_user(sandbox, &ada, &created, &error), error);
    hc_user_free(created);
    wait_for(quickstart, "verified organization.directory.user_created: create an account for ada@example.com");

    int port = atoi(strrchr(url, ':') + 1);
    if (post_unsigned(port) != 400) fail("a request without a signature is answered with 400");
    wait_for(quickstart, "refused: ");
    if (pclose(quickstart) != 0) fail("the quickstart ends with 0");
    hc_sandbox_free(sandbox);
    return 0;
}
