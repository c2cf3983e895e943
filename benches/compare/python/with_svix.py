"""A program with svix for its webhooks: `with_svix.py sync | serve | users | leavers`."""

from application import main
from listing import list_users
from svix.webhooks import Webhook, WebhookVerificationError


def verify(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


if __name__ == "__main__":
    main(verify, list_users)
