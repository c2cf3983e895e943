"""The endpoints without a server: which messages are recorded, lengths of bodies, and secrets that are read at the first request."""

import asyncio
import logging
from http import HTTPStatus

import pytest
from test_frameworks import BODY, SECRET, WEBHOOK

import headcount
import headcount.asgi
import headcount.wsgi
from headcount import testing

LIMIT = WEBHOOK.max_body


class Stream:
    """A WSGI input that counts what is read. It returns at most `part` bytes at a time. With the default `part`
    it has no end: the body is followed by more bytes.
    """

    def __init__(self, body=b"", part=1 << 20):
        self.body, self.part, self.read_bytes, self.sizes = body, part, 0, []

    def read(self, size=-1):
        self.sizes.append(size)
        assert size >= 0, "read without a limit"
        size = min(size, self.part)
        part, self.body = self.body[:size], self.body[size:]
        part = part.ljust(size, b"x") if self.part == 1 << 20 else part
        self.read_bytes += len(part)
        return part


def call_wsgi(app, stream, headers, **environ):
    sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    statuses = []
    environ = {"REQUEST_METHOD": "POST", "wsgi.input": stream, **sent, **environ}
    for _ in app(environ, lambda status, headers: statuses.append(int(status[:3]))):
        pass
    return statuses[0]


