/* Calls of the sandbox's control API, made over a plain socket. */
#ifndef CONTROL_H
#define CONTROL_H

#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Makes a control call and writes its answer, with status line and headers, into the buffer `answer` of `size` bytes. */
static inline void control(const char *method, const char *path, const char *body, char *answer, size_t size) {
    const char *port = strrchr(setting("SCALEKIT_ENVIRONMENT_URL"), ':') + 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char request[1024];
    int length = snprintf(request, sizeof request,
                          "%s /sandbox%s HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\n"
                          "content-length: %zu\r\n\r\n%s",
                          method, path, strlen(body), body);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    size_t got = 0;
    ssize_t part = 0;
    CHECK(connection >= 0 && connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(write(connection, request, (size_t)length) == length);
    while (got + 1 < size && (part = read(connection, answer + got, size - got - 1)) > 0) got += (size_t)part;
    answer[got] = 0;
    close(connection);
    CHECK(strncmp(answer, "HTTP/1.1 2", 10) == 0);
}

/* Makes every `every`-th later request fail with `fault`. */
static inline void fault(const char *fault, int every) {
    char body[256], answer[1024];
    snprintf(body, sizeof body, "{\"faults\":[\"%s\"],\"every\":%d}", fault, every);
    control("PUT", "/fault", body, answer, sizeof answer);
}

/* Makes later requests succeed again. */
static inline void end_faults(void) {
    char answer[1024];
    control("DELETE", "/fault", "", answer, sizeof answer);
}

/* Returns the number of requests of a route, such as "GET /api/v1/organizations", that the sandbox has received. */
static inline long requests(const char *route) {
    char answer[8192], name[256];
    control("GET", "/requests", "", answer, sizeof answer);
    snprintf(name, sizeof name, "\"%s\":", route);
    const char *found = strstr(answer, name);
    return found ? atol(found + strlen(name)) : 0;
}

#endif
