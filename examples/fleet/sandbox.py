"""Starts a Scalekit environment on this machine, to try the fleet with. Prints its settings as a shell script, then creates 20 users and deletes ten of them."""

import time
import urllib.error
import urllib.request

import headcount

LOAD_BALANCER = "http://127.0.0.1:8080"


def main() -> None:
    with headcount.Sandbox(users=50, groups=4, seed=1) as sandbox:
        print(f"export SCALEKIT_ENVIRONMENT_URL='{sandbox.environment_url}'")
        print(f"export SCALEKIT_CLIENT_ID='{sandbox.client_id}'")
        print(f"export SCALEKIT_CLIENT_SECRET='{sandbox.client_secret}'")
        print(f"export SCALEKIT_WEBHOOK_SECRET='{sandbox.webhook_secret}'", flush=True)
        while not is_up(LOAD_BALANCER + "/healthz"):
            time.sleep(0.2)
        sandbox.register_endpoint(LOAD_BALANCER + "/webhooks/scalekit")
        hired = [sandbox.create_user(email=f"new{number}@example.com", groups=["Engineering"]) for number in range(20)]
        for user in hired[:10]:
            sandbox.delete_user(user.id)
        while True:
            time.sleep(60)


def is_up(url: str) -> bool:
    """Returns whether the load balancer and a receiver answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 204
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
