"""Dropping the last handle of a mirror does not block the interpreter while its file is closed.

Closing a file takes long if a queued write waits for the lock of another process. In each test, such a lock is held until the test has observed that the
last handle was dropped and that the thread of the queued write still waits."""

import asyncio
import contextlib
import gc
import sqlite3
import sys
import threading
from pathlib import Path

import pytest

import headcount

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the tests read the names of threads from /proc")

# Seconds after which a test stops waiting for a thread or a lock, and fails.
LIMIT = 60


def threads(name):
    """Returns the ids of this process's threads with this name."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        # Either error means that the thread has ended.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text().strip() == name:
                found.add(task.name)
    return found


def wait_until(condition):
    deadline = threading.Event()
    timer = threading.Timer(LIMIT, deadline.set)
    timer.start()
    try:
        while not condition():
            assert not deadline.is_set(), "the condition was not met within the time limit"
    finally:
        timer.cancel()


class Stop(Exception):
    """Ends a sync."""


@pytest.fixture
def environment():
    with headcount.Sandbox(users=12, groups=3, seed=1) as sandbox:
        yield sandbox


# Makes each kind of handle from a mirror and its environment.
HANDLES = {
    "mirror": lambda mirror, _: mirror,
    "changes": lambda mirror, _: mirror.changes("app", timeout=0),
    "a worker": lambda mirror, _: mirror.consumer("app", timeout=0),
    "users": lambda mirror, environment: mirror.users(environment.organization_id),
    "hold_users": lambda mirror, _: mirror.hold_users("hold_1_1"),
    "at": lambda mirror, environment: mirror.at("2025-01-06", environment.organization_id),
    "history": lambda mirror, _: mirror.history(),
}
# The handles of a `Mirror`.
BLOCKING = {
    **HANDLES,
    "changes being read": lambda mirror, _: iterator_and_item(mirror.changes("app", timeout=0))[0],
    "users being read": lambda mirror, environment: iterator_and_item(mirror.users(environment.organization_id))[0],
    "a change of an iterator": lambda mirror, _: iterator_and_item(mirror.changes("app", timeout=0))[1],
    "a worker that has changes": lambda mirror, _: iterator_and_item(mirror.consumer("app", timeout=0)),
    "a polled change": lambda mirror, _: mirror.poll("app")[0],
}
# The handles of an `AsyncMirror`.
ASYNCIO = {
    **HANDLES,
    "a coroutine": lambda mirror, _: mirror.poll("app"),
    "rows": lambda mirror, environment: mirror.groups(environment.organization_id),
}


def iterator_and_item(iterator):
    return iterator, next(iterator)


def lock(path):
    """Returns a connection that locks the file for writing."""
    other = sqlite3.connect(path, isolation_level=None, timeout=LIMIT, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def check_that_dropping_does_not_wait(handles, other, own):
    """Drops the only handle in the list, and checks that this does not wait for the file. `other` is the
    connection that has locked the file, `own` the mirror's threads.
    """
    assert own["headcount-write"], "the mirror has a thread that writes"
    gc.collect()
    handles.clear()
    gc.collect()

    # The thread that reads does not wait for the lock: its end shows that the mirror was dropped.
    wait_until(lambda: not own["headcount-read"] & threads("headcount-read"))
    assert own["headcount-write"] <= threads("headcount-write"), "the drop waited until the file was closed"
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: not own["headcount-write"] & threads("headcount-write"))


def own_threads(before):
    """Returns the threads that were started since ``threads_before`` returned `before`."""
    return {name: threads(name) - ids for name, ids in before.items()}


def threads_before():
    gc.collect()
    return {name: threads(name) for name in ("headcount-read", "headcount-write")}


@pytest.mark.parametrize("kind", BLOCKING)
def test_dropping_the_last_handle_does_not_wait_for_the_file(environment, tmp_path, kind):
    path = tmp_path / "mirror.db"

    def prepare():
        before = threads_before()
        mirror = headcount.Mirror(path, client=environment.client())
        own = own_threads(before)
        mirror.sync(environment.organization_id)
        handle = BLOCKING[kind](mirror, environment)
        locks = []

        def stop(_):
            # The sync has written the groups. Because of the fault, it never lists the users; the release of its lease waits for the lock.
            environment.fault("latency:600s")
            locks.append(lock(path))
            raise Stop

        try:
            mirror.sync(environment.organization_id, mode="full", on_progress=stop)
        except Stop:
            return [handle], locks[0], own
        raise AssertionError("the sync did not end")

    check_that_dropping_does_not_wait(*prepare())


@pytest.mark.parametrize("kind", ASYNCIO)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_dropping_the_last_handle_of_an_async_mirror_does_not_wait_for_the_file(environment, tmp_path, kind):
    path = tmp_path / "mirror.db"

    async def prepare():
        before = threads_before()
        mirror = headcount.AsyncMirror(path, client=environment.async_client())
        own = own_threads(before)
        await mirror.sync(environment.organization_id)
        handle = ASYNCIO[kind](mirror, environment)
        other = lock(path)
        write = asyncio.create_task(mirror.configure(guard_users=7))
        # The runtime has one thread. When the first `status` returns, it has queued the write; when the second returns, it has dropped the cancelled call.
        await asyncio.sleep(0)
        await mirror.status()
        write.cancel()
        await asyncio.wait([write])
        await mirror.status()
        return [handle], other, own

    check_that_dropping_does_not_wait(*asyncio.run(prepare()))

    # The queued write has succeeded. If dropping the handle had waited for it, the lock would have been held until the write failed.
    with headcount.Mirror(path) as again:
        assert again.settings().guard.users == 7
