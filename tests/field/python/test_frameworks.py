"""Tests of the endpoints in real frameworks and servers. They run with the oldest and with the newest versions."""

import json
import os
import subprocess
import sys

import pytest
from conftest import HERE, eventually

import headcount
from headcount import testing

CREATED = "organization.directory.user_created"
APPLICATIONS = {
    "wsgi": ("wsgi", "app_wsgi:app", {}),
    "flask": ("wsgi", "app_flask:app", {}),
    "django_wsgi": ("wsgi", "app_django:wsgi", {}),
    "django_wsgi_async": ("wsgi", "app_django:wsgi", {"FIELD_ASYNC": "1"}),
    "asgi": ("asgi", "app_asgi:app", {}),
    "starlette": ("asgi", "app_starlette:app", {}),
    "fastapi": ("asgi", "app_fastapi:app", {}),
    "fastapi_async": ("asgi", "app_fastapi_async:app", {}),
    "django_asgi": ("asgi", "app_django:asgi", {}),
    "django_asgi_async": ("asgi", "app_django:asgi", {"FIELD_ASYNC": "1"}),
}


@pytest.fixture(params=APPLICATIONS)
def server(request, start):
    kind, application, environment = APPLICATIONS[request.param]
    return start(kind, application, **environment)


def body_of(number):
    # Returns the same bytes each time: a message that is sent again has the same signature.
    return testing.event(CREATED, organization_id="org_1", id=f"evt_{number}", occurred_at="2025-01-06T18:44:25Z")


def test_the_endpoint_records_a_message_as_handled_only_if_it_answers_2xx(server, sandbox):
    # The sandbox signs and delivers, as the vendor does.
    sandbox.register_endpoint(server.url)
    created = sandbox.create_user(email="ada@example.com")
    delivered = eventually(
        lambda: [sent for sent in sandbox.deliveries() if sent["url"] == server.url and sent["state"] == "delivered"], "a delivery"
    )
    assert [attempt["status"] for attempt in delivered[0]["attempts"]] == [201]
    assert [event["type"] for event in server.handled()] == ["organization.directory.user_created"]
    assert created.id in delivered[0]["body"]

    webhook = headcount.Webhook(sandbox.webhook_secret)
    # An error response: the message is not recorded, and is handled when it is sent again.
    message = webhook.sign(body_of(1), "msg_1")
    busy = server.folder / "busy"
    busy.touch()
    assert server.post(body_of(1), message) == 503
    assert server.post(body_of(1), message) == 503
    busy.unlink()
    assert server.post(body_of(1), message) == 201
    assert server.post(body_of(1), message) == 201
    outcomes = [event["outcome"] for event in server.handled() if event["message_id"] == "msg_1"]
    assert outcomes == ["busy", "busy", "pending"]

    # A valid signature, but data that the mirror cannot read.
    malformed = json.loads(body_of(2))
    malformed["data"] = {"id": ["not", "a", "text"]}
    malformed = json.dumps(malformed).encode()
    assert server.post(malformed, webhook.sign(malformed)) == 400
    assert server.post(b"[1]", webhook.sign(b"[1]")) == 400
    # A lone surrogate is read as U+FFFD.
    lone = body_of("\\ud800").replace(b"\\\\ud800", b"\\ud800")
    assert server.post(lone, webhook.sign(lone)) == 201
    assert server.handled()[-1]["id"] == "evt_\ufffd"
    assert server.post(body_of(3), {**webhook.sign(body_of(3)), "webhook-timestamp": "1"}) == 400


def test_the_server_stays_usable_after_requests_with_any_declared_length(server, sandbox):
    webhook = headcount.Webhook(sandbox.webhook_secret)
    body = body_of(1)
    signed = "".join(f"{name}: {value}\r\n" for name, value in webhook.sign(body).items())
    # Name of the case, header lines, parts of the body, expected answers (None: no answer, the connection is closed). Some servers refuse such a
    # request themselves, without calling the application.
    refused = (None, 400, 411, 413, 431)
    for name, head, parts, expected in [
        ("missing", "", [], refused),
        ("negative", "Content-Length: -1\r\n", [body], refused),
        ("with a plus sign", "Content-Length: +5\r\n", [body[:5]], refused),
        ("not a number", "Content-Length: many\r\n", [body], refused),
        ("other digits", "Content-Length: \u0661\u0662\r\n", [body], refused),
        ("huge", "Content-Length: 99999999999999\r\n", None, refused),
        ("longer than any number", f"Content-Length: {'9' * 5000}\r\n", None, refused),
        ("over the limit", f"Content-Length: {(1 << 20) + 1}\r\n", None, refused),
        ("duplicated", f"Content-Length: {len(body)}\r\nContent-Length: {len(body) + 1}\r\n", [body], refused),
        ("chunked over the limit", "Transfer-Encoding: chunked\r\n", [b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"] * 2 + [b"0\r\n\r\n"], refused),
        ("one byte at a time", f"Content-Length: {len(body)}\r\n", [bytes([byte]) for byte in body], (201,)),
    ]:
        status = server.send(signed + head, parts)
        assert status in expected, (name, status, "".join(server.output[-20:]))
    assert len(server.handled()) == 1
    assert server.post(body_of(2), webhook.sign(body_of(2))) == 201


def test_an_application_without_its_secret_starts_and_answers_500(start):
    server = start("wsgi", "app_flask:app", SCALEKIT_WEBHOOK_SECRET=None)
    body = body_of(1)
    assert server.post(body, headcount.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").sign(body)) == 500
    assert server.handled() == []
    # The response can arrive before the line that the server logs.
    server.wait_for("SCALEKIT_WEBHOOK_SECRET")


def test_manage_py_check_needs_no_secret(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCALEKIT_")}
    ended = subprocess.run(
        [sys.executable, "app_django.py", "check"],
        cwd=HERE,
        env={**environment, "FIELD_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stderr
    assert "no issues" in ended.stdout
