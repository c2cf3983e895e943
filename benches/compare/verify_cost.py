"""Prints the CPU time of a verified event whose user id is read, in microseconds: `verify_cost.py NAME NUMBER`. run.py calls it."""

import base64
import hmac
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "python"))
NAME, NUMBER = sys.argv[1], int(sys.argv[2])
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
DATA = {
    "id": "diruser_61216379200822470",
    "email": "ada.lovelace@company.example",
    "groups": [{"id": f"dirgroup_{number}", "display_name": f"Group {number}"} for number in range(8)],
    "custom_attributes": {"department": "Engineering", "cost_center": "4711", "manager": "grace.hopper@company.example"},
    "organization_id": "org_61216379200822466",
    "active": True,
}
EVENT = {"id": "evt_1", "type": "organization.directory.user_updated", "spec_version": "1", "object": "DirectoryUser", "data": DATA}
EVENT.update(environment_id="env_1", organization_id=DATA["organization_id"], occurred_at="2026-11-28T04:35:56.086088726Z", display_name="Updated")
BODY = json.dumps(EVENT).encode()


def standard_headers():
    timestamp = str(int(time.time()))
    signature = hmac.digest(base64.b64decode(SECRET.removeprefix("whsec_")), f"msg_1.{timestamp}.".encode() + BODY, "sha256")
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(signature).decode()}


def headcount():
    from headcount import Webhook

    webhook, headers = Webhook(SECRET), standard_headers()
    return lambda: webhook.verify(BODY, headers).data["id"]


def workos():
    """WorkOS's signature and event differ: hexadecimal, over the time in milliseconds and the body. The secret is the same."""
    from workos import WorkOSClient

    event = {"id": "event_1", "event": "dsync.user.deleted", "created_at": "2026-11-28T04:35:56.086Z", "object": "event"}
    user = {
        "object": "directory_user",
        "id": DATA["id"],
        "directory_id": "directory_1",
        "organization_id": "org_1",
        "idp_id": "1",
        "email": DATA["email"],
        "first_name": "Ada",
        "last_name": "Lovelace",
        "emails": [],
        "state": "inactive",
        "custom_attributes": {f"attribute_{number}": "a value of about thirty bytes" for number in range(14)},
        "raw_attributes": {},
        "created_at": "2026-11-28T04:35:56.086Z",
        "updated_at": "2026-11-28T04:35:56.086Z",
    }
    body = json.dumps({**event, "data": user}).encode()
    timestamp = str(int(time.time() * 1000))
    signature = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, "sha256").hexdigest()
    webhooks = WorkOSClient(api_key="sk_1", client_id="client_1").webhooks
    header = f"t={timestamp}, v1={signature}"
    return lambda: webhooks.verify_event(event_body=body, event_signature=header, secret=SECRET).data.id


def program(module):
    """The verification of a program, and what its endpoint does to read the event."""
    import importlib
    import os

    os.environ.update(SCALEKIT_ENVIRONMENT_URL="https://localhost", SCALEKIT_CLIENT_ID="skc_1", SCALEKIT_CLIENT_SECRET="secret")
    loaded = importlib.import_module(module)
    if module == "with_scalekit":
        from scalekit import ScalekitClient

        # Without its constructor, which uses the network.
        sdk = ScalekitClient.__new__(ScalekitClient)
        loaded.client = lambda: sdk
    headers = standard_headers()

    def verified():
        assert loaded.verify(SECRET, headers, BODY)
        return json.loads(BODY)["data"]["id"]

    return verified


verified = {"headcount": headcount, "workos": workos}.get(NAME, lambda: program(NAME))()
for _ in range(NUMBER // 10):
    assert verified() == DATA["id"]
before = time.process_time()
for _ in range(NUMBER):
    verified()
print((time.process_time() - before) * 1e6 / NUMBER)
