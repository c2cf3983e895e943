"""The replay guard: its own calls, and in the endpoints with the real frameworks, over real HTTP. test_vectors.py tests which
messages it recognizes.
"""

import asyncio
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from test_frameworks import BODY, EXAMPLES, SECRET, WEBHOOK, Program

import headcount
import headcount.asgi
import headcount.wsgi
from headcount import testing

PROGRAM = Path(__file__).resolve().parent / "replay_program.py"
CREATED = "organization.directory.user_created"


def event(message_id, body=BODY):
    return WEBHOOK.verify(body, WEBHOOK.sign(body, id=message_id))


class Redis(dict):
    """A store of the application with the two required functions: message ids and the times at which they expire."""

    def guard(self, **settings):
        return headcount.ReplayGuard.custom(
            contains=lambda id: self.get(id, datetime.min.replace(tzinfo=timezone.utc)) > datetime.now(timezone.utc),
            record=self.__setitem__,
            **settings,
        )


@pytest.fixture(params=["memory", "sqlite", "custom"])
def guard(request, tmp_path):
    make = {
        "memory": headcount.ReplayGuard,
        "sqlite": lambda **settings: headcount.ReplayGuard.sqlite(tmp_path / "replay.db", **settings),
        "custom": lambda **settings: Redis().guard(**settings),
    }[request.param]
    return make


def test_a_handled_message_is_recognized_when_it_is_sent_again(guard):
    guard = guard()
    first = event("msg_1")
    assert first.message_id == "msg_1"
    assert guard.check(first) is True and guard.check(first) is True
    assert guard.commit(first) is None
    assert guard.check(event("msg_1")) is False and guard.check(event("msg_2")) is True
    assert guard.check_id("msg_1") is False and guard.check_id("msg_2") is True
    # An event that was pickled, for example for a queue of jobs, keeps its message id.
    again = pickle.loads(pickle.dumps(first))
    assert again.message_id == "msg_1" and guard.check(again) is False
    assert SECRET not in repr(guard) and "msg_1" not in repr(guard)


@pytest.mark.parametrize("retention", [0, timedelta(0), 0.0, 599, timedelta(minutes=9)])
def test_a_retention_shorter_than_twice_the_tolerance_is_refused(guard, retention):
    with pytest.raises(headcount.InvalidArgumentError, match="retention.*at least 600"):
        guard(retention=retention)
    assert guard(retention=600).check_id("msg_1") is True


def test_a_guard_is_refused_by_an_endpoint_whose_tolerance_is_more_than_half_its_retention(guard):
    guard = guard(retention=timedelta(hours=1))
    wide = headcount.Webhook(SECRET, tolerance=1801)
    with pytest.raises(headcount.InvalidArgumentError, match="3602"):
        guard.check_tolerance(wide)
    for endpoint in (headcount.asgi.endpoint, headcount.wsgi.endpoint):
        with pytest.raises(headcount.InvalidArgumentError, match="3602"):
            endpoint(print, wide, guard)
    assert guard.check_tolerance(headcount.Webhook(SECRET, tolerance=1800)) is None


def test_one_of_several_simultaneous_deliveries_claims_a_message(tmp_path):
    taken = set()
    lock = threading.Lock()

    def claim(id, until):
        assert until > datetime.now(timezone.utc)
        with lock:
            new = id not in taken
            taken.add(id)
            return new

    custom = headcount.ReplayGuard.custom(contains=taken.__contains__, record=lambda id, _: taken.add(id), claim=claim, release=taken.discard)
    for guard in (headcount.ReplayGuard(), headcount.ReplayGuard.sqlite(tmp_path / "replay.db"), custom):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: guard.claim(event("msg_1")), range(40))) == 1
        assert guard.check_id("msg_1") is False
        assert guard.release(event("msg_1")) is None
        assert guard.check_id("msg_1") is True
        assert guard.claim_id("msg_1") is True and guard.claim_id("msg_1") is False
        guard.release_id("msg_1")
        assert guard.claim_id("msg_1") is True


def test_the_error_of_a_store_without_claim_and_release_names_them():
    guard = Redis().guard()
    for call in (guard.claim_id, guard.release_id):
        with pytest.raises(headcount.InvalidArgumentError, match="claim|release"):
            call("msg_1")


def test_invalid_arguments_are_refused(guard, tmp_path):
    for wrong in (-1, float("nan"), timedelta(seconds=-1)):
        with pytest.raises(headcount.InvalidArgumentError):
            guard(retention=wrong)
    guard = guard()
    for call in (guard.check_id, guard.commit_id):
        with pytest.raises(headcount.InvalidArgumentError, match="empty"):
            call("")
    for call in (guard.check, guard.commit):
        with pytest.raises(TypeError):
            call("msg_1")
    with pytest.raises(headcount.InvalidArgumentError):
        headcount.ReplayGuard(capacity=-1)
    with pytest.raises(headcount.StoreError):
        headcount.ReplayGuard.sqlite(tmp_path / "nowhere" / "replay.db")
    with pytest.raises(TypeError):
        headcount.ReplayGuard.custom(contains=None, record=print)


