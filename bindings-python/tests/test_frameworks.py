"""The endpoints with the real frameworks, over real HTTP. Each test runs a program of ``examples/python/webhooks``."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import headcount

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WEBHOOK = headcount.Webhook(SECRET)
EVENT = json.loads((ROOT / "tests/vectors/webhook_events.json").read_text())["organization.directory.user_created"]
BODY = json.dumps(EVENT, indent=1).encode()
EXAMPLES = ["asgi", "wsgi", "starlette", "fastapi_dependency", "fastapi_route", "flask", "django_sync", "django_async"]
# Examples that can have middleware which reads the body before the endpoint does.
AFTER_A_PARSER = ["starlette", "fastapi_route", "flask", "django_sync"]


class Program:
    """An example that runs in its own process."""

    def __init__(self, name, **environment):
        file = ROOT / "examples" / "python" / "webhooks" / f"with_{name}.py"
        self.process = subprocess.Popen(
            [sys.executable, str(file)],
            env={**os.environ, "SCALEKIT_WEBHOOK_SECRET": SECRET, "PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line + self.process.stderr.read()
        self.port = int(line.rsplit(":", 1)[1].split("/")[0])

    def ask(self, body=b"", headers=(), method="POST", chunked=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"content-type": "application/json", **dict(headers)}
        parts = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
        try:
            connection.request(method, "/webhooks/scalekit", iter(parts) if chunked else body, sent, encode_chunked=chunked)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server refused the request before all of it was sent
        try:
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())
        finally:
            connection.close()

    def post(self, body, headers=None, **options):
        return self.ask(body, WEBHOOK.sign(body) if headers is None else headers, **options)[:2]

    def end(self):
        self.process.terminate()
        return self.process.communicate(timeout=30)


@pytest.fixture
def program():
    running = []

    def start(name, **environment):
        running.append(Program(name, **environment))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.end()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_endpoint_verifies_and_answers(name, program):
    endpoint = program(name)
    assert endpoint.post(BODY) == (201, b"")
    strange = json.dumps({**EVENT, "id": "evt_ü", "display_name": "Žofie 😀"}, ensure_ascii=False).encode()
    assert endpoint.post(strange) == (201, b"")

    # The answer contains a status, and no reason that would help an attacker.
    status, answer = endpoint.post(BODY + b" ", WEBHOOK.sign(BODY))
    assert status == 400 and b"signature" not in answer and b"secret" not in answer
    assert endpoint.post(BODY, {})[0] == 400
    assert endpoint.post(b"", {})[0] == 400
    assert endpoint.post(BODY, {**WEBHOOK.sign(BODY), "webhook-timestamp": "1"})[0] == 400
    not_an_event = b"[1]"
    assert endpoint.post(not_an_event)[0] == 400

    long = json.dumps({**EVENT, "note": "x" * (1 << 21)}).encode()
    assert endpoint.post(long)[0] == 413
    chunks = name not in ("wsgi", "flask", "django_sync")  # wsgiref's server does not read chunked bodies
    if chunks:
        assert endpoint.post(BODY, chunked=True) == (201, b"")
        assert endpoint.post(long, chunked=True)[0] == 413

    status, _, headers = endpoint.ask(method="GET")
    assert status == 405 and "POST" in {key.lower(): value for key, value in headers.items()}["allow"]

    # The handler fails: status 500 makes the vendor send the event again.
    failing = json.dumps({**EVENT, "type": "role.created", "data": {"id": "fail"}}).encode()
    assert endpoint.post(failing)[0] == 500
    assert endpoint.post(BODY) == (201, b"")

    out, _ = endpoint.end()
    good = f"{EVENT['type']} {EVENT['id']}"
    assert out.splitlines() == [good, f"{EVENT['type']} evt_ü", *([good] if chunks else []), good]


@pytest.mark.parametrize("name", AFTER_A_PARSER)
def test_the_endpoint_works_after_middleware_that_reads_the_body(name, program):
    endpoint = program(name, AFTER_A_PARSER="1")
    assert endpoint.post(BODY) == (201, b"")
    assert endpoint.post(BODY + b" ", WEBHOOK.sign(BODY))[0] == 400


@pytest.mark.parametrize("name", ["asgi", "flask"])
def test_a_missing_secret_is_an_error_at_the_first_request(name, program):
    endpoint = program(name, SCALEKIT_WEBHOOK_SECRET="")
    assert endpoint.post(BODY)[0] == 500
    _, log = endpoint.end()
    assert "SCALEKIT_WEBHOOK_SECRET" in log
