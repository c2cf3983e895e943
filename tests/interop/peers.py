"""The other packages for Python; README.md describes the interface. `python peers.py sign PEER SECRET ID TIMESTAMP`."""

import base64
import sys
from datetime import datetime, timezone

import command


def webhook(peer, secret):
    """Makes the verifier of standardwebhooks or svix, which have the same class."""
    if peer == "standardwebhooks":
        from standardwebhooks.webhooks import Webhook
    else:
        from svix.webhooks import Webhook
    return Webhook(secret)


def scalekit():
    """Makes the official SDK's client without calling its constructor, which uses the network."""
    from scalekit.client import ScalekitClient

    return ScalekitClient.__new__(ScalekitClient)


def sign(peer, secret, id, timestamp, body):
    if peer == "scalekit":
        # The SDK has no public function that signs. Its verification computes this, with a space after the comma.
        compute = type(scalekit())._ScalekitClient__compute_signature
        key = base64.b64decode(secret.split("_")[1])
        return id, timestamp, compute(key, f"{id}.{timestamp}.{body.decode()}").replace(" ", "")
    time = datetime.fromtimestamp(int(timestamp), tz=timezone.utc)
    return id, timestamp, webhook(peer, secret).sign(id, time, body.decode())


def verify(peer, secret, headers, body):
    if peer == "scalekit":
        client = scalekit()
        verify = client.verify_interceptor_payload if "interceptor-id" in headers else client.verify_webhook_payload
        assert verify(secret, headers, body) is True
    else:
        webhook(peer, secret).verify(body, headers)


sys.exit(command.run(sign, verify, named=True))
