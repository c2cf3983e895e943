"""Lists an organization's directory, then waits for the webhook of a new user.

Reads SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and SCALEKIT_WEBHOOK_SECRET. Ends after one valid and one
invalid request to its endpoint; ``make demo`` sends both.
"""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer

import headcount


def main() -> None:
    with headcount.Client.from_env() as client:
        page = client.organization.list_organizations(page_size=5)
        organization = page.organizations[0]
        print(f"{page.total_size} organizations; the first is {organization.display_name} ({organization.id})")

        directory = client.directory.get_primary_directory_by_organization_id(organization.id)
        print(f"its directory is {directory.name} ({directory.id}), with {directory.total_users} users")

        for user in client.directory.list_directory_users(organization.id, directory.id, page_size=3).users:
            print(f"  {user.given_name} {user.family_name} <{user.email}>")
        total = sum(1 for _ in client.directory.users(organization.id, directory.id))
        print(f"  … {total} in total")

        groups = client.directory.list_directory_groups(organization.id, directory.id).groups
        print(f"its groups are {', '.join(group.display_name for group in groups)}")

    with HTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Endpoint) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}/api/webhook/user-access", flush=True)
        while Endpoint.answered != {201, 400}:
            server.handle_request()


class Endpoint(BaseHTTPRequestHandler):
    webhook = headcount.Webhook()
    answered: set[int] = set()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = self.webhook.verify(body, self.headers)
        except headcount.WebhookVerificationError as error:
            print(f"refused: {error}", flush=True)
            status = 400
        else:
            print(f"verified {event.type}: create an account for {event.data['email']}", flush=True)
            status = 201
        self.answered.add(status)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Turns off the log line of each request."""


if __name__ == "__main__":
    main()
