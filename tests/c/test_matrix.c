/* The fault matrix, reduced: reading calls, a listing and a creating call, each blocking and asynchronous, against faults of
 * servers and networks. Each gives the expected status, or succeeds after a retry; the server's requests are counted. */
#define _POSIX_C_SOURCE 200809L
#include "control.h"
#include <pthread.h>

static hc_client *a_client(uint32_t timeout_ms) {
    hc_client_options options = {.struct_size = sizeof options, .timeout_ms = timeout_ms, .max_attempts = 3,
                                 .retry_base_ms = 1, .retry_cap_ms = 2};
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_from_env(&options, &client, &error));
    return client;
}

/* Passes a callback's result to the waiting thread. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    bool done;
    hc_status status;
} bell;

static void ring(void *data, hc_status status, hc_error *error) {
    bell *it = data;
    CHECK((status == HC_OK) == (error == NULL));
    hc_error_free(error);
    pthread_mutex_lock(&it->lock);
    it->done = true;
    it->status = status;
    pthread_cond_signal(&it->rung);
    pthread_mutex_unlock(&it->lock);
}

static void organization_came(void *data, hc_status status, hc_organization *organization, hc_error *error) {
    CHECK((status == HC_OK) == (organization != NULL));
    hc_organization_free(organization);
    ring(data, status, error);
}

static void users_came(void *data, hc_status status, hc_user_page *page, hc_error *error) {
    CHECK((status == HC_OK) == (page != NULL));
    hc_user_page_free(page);
    ring(data, status, error);
}

static hc_status get(hc_client *client, bell *later) {
    hc_organization *organization = NULL;
    hc_error *error = NULL;
    const char *id = setting("SANDBOX_ORGANIZATION_ID");
    if (later) return hc_organization_get_async(client, id, organization_came, later, NULL);
    hc_status status = hc_organization_get(client, id, &organization, &error);
    CHECK((status == HC_OK) == (organization != NULL) && (status == HC_OK) == (error == NULL));
    hc_organization_free(organization);
    hc_error_free(error);
    return status;
}

static hc_status list(hc_client *client, bell *later) {
    hc_user_page *page = NULL;
    hc_error *error = NULL;
    const char *organization = setting("SANDBOX_ORGANIZATION_ID"), *directory = setting("SANDBOX_DIRECTORY_ID");
    if (later) return hc_directory_users_async(client, organization, directory, NULL, users_came, later, NULL);
    hc_status status = hc_directory_users(client, organization, directory, NULL, &page, &error);
    CHECK((status == HC_OK) == (page != NULL) && (status == HC_OK) == (error == NULL));
    hc_user_page_free(page);
    hc_error_free(error);
    return status;
}

static hc_status create(hc_client *client, bell *later) {
    hc_organization_fields fields = {.struct_size = sizeof fields, .display_name = "Acme"};
    hc_organization *organization = NULL;
    hc_error *error = NULL;
    if (later) return hc_organization_create_async(client, &fields, organization_came, later, NULL);
    hc_status status = hc_organization_create(client, &fields, &organization, &error);
    hc_organization_free(organization);
    hc_error_free(error);
    return status;
}

static const struct {
    const char *route;
    hc_status (*call)(hc_client *, bell *);
    bool once_only; /* It is not repeated where it may have been done. */
} CALLS[] = {
    {"GET /api/v1/organizations/{id}", get, false},
    {"GET /api/v1/organizations/{organization_id}/directories/{directory_id}/users", list, false},
    {"POST /api/v1/organizations", create, true},
};

static const struct {
    const char *fault;
    int every;
    hc_status status;
    int requests;
    hc_status once_only; /* What comes of a call that is not to be repeated, after one request; HC_OK where it is no different. */
} FAULTS[] = {
    {"401", 1, HC_AUTHENTICATION, 2, HC_OK},
    {"403", 1, HC_PERMISSION_DENIED, 1, HC_OK},
    {"404", 1, HC_NOT_FOUND, 1, HC_OK},
    {"409", 1, HC_BAD_REQUEST, 1, HC_OK},
    {"429:0", 1, HC_RATE_LIMIT, 3, HC_OK},
    {"429:9999", 1, HC_RATE_LIMIT, 1, HC_OK},
    {"500", 1, HC_SERVER, 3, HC_SERVER},
    {"503", 1, HC_SERVER, 3, HC_SERVER},
    {"reset", 1, HC_CONNECTION, 3, HC_CONNECTION},
    {"truncate", 1, HC_CONNECTION, 3, HC_CONNECTION},
    {"garbage", 1, HC_DECODE, 3, HC_DECODE},
    {"html", 1, HC_DECODE, 3, HC_DECODE},
    {"wrong-types", 1, HC_DECODE, 1, HC_OK},
    {"junk", 1, HC_DECODE, 1, HC_OK},
    {"redirect", 1, HC_API, 1, HC_OK},
    {"latency:60s", 1, HC_TIMEOUT, 1, HC_OK},
    {"drip", 1, HC_TIMEOUT, 1, HC_OK},
};

static void meet(size_t call, size_t fault_at, bool later) {
    bool waits = FAULTS[fault_at].status == HC_TIMEOUT;
    hc_status expected = FAULTS[fault_at].status;
    int count = FAULTS[fault_at].requests;
    if (CALLS[call].once_only && FAULTS[fault_at].once_only != HC_OK) {
        expected = FAULTS[fault_at].once_only;
        count = 1;
    }
    hc_client *client = a_client(waits ? 300 : 60000);
    fault(FAULTS[fault_at].fault, FAULTS[fault_at].every);
    long before = requests(CALLS[call].route);
    hc_status status;
    if (later) {
        bell it = {.lock = PTHREAD_MUTEX_INITIALIZER, .rung = PTHREAD_COND_INITIALIZER};
        CHECK(CALLS[call].call(client, &it) == HC_OK);
        /* Running calls do not need the caller's handle. */
        hc_client_free(client);
        pthread_mutex_lock(&it.lock);
        while (!it.done) pthread_cond_wait(&it.rung, &it.lock);
        pthread_mutex_unlock(&it.lock);
        status = it.status;
    } else {
        status = CALLS[call].call(client, NULL);
        hc_client_free(client);
    }
    long seen = requests(CALLS[call].route) - before;
    if (status != expected || seen != count) {
        fprintf(stderr, "  %s × %s%s: %s after %ld requests, expected %s after %d\n", CALLS[call].route, FAULTS[fault_at].fault,
                later ? " by callback" : "", hc_status_name(status), seen, hc_status_name(expected), count);
    }
    CHECK(status == expected);
    CHECK(seen == count);
}

/* Temporary faults are hidden from the caller. */
static void passing(const char *name) {
    hc_client *client = a_client(60000);
    CHECK(get(client, NULL) == HC_OK);
    fault(name, 2);
    for (int i = 0; i < 4; i++) CHECK(get(client, NULL) == HC_OK);
    CHECK(hc_client_retries(client) >= 1 || hc_client_token_renewals(client) >= 2);
    heal();
    hc_client_free(client);
}

int main(void) {
    for (size_t call = 0; call < sizeof CALLS / sizeof *CALLS; call++) {
        for (size_t at = 0; at < sizeof FAULTS / sizeof *FAULTS; at++) {
            meet(call, at, false);
            meet(call, at, true);
        }
    }
    heal();
    static const char *const PASSING[] = {"401", "429:0", "500", "503", "reset", "truncate", "garbage", "html", "expire-token"};
    for (size_t i = 0; i < sizeof PASSING / sizeof *PASSING; i++) passing(PASSING[i]);
    return closing_line("test_matrix");
}
