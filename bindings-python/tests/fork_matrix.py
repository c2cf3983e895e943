"""Forks while a thread of the parent uses the mirror, a replay guard, a client or a sandbox.

    python fork_matrix.py THING STATE

THING is mirror, guard, client or sandbox. STATE is what a thread of the parent does at the forks: idle, reading, writing (to THING) or syncing (the
mirror). There are three kinds of children: one ignores headcount, one uses THING, and one ends as a program does, which frees its objects and runs
`atexit` functions. For each kind, a cell of the matrix, the parent forks several children and then uses everything that it has open. Each cell has a
time limit, after which the stacks are printed and the program ends with an error.

The mirror is in a file, or in the schema MIRROR_SCHEMA of the PostgreSQL database MIRROR_URL, if these variables are set.
"""

import faulthandler
import gc
import itertools
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import headcount
from headcount import testing

LIMIT = 60  # seconds for each cell
FORKS = 4  # children of each cell
CHILDREN = ["ignores", "uses", "exits"]


class Objects:
    """All objects of headcount that the program has open."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.sandbox = headcount.Sandbox(users=30, groups=3, seed=1)
        self.client = self.sandbox.client()
        self.mirror = self.open_mirror()
        self.guard = headcount.ReplayGuard.sqlite(self.folder / "replay.db")
        self.memory = headcount.ReplayGuard()
        self.org = self.sandbox.organization_id
        self.directory = self.sandbox.directory_id
        # `next` is atomic, so that threads get different numbers.
        self.numbers = itertools.count(1)

    def open_mirror(self):
        place = (os.environ["MIRROR_URL"], os.environ["MIRROR_SCHEMA"]) if "MIRROR_URL" in os.environ else (self.folder / "mirror.db", None)
        return headcount.Mirror(place[0], schema=place[1], client=self.client, webhook_secret=self.sandbox.webhook_secret)

    def receive(self, mirror=None):
        """Receives a webhook that no process has received before."""
        id = f"evt_{os.getpid()}_{next(self.numbers)}"
        body = testing.event("organization.directory.user_created", organization_id=self.org, id=id)
        outcome = (mirror or self.mirror).receive(body, headcount.Webhook(self.sandbox.webhook_secret).sign(body))
        assert outcome != "duplicate", outcome

    def commit(self):
        message = f"msg_{os.getpid()}_{next(self.numbers)}"
        for guard in (self.guard, self.memory):
            assert guard.check_id(message), "the message is new"
            guard.commit_id(message)
            assert not guard.check_id(message), "the message was committed"

    def sync(self, mirror=None, wait=True):
        return (mirror or self.mirror).sync(self.org, self.directory, mode="full", wait=wait).outcome

    def list_users(self):
        assert len(list(self.client.directory.users(self.org, self.directory))) > 0

    def reads(self, thing):
        return {
            "mirror": self.mirror.status,
            "guard": lambda: (self.guard.check_id("msg_read"), self.memory.check_id("msg_read")),
            "client": self.list_users,
            "sandbox": self.sandbox.deliveries,
        }[thing]

    def writes(self, thing):
        return {
            "mirror": self.receive,
            "guard": self.commit,
            "client": lambda: self.client.organization.update_organization(self.org, display_name="Renamed"),
            "sandbox": lambda: self.sandbox.advance(1),
        }[thing]

    def work(self, thing, state):
        """Returns the function that the parent's threads repeat during the forks, or None if there are no threads."""
        return {"idle": lambda _: None, "reading": self.reads, "writing": self.writes, "syncing": lambda _: self.sync}[state](thing)


def use(objects, thing):
    """Uses the parent's THING in a child; for a sandbox, checks that its calls are refused."""
    if thing == "sandbox":
        for call in (objects.sandbox.deliveries, lambda: objects.sandbox.advance(1)):
            try:
                call()
            except headcount.InvalidArgumentError as error:
                assert "fork" in str(error), error
            else:
                raise AssertionError("a child used its parent's sandbox")
        return
    objects.reads(thing)()
    objects.writes(thing)()
    if thing == "mirror":
        assert objects.sync() == "done"
        assert len(objects.mirror.poll("app", limit=1)) == 1


def child(objects, thing, how, reader):
    """Runs in the child, and ends its process. Returns only if `how` is "exits": the child then ends by
    returning from `main`.
    """
    signal.alarm(LIMIT)
    if how == "exits":
        return
    status = 0
    try:
        if how == "uses":
            use(objects, thing)
        else:
            os.read(reader, 1)
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        os._exit(status)


def cell(objects, thing, state, how):
    """Forks children of one kind, and checks that they and the parent work. Returns True in a child that is to
    return from `main`, False in the parent.
    """
    signal.alarm(LIMIT)
    stop, failures, turns = threading.Event(), [], [0]
    work = objects.work(thing, state)

    def repeat():
        try:
            while not stop.is_set():
                work()
                turns[0] += 1
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=repeat, daemon=True) for _ in range(2 if work else 0)]
    for thread in threads:
        thread.start()
    # Children that ignore headcount read from the pipe until the parent closes its other end.
    children, (reader, writer) = [], os.pipe()
    for _ in range(FORKS):
        before = turns[0]
        while work and turns[0] == before and not failures:
            time.sleep(0.001)
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            child(objects, thing, how, reader)
            return True
        children.append(pid)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures
    # While children that ignore headcount are running, the parent works and closes its mirror, and a new mirror can sync without waiting.
    for call in (objects.receive, objects.commit, objects.list_users):
        call()
    assert objects.sync() == "done"
    objects.mirror.close()
    objects.mirror = objects.open_mirror()
    gc.collect()
    # A child that uses the mirror may be running a sync, for which this sync waits.
    assert objects.sync(wait=how != "ignores") == "done"
    os.close(writer)
    for pid in children:
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"a child that {how} ended with status {status}"
    os.close(reader)
    return False


def main():
    thing, state = sys.argv[1:]
    # The alarm prints the stacks, then ends the process. A timer of `faulthandler` would be a thread, which a child does not have.
    faulthandler.register(signal.SIGALRM, chain=True)
    folder = tempfile.mkdtemp(prefix="headcount-fork-")
    objects = Objects(folder)
    objects.sync()
    for how in CHILDREN:
        if cell(objects, thing, state, how):
            # This child ends as a program does: objects are freed, `atexit` functions run.
            return
    objects.mirror.close()
    signal.alarm(0)
    shutil.rmtree(folder)
    print(f"{thing} x {state}: {len(CHILDREN)} cells, {FORKS} forks each")


if __name__ == "__main__":
    main()
