/* A call over HTTPS fails if the server's certificate authority is not trusted, and succeeds if it is in ca_file. A ca_file that does not exist or contains no
 * certificate is refused. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

/* Creates a client with this ca_file, which may be NULL, and lists organizations. Checks the message of an error. The caller frees the client. */
static hc_status list_organizations(const char *ca_file, hc_client **client) {
    hc_client_options options = {.struct_size = sizeof options, .ca_file = ca_file, .proxy = "", .timeout_ms = 60000};
    hc_organization_page *page = NULL;
    hc_error *error = NULL;
    hc_status status = hc_client_from_env(&options, client, &error);
    if (status == HC_OK) status = hc_organizations(*client, NULL, &page, &error);
    CHECK((status == HC_OK) == (page != NULL));
    if (status != HC_OK) {
        CHECK(strstr(hc_error_message(error), ca_file ? "ca_file" : "certificate") != NULL);
        printf("  %s\n", hc_error_message(error));
    }
    hc_organization_page_free(page);
    hc_error_free(error);
    return status;
}

int main(void) {
    hc_client *client = NULL;
    CHECK(strncmp(setting("SCALEKIT_ENVIRONMENT_URL"), "https://", 8) == 0);
    /* The call is not retried: another attempt would fail as well. */
    CHECK(list_organizations(NULL, &client) == HC_CONNECTION && hc_client_requests(client) == 1);
    hc_client_free(client);
    CHECK(list_organizations(setting("SANDBOX_CA_FILE"), &client) == HC_OK && hc_client_requests(client) == 2);
    hc_client_free(client);
    CHECK(list_organizations("/nonexistent/ca.pem", &client) == HC_CONFIG && client == NULL);
    CHECK(list_organizations("/dev/null", &client) == HC_CONFIG && client == NULL);
    return closing_line("test_tls");
}
