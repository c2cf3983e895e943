/* Three calls (get, list, create), each blocking and asynchronous, against every kind of fault. Checks the status of the call and
 * how many requests the server received. */
#define _POSIX_C_SOURCE 200809L
#include "control.h"
#include <pthread.h>

/* Returns a client whose calls have three attempts and this deadline. */
static hc_client *a_client(uint32_t timeout_ms) {
    hc_client_options options = {.struct_size = sizeof options, .timeout_ms = timeout_ms, .max_attempts = 3,
                                 .retry_base_ms = 1, .retry_cap_ms = 2};
    hc_client *client = NULL;
    hc_error *error = NULL;
    WORKS(hc_client_from_env(&options, &client, &error));
    return client;
}

/* The result of an asynchronous call, which its callback passes to the waiting thread. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    hc_status status;
} async_result;

static void set_result(void *data, hc_status status, hc_error *error) {
    async_result *result = data;
    CHECK((status == HC_OK) == (error == NULL));
    hc_error_free(error);
    pthread_mutex_lock(&result->lock);
    result->done = true;
    result->status = status;
    pthread_cond_signal(&result->changed);
    pthread_mutex_unlock(&result->lock);
}

static void on_organization(void *data, hc_status status, hc_organization *organization, hc_error *error) {
    CHECK((status == HC_OK) == (organization != NULL));
    hc_organization_free(organization);
    set_result(data, status, error);
}

static void on_users(void *data, hc_status status, hc_user_page *page, hc_error *error) {
    CHECK((status == HC_OK) == (page != NULL));
    hc_user_page_free(page);
    set_result(data, status, error);
}

/* Each of the next three functions makes one call. If `later` is not NULL, the call is asynchronous: its result is stored in `later`, and the function
 * returns the status of starting it. */
static hc_status get(hc_client *client, async_result *later) {
    hc_organization *organization = NULL;
    hc_error *error = NULL;
    const char *id = setting("SANDBOX_ORGANIZATION_ID");
    if (later) return hc_organization_get_async(client, id, on_organization, later, NULL);
    hc_status status = hc_organization_get(client, id, &organization, &error);
    CHECK((status == HC_OK) == (organization != NULL) && (status == HC_OK) == (error == NULL));
    hc_organization_free(organization);
    hc_error_free(error);
    return status;
}

static hc_status list(hc_client *client, async_result *later) {
    hc_user_page *page = NULL;
    hc_error *error = NULL;
    const char *organization = setting("SANDBOX_ORGANIZATION_ID"), *directory = setting("SANDBOX_DIRECTORY_ID");
    if (later) return hc_directory_users_async(client, organization, directory, NULL, on_users, later, NULL);
    hc_status status = hc_directory_users(client, organization, directory, NULL, &page, &error);
    CHECK((status == HC_OK) == (page != NULL) && (status == HC_OK) == (error == NULL));
    hc_user_page_free(page);
    hc_error_free(error);
    return status;
}

static hc_status create(hc_client *client, async_result *later) {
    hc_organization_fields fields = {.struct_size = sizeof fields, .display_name = "Acme"};
    hc_organization *organization = NULL;
    hc_error *error = NULL;
    if (later) return hc_organization_create_async(client, &fields, on_organization, later, NULL);
    hc_status status = hc_organization_create(client, &fields, &organization, &error);
    hc_organization_free(organization);
    hc_error_free(error);
    return status;
}

static const struct {
    const char *route;
    hc_status (*call)(hc_client *, async_result *);
    bool not_idempotent; /* The call is not repeated if the server may have executed it. */
} CALLS[] = {
    {"GET /api/v1/organizations/{id}", get, false},
    {"GET /api/v1/organizations/{organization_id}/directories/{directory_id}/users", list, false},
    {"POST /api/v1/organizations", create, true},
};

static const struct {
    const char *fault;
    int every;
    hc_status status; /* Status of the call. */
    int requests; /* Number of requests that the server receives. */
    hc_status not_idempotent; /* Status of a call that is not idempotent, after one request. HC_OK: as for other calls, `status` after `requests` requests. */
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

/* Makes a call while every request fails with a fault, and checks its status and the number of requests. The call is asynchronous if `later`. */
static void check_call_with_fault(size_t call, size_t fault_at, bool later) {
    bool waits = FAULTS[fault_at].status == HC_TIMEOUT;
    hc_status expected = FAULTS[fault_at].status;
    int count = FAULTS[fault_at].requests;
    if (CALLS[call].not_idempotent && FAULTS[fault_at].not_idempotent != HC_OK) {
        expected = FAULTS[fault_at].not_idempotent;
        count = 1;
    }
    hc_client *client = a_client(waits ? 300 : 60000);
    fault(FAULTS[fault_at].fault, FAULTS[fault_at].every);
    long before = requests(CALLS[call].route);
    hc_status status;
    if (later) {
        async_result result = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
        CHECK(CALLS[call].call(client, &result) == HC_OK);
        /* The client may be freed while its call is running. */
        hc_client_free(client);
        pthread_mutex_lock(&result.lock);
        while (!result.done) pthread_cond_wait(&result.changed, &result.lock);
        pthread_mutex_unlock(&result.lock);
        status = result.status;
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

static void calls_succeed_although_every_second_request_fails(const char *name) {
    hc_client *client = a_client(60000);
    CHECK(get(client, NULL) == HC_OK);
    fault(name, 2);
    for (int i = 0; i < 4; i++) CHECK(get(client, NULL) == HC_OK);
    CHECK(hc_client_retries(client) >= 1 || hc_client_token_renewals(client) >= 2);
    end_faults();
    hc_client_free(client);
}

int main(void) {
    for (size_t call = 0; call < sizeof CALLS / sizeof *CALLS; call++) {
        for (size_t at = 0; at < sizeof FAULTS / sizeof *FAULTS; at++) {
            check_call_with_fault(call, at, false);
            check_call_with_fault(call, at, true);
        }
    }
    end_faults();
    static const char *const TEMPORARY[] = {"401", "429:0", "500", "503", "reset", "truncate", "garbage", "html", "expire-token"};
    for (size_t i = 0; i < sizeof TEMPORARY / sizeof *TEMPORARY; i++) calls_succeed_although_every_second_request_fails(TEMPORARY[i]);
    return closing_line("test_matrix");
}
