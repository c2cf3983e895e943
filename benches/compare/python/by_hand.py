"""A program without a library for webhooks or directories: `by_hand.py sync | serve | users | leavers`."""

import base64
import hmac
import time

from application import main
from listing import list_users


def verify(secret, headers, body):
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(time.time() - int(timestamp)) > 300:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = b"v1," + base64.b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256"))
    return any(hmac.compare_digest(signature.encode(), right) for signature in headers["webhook-signature"].split())


if __name__ == "__main__":
    main(verify, list_users)