def call_asgi(app, parts, headers):
    """Returns the status of the answer, and the number of messages that the application did not receive."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages += [{"type": "http.request", "body": b"", "more_body": False}]
    statuses, taken = [], iter(messages)

    async def receive():
        return next(taken)

    async def send(message):
        statuses.append(message.get("status"))

    scope = {"type": "http", "method": "POST", "headers": [(name.encode(), value.encode()) for name, value in headers]}
    asyncio.run(app(scope, receive, send))
    return statuses[0], len(list(taken))


@pytest.mark.parametrize("declared", ["-1", "+5", " 5", "5 ", "5,5", "0x10", "1e3", "1_0", "\u0661\u0662", "five", "-0"])
def test_a_length_that_is_not_in_ascii_digits_is_refused_before_the_body_is_read(declared):
    stream = Stream()
    app = headcount.wsgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    assert call_wsgi(app, stream, WEBHOOK.sign(BODY), CONTENT_LENGTH=declared) == 400
    assert stream.sizes == []
    asgi = headcount.asgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    headers = [*WEBHOOK.sign(BODY).items(), ("content-length", declared)]
    assert call_asgi(asgi, [BODY], headers) == (400, 2)


@pytest.mark.parametrize("declared", [str(LIMIT + 1), "9" * 19, "9" * 5000])
def test_a_length_over_the_limit_is_refused_before_the_body_is_read(declared):
    stream = Stream()
    app = headcount.wsgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    assert call_wsgi(app, stream, WEBHOOK.sign(BODY), CONTENT_LENGTH=declared) == 413
    assert stream.sizes == []
    asgi = headcount.asgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    assert call_asgi(asgi, [BODY], [*WEBHOOK.sign(BODY).items(), ("content-length", declared)]) == (413, 2)


def test_several_lengths_are_refused():
    asgi = headcount.asgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    length = ("content-length", str(len(BODY)))
    assert call_asgi(asgi, [BODY], [*WEBHOOK.sign(BODY).items(), length, length])[0] == 400


def test_a_chunked_body_is_read_up_to_the_limit_and_one_byte():
    app = headcount.wsgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    endless = Stream()
    assert call_wsgi(app, endless, WEBHOOK.sign(BODY), **{"wsgi.input_terminated": True}) == 413
    assert endless.read_bytes == LIMIT + 1
    # If the server does not guarantee that the body ends, nothing is read.
    endless = Stream()
    assert call_wsgi(app, endless, WEBHOOK.sign(BODY)) == 400
    assert endless.sizes == []
    asgi = headcount.asgi.endpoint(lambda event: pytest.fail("handled"), WEBHOOK)
    status, left = call_asgi(asgi, [b"x" * 100_000] * 100, WEBHOOK.sign(BODY).items())
    assert status == 413 and left == 101 - LIMIT // 100_000 - 1


def test_a_body_that_arrives_in_small_parts_is_accepted():
    handled = []
    app = headcount.wsgi.endpoint(handled.append, WEBHOOK)
    assert call_wsgi(app, Stream(BODY, part=1), WEBHOOK.sign(BODY), CONTENT_LENGTH=str(len(BODY))) == 201
    assert call_wsgi(app, Stream(BODY, part=3), WEBHOOK.sign(BODY), **{"wsgi.input_terminated": True}) == 201
    asgi = headcount.asgi.endpoint(handled.append, WEBHOOK)
    assert call_asgi(asgi, [bytes([byte]) for byte in BODY], WEBHOOK.sign(BODY).items())[0] == 201
    assert [event.body for event in handled] == [BODY] * 3
    # The client stopped sending: the signature does not match the part that arrived.
    assert call_wsgi(app, Stream(BODY[:-1], part=7), WEBHOOK.sign(BODY), CONTENT_LENGTH=str(len(BODY))) == 400


class Response:
    """A response with a ``status_code``, as those of Flask, Django and Starlette have."""

    def __init__(self, status_code):
        self.status_code = status_code


@pytest.mark.parametrize(
    "result, status",
    [
        (None, 201),
        (Response(200), 201),
        (HTTPStatus.OK, 201),
        (("fine", 204), 201),
        (("a", "b"), 201),
        (7, 201),
        (True, 201),
        ("text", 201),
        ({"status": 503}, 201),
        (Response(503), 503),
        (Response(302), 302),
        (HTTPStatus.SERVICE_UNAVAILABLE, 503),
        (503, 503),
        (404, 404),
        (("busy", 503), 503),
        (("busy", "503 Service Unavailable"), 503),
        (("busy", 500, {"retry-after": "5"}), 500),
        (Response(599), 599),
    ],
)
def test_a_message_is_recorded_only_if_the_answer_is_2xx(result, status):
    async def respond_async(event):
        return result

    for handler in (lambda event: result, respond_async):
        for make, deliver in ((headcount.wsgi.endpoint, testing.deliver_wsgi), (headcount.asgi.endpoint, testing.deliver_asgi)):
            guard = headcount.ReplayGuard()
            app = make(handler, WEBHOOK, guard)
            assert deliver(app, BODY, secret=SECRET, message_id="msg_1") == status
            assert guard.check_id("msg_1") is (status != 201)


def test_malformed_data_that_the_mirror_refuses_are_answered_with_400(caplog):
    mirror = headcount.Mirror(":memory:", webhook_secret=SECRET)
    malformed = testing.event("organization.directory.user_created", data={"id": ["not", "a", "text"]})
    with pytest.raises(headcount.WebhookVerificationError):
        mirror.receive(malformed, testing.signed(SECRET, malformed))

    def apply(event):
        mirror.apply(event)

    async def apply_async(event):
        mirror.apply(event)

    with caplog.at_level(logging.INFO, "headcount"):
        for handler in (apply, apply_async):
            guard = headcount.ReplayGuard()
            assert testing.deliver_wsgi(headcount.wsgi.endpoint(handler, WEBHOOK, guard), malformed, secret=SECRET, message_id="msg_1") == 400
            assert testing.deliver_asgi(headcount.asgi.endpoint(handler, WEBHOOK, guard), malformed, secret=SECRET, message_id="msg_1") == 400
            assert guard.check_id("msg_1") is True
    assert "a webhook was refused: the event's data does not have the fields of its type" in caplog.text


def test_the_secret_is_read_at_the_first_request(monkeypatch):
    monkeypatch.delenv("SCALEKIT_WEBHOOK_SECRET", raising=False)
    handled = []
    wsgi, asgi = headcount.wsgi.endpoint(handled.append), headcount.asgi.endpoint(handled.append)
    for app, deliver in ((wsgi, testing.deliver_wsgi), (asgi, testing.deliver_asgi)):
        with pytest.raises(headcount.ConfigError, match="SCALEKIT_WEBHOOK_SECRET"):
            deliver(app, BODY, secret=SECRET)
    monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", SECRET)
    assert testing.deliver_wsgi(wsgi, BODY, secret=SECRET) == testing.deliver_asgi(asgi, BODY, secret=SECRET) == 201
    assert len(handled) == 2


def test_a_queued_request_is_verified_as_of_the_time_at_which_it_arrived():
    mirror = headcount.Mirror(":memory:", webhook_secret=SECRET)
    arrived = 1_700_000_000
    headers = WEBHOOK.sign(BODY, timestamp=arrived)
    with pytest.raises(headcount.WebhookVerificationError) as raised:
        mirror.receive(BODY, headers)
    assert raised.value.reason == "too_old"
    assert mirror.receive(BODY, headers, now=arrived + 299) == "pending"
    with pytest.raises(headcount.WebhookVerificationError):
        mirror.receive(BODY, headers, now=arrived + 301)

    async def receive_async():
        async with headcount.AsyncMirror(":memory:", webhook_secret=SECRET) as mirror:
            return await mirror.receive(BODY, headers, now=arrived)

    assert asyncio.run(receive_async()) == "pending"


@pytest.mark.parametrize("escape, read", [("\\ud800", "\ufffd"), ("\\udc00x", "\ufffdx"), ("\\ud83d\\ude00", "\U0001f600")])
def test_lone_surrogates_are_read_as_the_replacement_character_and_pairs_as_their_character(escape, read):
    body = testing.event(
        "organization.directory.user_created", organization_id="org_1", id="evt_1", data={"id": "diruser_1", "given_name": "MARK"}
    ).replace(b"MARK", escape.encode())
    event = WEBHOOK.verify(body, WEBHOOK.sign(body))
    assert event.data["given_name"] == event.to_dict()["data"]["given_name"] == read
    assert event.body == body
    mirror = headcount.Mirror(":memory:", webhook_secret=SECRET)
    assert mirror.receive(body, WEBHOOK.sign(body)) == "pending"


def test_any_signed_json_object_is_an_event():
    import pickle

    event = WEBHOOK.verify(b"{}", WEBHOOK.sign(b"{}", "msg_1", 1_700_000_000), now=1_700_000_000)
    assert (event.id, event.type, event.occurred_at.timestamp(), event.data) == ("msg_1", "", 1_700_000_000, None)
    copy = pickle.loads(pickle.dumps(event))
    assert (copy.id, copy.message_id, copy.occurred_at) == ("msg_1", "msg_1", event.occurred_at)


def test_a_message_id_with_a_dot_cannot_be_signed():
    with pytest.raises(headcount.InvalidArgumentError, match="dots"):
        WEBHOOK.sign(BODY, "msg.1")


def test_a_dependency_of_fastapi_records_only_what_its_endpoint_answered_with_2xx():
    from fastapi import Depends, FastAPI
    from fastapi.responses import JSONResponse

    import headcount.fastapi

    guard, handled = headcount.ReplayGuard(), []
    app = FastAPI()
    app.router.route_class = headcount.fastapi.WebhookRoute
    verified = headcount.fastapi.verified(WEBHOOK, guard)

    @app.post("/", status_code=201)
    async def receive(event: headcount.Event = Depends(verified)):
        handled.append(event)
        return JSONResponse({}, status_code=503) if len(handled) == 1 else None

    @app.post("/malformed", status_code=201)
    def malformed(event: headcount.Event = Depends(verified)):
        headcount.Mirror(":memory:").apply(event)

    def deliver(path="/", body=BODY, message_id="msg_1"):
        return testing.deliver_asgi(app, body, path=path, secret=SECRET, message_id=message_id)

    assert [deliver(), deliver(), deliver()] == [503, 201, 201]
    assert len(handled) == 2 and guard.check_id("msg_1") is False
    body = testing.event("organization.directory.user_created", data={"id": ["not", "a", "text"]})
    assert deliver("/malformed", body, "msg_2") == 400
    assert guard.check_id("msg_2") is True


def test_the_error_of_a_dependency_with_a_replay_guard_on_another_route_names_the_route_class():
    from fastapi import Depends, FastAPI

    import headcount.fastapi

    app = FastAPI()

    @app.post("/guarded")
    def guarded(event: headcount.Event = Depends(headcount.fastapi.verified(WEBHOOK, headcount.ReplayGuard()))):
        pytest.fail("handled")

    @app.post("/plain", status_code=201)
    def plain(event: headcount.Event = Depends(headcount.fastapi.verified(WEBHOOK))):
        return None

    with pytest.raises(RuntimeError, match="WebhookRoute"):
        testing.deliver_asgi(app, BODY, path="/guarded", secret=SECRET)
    assert testing.deliver_asgi(app, BODY, path="/plain", secret=SECRET) == 201