def test_a_file_is_shared_by_guards_and_processes(tmp_path):
    one, other = (headcount.ReplayGuard.sqlite(str(tmp_path / "replay.db")) for _ in range(2))
    one.commit_id("msg_1")
    assert other.check_id("msg_1") is False
    code = "import headcount, sys; sys.exit(headcount.ReplayGuard.sqlite(sys.argv[1]).check_id('msg_1'))"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path / "replay.db")]).returncode == 0


def test_a_custom_store_is_called_and_its_exceptions_are_raised():
    store = Redis()
    store.guard(retention=3600).commit(event("msg_1"))
    ahead = (store["msg_1"] - datetime.now(timezone.utc)).total_seconds()
    assert 0 < ahead <= 3600 and store["msg_1"].tzinfo is not None

    def fail(*_):
        raise ConnectionRefusedError("redis cannot be reached")

    broken = headcount.ReplayGuard.custom(contains=fail, record=fail)
    for call in (broken.check_id, broken.commit_id):
        with pytest.raises(ConnectionRefusedError, match="redis cannot be reached"):
            call("msg_1")
    assert headcount.ReplayGuard().check_id("msg_1")  # a later call does not raise the stored exception again
    # `contains` may return an int: the EXISTS command of Redis returns the number of keys.
    counting = headcount.ReplayGuard.custom(contains=lambda id: len(id) % 2, record=lambda *_: "OK")
    assert counting.check_id("ab") is True and counting.check_id("abc") is False and counting.commit_id("a") is None
    for answer in (None, "yes", []):
        with pytest.raises(TypeError, match="contains"):
            headcount.ReplayGuard.custom(contains=lambda id: answer, record=print).check_id("msg_1")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_custom_store_of_coroutines_is_refused():
    async def answer_async(*_):
        return False

    guard = headcount.ReplayGuard.custom(contains=answer_async, record=answer_async)
    for call in (guard.check_id, guard.commit_id):
        with pytest.raises(TypeError, match="coroutine"):
            call("msg_1")


def test_a_blocking_guard_does_not_block_the_event_loop():
    """The store waits until the event loop has run another task: a guard that blocked the loop would time out."""
    other_task_ran, handled = threading.Event(), []
    guard = headcount.ReplayGuard.custom(contains=lambda id: not other_task_ran.wait(60), record=lambda *_: other_task_ran.wait(60))
    assert guard.blocking and not headcount.ReplayGuard().blocking
    body = testing.event(CREATED)
    headers = [(name.encode(), value.encode()) for name, value in WEBHOOK.sign(body).items()]
    app = headcount.asgi.endpoint(handled.append, WEBHOOK, guard)
    sent = []

    async def request():
        async def receive():
            return {"type": "http.request", "body": body}

        async def send(message):
            sent.append(message)

        await app({"type": "http", "method": "POST", "headers": headers}, receive, send)

    async def both():
        asked = asyncio.create_task(request())
        await asyncio.sleep(0)
        other_task_ran.set()
        await asked

    asyncio.run(both())
    assert len(handled) == 1 and sent[0]["status"] == 201


def test_no_event_is_handled_if_the_store_fails():
    def fail(*_):
        raise ConnectionRefusedError("redis cannot be reached")

    handled = []
    app = headcount.asgi.endpoint(handled.append, WEBHOOK, headcount.ReplayGuard.custom(contains=fail, record=fail))
    with pytest.raises(ConnectionRefusedError):
        testing.deliver_asgi(app, CREATED, secret=WEBHOOK)
    assert handled == []


class Guarded(Program):
    """A program with a framework's endpoint that has a replay guard; it runs in its own process."""

    def __init__(self, name, **environment):
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), name],
            env={**os.environ, "SCALEKIT_WEBHOOK_SECRET": SECRET, "PORT": "0", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line + self.process.stderr.read()
        self.port = int(line.rsplit(":", 1)[1].split("/")[0])

    def deliver(self, message_id, **fields):
        url = f"http://127.0.0.1:{self.port}/webhooks/scalekit"
        return testing.deliver(url, CREATED, secret=WEBHOOK, message_id=message_id, **fields)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_endpoint_handles_a_repeated_message_once(name, tmp_path):
    file = {} if name == "asgi" else {"REPLAY_GUARD": str(tmp_path / "replay.db")}
    endpoint = Guarded(name, **file)
    try:
        for message_id in ("msg_1", "msg_1", "msg_2", "msg_1"):
            assert endpoint.deliver(message_id) == 201
        # The handler fails once: the first redelivery is handled, and the second is recognized as handled.
        assert [endpoint.deliver("msg_3", data={"id": "fails_once"}) for _ in range(3)] == [500, 201, 201]
    finally:
        out, _ = endpoint.end()
    assert out.splitlines() == ["msg_1", "msg_2", "msg_3"]
    if file:
        endpoint = Guarded(name, **file)
        try:
            assert [endpoint.deliver(message_id) for message_id in ("msg_1", "msg_4")] == [201, 201]
        finally:
            out, _ = endpoint.end()
        assert out.splitlines() == ["msg_4"]
