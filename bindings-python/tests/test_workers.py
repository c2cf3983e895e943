"""Workers of a consumer with partitions, and the exclusive consumer of ``changes``: closing, dropping, exceptions, cancellation, forks, other processes."""

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
from datetime import timedelta

import pytest
from forking import results_in_a_child

import headcount

# Seconds after which a test stops waiting for a thread, task or process, and fails.
LIMIT = 60
USERS = 12


@pytest.fixture(scope="module")
def sandbox():
    with headcount.Sandbox(users=USERS, groups=0, seed=1) as sandbox:
        yield sandbox


@pytest.fixture
def path(sandbox, tmp_path):
    """The path of a mirror that has been synced: its feed has a change for each user, and one for the directory."""
    path = tmp_path / "mirror.db"
    with headcount.Mirror(path, client=sandbox.client()) as mirror:
        mirror.sync(sandbox.organization_id)
    return path


def drain(worker):
    """Returns the numbers of the changes that the worker returns, and acknowledges each change."""
    seqs = []
    for change in worker:
        change.ack()
        seqs.append(change.seq)
    return seqs


def next_after_release(iterator):
    """Returns the next change of an iterator that does not wait: calls it until another iterator's lease, which is released in
    the background, is free.
    """
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends:
        change = next(iterator, None)
        if change is not None:
            return change
    raise AssertionError("no change was returned: the lease was not released")


def test_a_worker_returns_every_change_and_acknowledges_them(path):
    with headcount.Mirror(path) as mirror:
        with mirror.consumer("app", partitions=4, timeout=0) as feed:
            assert feed.partitions == []
            assert drain(feed) == list(range(1, USERS + 2))
            assert feed.partitions == [0, 1, 2, 3]
            assert repr(feed) == "<headcount.Worker>"
        assert repr(feed) == "<headcount.Worker, closed>"
        assert feed.partitions == [] and list(feed) == []
        feed.close()
        (consumer,) = mirror.consumers()
        assert consumer.lag == 0
        with pytest.raises(headcount.InvalidArgumentError, match="has 4 partitions"):
            mirror.poll("app")


def test_all_returned_changes_are_acknowledged_at_once(path):
    with headcount.Mirror(path) as mirror:
        with mirror.consumer("app", timeout=0) as feed:
            returned = list(feed)
            assert mirror.consumers()[0].cursor == 0
            feed.ack_all()
        with mirror.consumer("app", timeout=0) as feed:
            assert len(returned) == USERS + 1 and list(feed) == []


def test_a_change_is_parked_by_its_worker(path):
    with headcount.Mirror(path) as mirror, mirror.consumer("app", partitions=1, timeout=0) as feed:
        first = next(feed)
        first.park("no seat is left")
        (parked,) = mirror.parked_changes("app")
        assert (parked.change.seq, parked.reason) == (first.seq, "no seat is left")
        assert mirror.consumers()[0].cursor == first.seq


