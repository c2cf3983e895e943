/* Uses an installed headcount.hpp against a sandbox of its own: lists users, mirrors them, and verifies a webhook. */
#include <headcount.hpp>
#include <iostream>
#include <string>

static const char *verified(const headcount::Webhook &webhook, const std::string &signed_body, const std::string &body) {
    try {
        webhook.verify(webhook.sign(signed_body), body);
        return hc_status_name(HC_OK);
    } catch (const headcount::Error &error) {
        return hc_status_name(error.status());
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "expected the path of a mirror\n";
        return 2;
    }
    auto sizes = headcount::options<hc_sandbox_options>();
    sizes.users = 12;
    const headcount::Sandbox sandbox(sizes);
    const headcount::Client client = sandbox.client();
    const headcount::Webhook webhook({sandbox.webhook_secret()});
    const std::string body = headcount::Sandbox::event_body("organization.directory.user_created");

    std::size_t listed = 0, mirrored = 0;
    for (const hc_user &user : client.all_users(sandbox.organization_id(), sandbox.directory_id())) listed += hc_user_email(&user)[0] != '\0';
    const headcount::Mirror mirror(argv[1], client);
    mirror.sync_all();
    for (const hc_mirror_user &user : mirror.users(sandbox.organization_id())) mirrored += hc_mirror_user_email(&user)[0] != '\0';

    std::cout << "headcount " << hc_version() << '\n'
              << listed << " users listed\n"
              << mirrored << " users mirrored\n"
              << "genuine webhook: " << verified(webhook, body, body) << '\n'
              << "forged webhook: " << verified(webhook, "{}", body) << '\n';
}
