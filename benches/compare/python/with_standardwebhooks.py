"""A program with standardwebhooks for its webhooks: `with_standardwebhooks.py sync | serve | users | leavers`."""

from application import main
from listing import list_users
from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def verify(secret, headers, body):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


if __name__ == "__main__":
    main(verify, list_users)