def test_an_exception_in_the_loop_releases_the_partitions(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        with pytest.raises(ZeroDivisionError), mirror.consumer("app", timeout=0) as feed:
            for change in feed:
                first = change
                raise ZeroDivisionError
        with pytest.raises(headcount.StoreError, match="the lease of partition .* was lost"):
            first.ack()
        with other.consumer("app", timeout=0) as feed:
            assert first.seq in drain(feed), "it is returned again"


def test_a_worker_that_is_dropped_with_its_changes_releases_its_partitions(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        dropped = mirror.consumer("app", timeout=0)
        change = next(dropped)
        with other.consumer("app", timeout=0) as feed:
            del dropped
            gc.collect()
            assert next(feed, None) is None, "a change of the worker exists, so the worker keeps its partitions"
            change.ack()
            seq = change.seq
            del change
            gc.collect()
            assert next_after_release(feed).seq == seq + 1


def test_a_worker_keeps_its_partitions_while_a_handler_hangs(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        with mirror.consumer("app", partitions=1, lease=1) as hung, other.consumer("app", partitions=1, lease=1, timeout=0) as feed:
            change = next(hung)
            # Longer than two leases: only the background task renews this one.
            ends = time.monotonic() + 2.5
            while time.monotonic() < ends:
                assert next(feed, None) is None
            change.ack()
            hung.close()
            assert next_after_release(feed).seq == change.seq + 1


def test_closing_the_worker_or_the_mirror_ends_a_thread_that_waits(path):
    for closes_mirror in (False, True):
        with headcount.Mirror(path) as mirror:
            feed = mirror.consumer("app")
            taken = []

            def work(feed=feed, taken=taken):
                for change in feed:
                    change.ack()
                    taken.append(change)

            thread = threading.Thread(target=work)
            thread.start()
            while not feed.partitions:
                time.sleep(0.01)
            (mirror if closes_mirror else feed).close()
            thread.join(LIMIT)
            assert not thread.is_alive()


def test_two_workers_share_the_partitions(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        with mirror.consumer("app", partitions=8, timeout=0) as one, other.consumer("app", partitions=8, timeout=0) as two:
            drain(one)
            ends = time.monotonic() + LIMIT
            while not len(one.partitions) == len(two.partitions) == 4:
                assert time.monotonic() < ends
                assert next(one, None) is None and next(two, None) is None
            assert not set(one.partitions) & set(two.partitions)


def test_arguments_of_a_worker_are_checked(path):
    with headcount.Mirror(path) as mirror:
        for refused in ({"partitions": 0}, {"partitions": 257}, {"lease": 0.5}, {"lease": timedelta(milliseconds=999)}, {"partitions": -1}):
            with pytest.raises(headcount.InvalidArgumentError):
                mirror.consumer("app", **refused)
        with pytest.raises(headcount.InvalidArgumentError, match="the consumer's name"):
            mirror.consumer("")
        with pytest.raises(TypeError, match="partitions"):
            mirror.consumer("app", partitions="16")
        with pytest.raises(TypeError):
            mirror.consumer("app", 16)
        closed = mirror.consumer("app")
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        mirror.consumer("app")
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        closed.ack_all()
    assert list(closed) == []


def test_another_number_of_partitions_is_refused_while_a_worker_holds_some(path):
    with headcount.Mirror(path) as mirror, mirror.consumer("app", partitions=4, timeout=0) as feed:
        next(feed)
        with mirror.consumer("app", partitions=5, timeout=0) as refused:
            with pytest.raises(headcount.InvalidArgumentError, match="has 4 partitions"):
                next(refused)


def test_an_async_worker_is_closed_by_its_block_and_a_cancelled_wait_loses_no_change(sandbox, tmp_path):
    async def main():
        async with headcount.AsyncMirror(tmp_path / "mirror.db", client=sandbox.async_client()) as mirror:
            async with mirror.consumer("app", partitions=4) as feed:
                waiting = asyncio.ensure_future(feed.__anext__())
                while not feed.partitions:
                    await asyncio.sleep(0.01)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                await mirror.sync(sandbox.organization_id)
                seqs = []
                async for change in feed:
                    seqs.append(change.seq)
                    await change.ack()
                    if len(seqs) == USERS + 1:
                        break
                await feed.ack_all()
            assert seqs == list(range(1, USERS + 2))
            assert feed.partitions == [] and repr(feed) == "<headcount.AsyncWorker, closed>"
            assert [change async for change in feed] == []
            assert (await mirror.consumers())[0].lag == 0

    asyncio.run(asyncio.wait_for(main(), LIMIT))


def test_cancelling_the_task_of_an_async_worker_releases_its_partitions(path):
    async def main():
        async with headcount.AsyncMirror(path) as mirror:
            taken = asyncio.Event()

            async def work():
                async with mirror.consumer("app") as feed:
                    async for _ in feed:
                        taken.set()
                        await asyncio.sleep(LIMIT)

            task = asyncio.ensure_future(work())
            await taken.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with mirror.consumer("app", timeout=0) as feed:
                return [change.seq async for change in feed]

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)) == list(range(1, USERS + 2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_cannot_use_its_parents_worker(path):
    with headcount.Mirror(path) as mirror, mirror.consumer("app", timeout=0) as feed:
        first = next(feed)
        results = results_in_a_child(lambda: next(feed), first.ack, feed.ack_all, feed.close)
        assert [line.split(":")[0] for line in results] == ["invalid_argument"] * 4
        assert all("fork" in line for line in results)
        first.ack()


# ---- `changes`: an exclusive consumer ----


def test_leaving_the_loop_releases_the_consumer_although_its_last_change_exists(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        changes = other.changes("app", timeout=0)
        for change in mirror.changes("app"):
            assert next(changes, None) is None, "the first mirror has the consumer"
            break
        assert next_after_release(changes).seq == change.seq
        change.ack()
        assert other.consumers()[0].cursor == change.seq


def test_changes_of_an_ended_iteration_are_returned_to_no_other_mirror_until_they_are_acknowledged(path):
    with headcount.Mirror(path) as mirror, headcount.Mirror(path) as other:
        unacknowledged = list(mirror.changes("app", timeout=0))
        changes = other.changes("app", timeout=0)
        assert next(changes, None) is None
        for change in unacknowledged:
            change.ack()
        other.start_from_snapshot("app")
        assert next_after_release(changes).cause == "snapshot"


PROCESS = """
    import sys, headcount
    mirror = headcount.Mirror(sys.argv[1])
    changes = mirror.changes("app", timeout=float(sys.argv[2]))
    print("started", flush=True)
    change = next(changes, None)
    print(change and change.seq, flush=True)
    sys.stdin.readline()
"""


def start_process(path, timeout):
    command = [sys.executable, "-c", textwrap.dedent(PROCESS), str(path), str(timeout)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    return process


def test_a_second_process_waits_until_the_first_one_has_closed_its_mirror_or_was_killed(path):
    mirror = headcount.Mirror(path)
    changes = mirror.changes("app")
    first = next(changes)
    with start_process(path, 0) as process:
        assert process.stdout.readline() == "None\n", "this process has the consumer"
        process.kill()
    with start_process(path, LIMIT) as second:
        mirror.close()
        assert second.stdout.readline() == f"{first.seq}\n"
        with start_process(path, LIMIT) as third:
            second.kill()
            assert third.stdout.readline() == f"{first.seq}\n"
            third.kill()
    assert list(changes) == []
