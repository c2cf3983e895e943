"""The helpers of ``headcount.testing`` and of the pytest plugin, for an application's own tests."""

import json
import os
import subprocess
import sys
from datetime import datetime, timezone

import pytest
from test_sandbox import application

import headcount
import headcount.asgi
import headcount.wsgi
from headcount import events, testing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK = headcount.Webhook(SECRET)
CREATED = "organization.directory.user_created"


def read(body):
    return WEBHOOK.verify(body, testing.signed(WEBHOOK, body))


def test_every_event_type_can_be_made():
    for name, known in events.TYPES.items():
        for asked in (name, known):
            event = read(testing.event(asked))
            assert type(event) is known and event.type == name
            assert event.id.startswith("evt_") and event.environment_id and event.data
            assert abs((datetime.now(timezone.utc) - event.occurred_at).total_seconds()) < 60
    assert type(read(testing.event("scalekit.dir.user.create"))) is events.OrganizationDirectoryUserCreated


def test_given_fields_replace_those_of_the_example():
    at = datetime(2025, 1, 6, 18, 44, 25, 153954, tzinfo=timezone.utc)
    event = read(
        testing.event(
            CREATED,
            data={"email": "ada@example.com", "groups": [{"id": "dirgroup_1", "name": "Žižkov"}], "active": None},
            organization_id="org_1",
            environment_id="env_1",
            id="evt_1",
            occurred_at=at,
        )
    )
    assert (event.id, event.organization_id, event.environment_id, event.occurred_at) == ("evt_1", "org_1", "env_1", at)
    assert event.data["email"] == "ada@example.com" and event.data["organization_id"] == "org_1" and event.data["id"]
    assert event.data["groups"] == [{"id": "dirgroup_1", "name": "Žižkov"}] and event.data["active"] is None
    assert read(testing.event(CREATED, occurred_at="2025-01-06T18:44:25.123456789Z")).to_dict()["occurred_at"].endswith("123456789Z")
    unknown = read(testing.event("directory.user.promoted", data={"id": "x"}))
    assert (type(unknown), unknown.data) == (headcount.Event, {"id": "x"})
    assert json.loads(testing.event(CREATED))["id"] != json.loads(testing.event(CREATED))["id"]


def test_invalid_events_are_refused():
    for name in ("directory.user.promoted", ""):
        with pytest.raises(headcount.BadRequestError, match="type"):
            testing.event(name)
    with pytest.raises(headcount.BadRequestError, match="id"):
        testing.event(CREATED, id="")
    with pytest.raises(headcount.InvalidArgumentError):
        testing.event(CREATED, occurred_at="yesterday")
    with pytest.raises(headcount.InvalidArgumentError, match="time zone"):
        testing.event(CREATED, occurred_at=datetime(2025, 1, 1))
    with pytest.raises(headcount.InvalidArgumentError, match="NaN"):
        testing.event(CREATED, data={"x": float("nan")})
    for data in ([], "x", {"x": object()}):
        with pytest.raises(TypeError):
            testing.event(CREATED, data=data)
    for wrong in (headcount.Event, int, 1):
        with pytest.raises(TypeError):
            testing.event(wrong)


def test_deliver_sends_a_signed_event(monkeypatch):
    with application(201, 500, 307) as (url, received):
        assert testing.deliver(url, CREATED, secret=SECRET, data={"email": "ada@example.com"}) == 201
        body, headers = received.get(timeout=60)
        assert WEBHOOK.verify(body, headers).data["email"] == "ada@example.com"
        assert {name.lower(): value for name, value in headers}["content-type"] == "application/json"
        monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", SECRET)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert testing.deliver(f"{url}?a=b", events.RoleCreated, message_id="msg_1") == 500
        body, headers = received.get(timeout=60)
        assert isinstance(WEBHOOK.verify(body, headers), events.RoleCreated) and dict(headers)["webhook-id"] == "msg_1"
        assert testing.deliver(url, body, secret=[SECRET]) == 307
        assert received.get(timeout=60)[0] == body
        with pytest.raises(headcount.InvalidArgumentError, match="data"):
            testing.deliver(url, body, data={})
    for wrong in ("127.0.0.1:8000/x", "ftp://127.0.0.1/", ""):
        with pytest.raises(headcount.InvalidArgumentError, match="url"):
            testing.deliver(wrong, CREATED)
    with pytest.raises(OSError):
        testing.deliver(url, CREATED)


def test_deliver_wsgi_and_deliver_asgi_need_no_server():
    received = []
    asgi, wsgi = headcount.asgi.endpoint(received.append, WEBHOOK), headcount.wsgi.endpoint(received.append, WEBHOOK)
    for deliver, app in ((testing.deliver_asgi, asgi), (testing.deliver_wsgi, wsgi)):
        assert deliver(app, CREATED, path="/webhooks/scalekit", secret=WEBHOOK, id="evt_1") == 201
        assert received.pop().id == "evt_1"
        assert deliver(app, b"[]", secret=WEBHOOK) == 400
        assert deliver(app, CREATED, secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") == 400

    def fail(event):
        raise RuntimeError("simulated failure of the database")

    for deliver, app in ((testing.deliver_asgi, headcount.asgi.endpoint(fail, WEBHOOK)), (testing.deliver_wsgi, headcount.wsgi.endpoint(fail, WEBHOOK))):
        with pytest.raises(RuntimeError, match="database"):
            deliver(app, CREATED, secret=WEBHOOK)
    assert received == []


PROJECT = """
import http.server
import os
import threading

import pytest

import headcount
import headcount.asgi
import headcount.wsgi
from headcount import events


def test_the_fixture_makes_a_sandbox(headcount_sandbox):
    client = headcount.Client.from_env()
    users = client.directory.users(headcount_sandbox.organization_id, headcount_sandbox.directory_id)
    assert len(list(users)) == 50


@pytest.mark.headcount_sandbox(users=3, seed=2)
def test_the_marker_sets_the_sandboxs_arguments(headcount_sandbox):
    client = headcount.Client.from_env()
    users = client.directory.users(headcount_sandbox.organization_id, headcount_sandbox.directory_id)
    assert len(list(users)) == 3


def test_the_environment_variables_are_removed_after_the_test():
    assert not [name for name in os.environ if name.startswith("SCALEKIT_")]


@pytest.mark.parametrize("form", ["asgi", "wsgi"])
def test_the_fixture_delivers_without_a_server(headcount_deliver, form):
    received = []
    app = getattr(headcount, form).endpoint(received.append)
    assert getattr(headcount_deliver, form)(app, events.OrganizationDirectoryUserDeleted, path="/hook", data={"id": "diruser_1"}) == 201
    assert received[0].data["id"] == "diruser_1"


def test_the_fixture_delivers_over_http(headcount_deliver, headcount_sandbox):
    webhook, received = headcount.Webhook(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(webhook.verify(self.rfile.read(int(self.headers["content-length"])), self.headers.items()))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        assert headcount_deliver(url, "role.created", organization_id="org_1") == 201
        server.shutdown()
    assert isinstance(received[0], events.RoleCreated) and received[0].organization_id == "org_1"
"""


def test_the_plugin_works_in_another_project(tmp_path):
    (tmp_path / "test_application.py").write_text(PROJECT)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SCALEKIT_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-W", "error", "-v"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0 and "6 passed" in ended.stdout, ended.stdout + ended.stderr
    listed = subprocess.run([*command, "--markers"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert "headcount_sandbox" in listed.stdout


def test_headcount_does_not_import_pytest():
    code = "import sys, headcount; sys.exit('pytest' in sys.modules or 'headcount.testing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
