"""The agent that uses headcount for Python; README.md describes its interface."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import command  # noqa: E402

import headcount  # noqa: E402


def sign(secret, id, timestamp, body):
    headers = headcount.Webhook(secret).sign(body, id=id, timestamp=int(timestamp))
    return headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]


def verify(secret, headers, body):
    headcount.Webhook(secret).verify_signature(body, headers)


sys.exit(command.run(sign, verify))
