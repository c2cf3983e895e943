"""The mirror and the replay guard in several processes: other copies of SQLite, forks, daemons, signals, closing, and files that were deleted or replaced."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import postgres
import pytest

import headcount
from headcount import testing

HERE = Path(__file__).parent
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LIMIT = 120  # seconds

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
linux = pytest.mark.skipif(sys.platform != "linux", reason="on other systems the files have SQLite's own locks")


def run(*command, limit=LIMIT, **settings):
    """Runs a program to its end and returns its output. If the output is still open after the limit, because the program or a child of it is
    running, kills all of them and fails.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **settings) as process:
        try:
            output, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise AssertionError(f"{command} or a child of it did not end within {limit} s:\n{output}") from None
    assert process.returncode == 0, f"{command} ended with status {process.returncode}:\n{output}"
    return output


def program(text, *arguments, **settings):
    """Runs Python code as a program. Returns its output."""
    return run(sys.executable, "-c", textwrap.dedent(text), *map(str, arguments), **settings)


@pytest.fixture
def environment():
    with headcount.Sandbox(users=12, groups=3, seed=1) as sandbox:
        yield sandbox


def opened(sandbox, path):
    return headcount.Mirror(path, client=sandbox.client(), webhook_secret=sandbox.webhook_secret)


def receive(mirror, sandbox):
    body = testing.event("organization.directory.user_created", organization_id=sandbox.organization_id)
    return mirror.receive(body, headcount.Webhook(sandbox.webhook_secret).sign(body))


@linux
def test_another_copy_of_sqlite_and_a_backup_do_not_corrupt_the_files():
    seconds = os.environ.get("HEADCOUNT_CORRUPTION_SECONDS", "6")
    output = run(sys.executable, str(HERE / "corruption.py"), "--seconds", seconds, limit=float(seconds) + LIMIT)
    assert ", 0 faults" in output


@forks
@pytest.mark.parametrize("state", ["idle", "reading", "writing", "syncing"])
@pytest.mark.parametrize("thing", ["mirror", "guard", "client", "sandbox"])
def test_forked_children_and_their_parent_do_not_disturb_each_other(thing, state):
    output = run(sys.executable, str(HERE / "fork_matrix.py"), thing, state)
    assert f"{thing} x {state}: 3 cells" in output


@forks
@pytest.mark.parametrize("state", ["idle", "reading", "writing", "syncing"])
def test_forked_children_and_their_parent_do_not_disturb_each_other_in_postgresql(state):
    place = {"MIRROR_URL": postgres.url(), "MIRROR_SCHEMA": postgres.schema(f"fork {state}")}
    output = run(sys.executable, str(HERE / "fork_matrix.py"), "mirror", state, env={**os.environ, **place})
    assert f"mirror x {state}: 3 cells" in output


@linux
@pytest.mark.parametrize("work", ["syncing", "writing"])
def test_locks_and_leases_of_a_killed_parent_are_free_although_its_child_is_running(environment, tmp_path, work):
    path = tmp_path / "mirror.db"
    text = """
        import os, sys, threading, headcount
        from headcount import testing
        path, work, url, client_id, client_secret, secret, org = sys.argv[1:]
        client = headcount.Client(url, client_id, client_secret)
        mirror = headcount.Mirror(path, client=client, webhook_secret=secret)
        begun = threading.Event()

        def on_progress(_):
            # Holds the lease until the process is killed.
            begun.set()
            threading.Event().wait()

        def write():
            while True:
                body = testing.event("organization.directory.user_created", organization_id=org)
                mirror.receive(body, headcount.Webhook(secret).sign(body))
                begun.set()

        target = (lambda: mirror.sync(org, on_progress=on_progress)) if work == "syncing" else write
        threading.Thread(target=target, daemon=True).start()
        begun.wait()
        child = os.fork()
        if child == 0:
            os.close(1)
            os.close(2)
            os.read(0, 1)
            os._exit(0)
        print(child, flush=True)
        threading.Event().wait()
    """
    settings = [environment.environment_url, environment.client_id, environment.client_secret, environment.webhook_secret]
    command = [sys.executable, "-c", textwrap.dedent(text), str(path), work, *settings, environment.organization_id]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    with opened(environment, path) as mirror:
        receive(mirror, environment)
        (report,) = mirror.sync(environment.organization_id, wait=False)
    os.kill(child, 0)  # It is running: it waits for the end of its input.
    parent.stdin.close()
    parent.stdout.close()
    assert report.outcome == "done"


@forks
@pytest.mark.parametrize("order", ["fork, close, use", "fork, use, close, use", "use, close, use"])
def test_a_daemon_that_closed_all_descriptors_can_use_its_objects(environment, tmp_path, order):
    text = """
        import os, sys, headcount
        from headcount import testing
        order, url, client_id, client_secret, secret, org = sys.argv[1:]
        os.chdir(os.environ["FOLDER"])
        client = headcount.Client(url, client_id, client_secret)
        mirror = headcount.Mirror("mirror.db", client=client, webhook_secret=secret)
        guard, memory = headcount.ReplayGuard.sqlite("replay.db"), headcount.ReplayGuard()
        other = []

        def use():
            body = testing.event("organization.directory.user_created", organization_id=org)
            mirror.receive(body, headcount.Webhook(secret).sign(body))
            assert mirror.sync(org, mode="full")[0].outcome == "done"
            message = os.urandom(8).hex()
            for one in (guard, memory):
                assert one.check_id(message)
                one.commit_id(message)
                assert not one.check_id(message)
            client.organization.get_organization(org)

        def close():
            os.closerange(3, 1024)
            os.chdir("/")
            # The numbers of the closed descriptors now belong to other files, which must not be written to.
            for number in range(40):
                other.append(open(f"{os.environ['FOLDER']}/other-{number}", "w+b"))

        use()
        for step in order.split(", "):
            if step == "fork":
                child = os.fork()
                if child:
                    _, status = os.waitpid(child, 0)
                    os._exit(1 if status else 0)
            else:
                {"use": use, "close": close}[step]()
        for file in other:
            assert os.fstat(file.fileno()).st_size == 0, f"{file.name} was written to"
        mirror.close()
        del mirror, guard, memory, client
        for file in other:
            os.fstat(file.fileno())  # It is still open.
        print("done", flush=True)
    """
    settings = [environment.environment_url, environment.client_id, environment.client_secret, environment.webhook_secret]
    output = program(text, order, *settings, environment.organization_id, env={**os.environ, "FOLDER": str(tmp_path)})
    # A thread that was running when the descriptors were closed may print an error about one of them, also after that line.
    assert "done" in output.splitlines()
    check = sqlite3.connect(tmp_path / "mirror.db")
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()


@pytest.mark.parametrize("change", ["unlink", "replace"])
def test_writes_fail_after_the_file_was_deleted_or_replaced(environment, tmp_path, change):
    path = tmp_path / "mirror.db"
    guard = headcount.ReplayGuard.sqlite(tmp_path / "replay.db")
    with opened(environment, path) as mirror:
        receive(mirror, environment)
        for file in (path, tmp_path / "replay.db"):
            if change == "unlink":
                file.unlink()
            else:
                copy = tmp_path / "copy"
                copy.write_bytes(file.read_bytes())
                copy.replace(file)
        with pytest.raises(headcount.StoreError, match="deleted, moved or replaced"):
            receive(mirror, environment)
        with pytest.raises(headcount.StoreError, match="deleted, moved or replaced"):
            guard.commit_id("msg_1")


def test_closing_a_mirror_ends_its_iterators_waits_and_syncs_in_threads(environment, tmp_path):
    mirror = opened(environment, tmp_path / "mirror.db")
    begun, results, started = threading.Barrier(4), {}, []
    # A call that begins after the mirror was closed is refused.
    ended = (headcount.CancelledError, headcount.InvalidArgumentError)

    def iterate():
        begun.wait()
        try:
            # The changes that the sync had committed may be read before the mirror is closed.
            list(mirror.changes("iterates"))
        except ended as error:
            assert "closed" in str(error)
        results["changes"] = "ended"

    def wait():
        begun.wait()
        with pytest.raises(ended, match="closed"):
            mirror.wait("waits")
        results["wait"] = "ended"

    def on_progress(_):
        if not started:
            started.append(True)
            begun.wait()
        closed.wait(LIMIT)

    def sync():
        # The callback after the first page returns only when the mirror is closed.
        with pytest.raises(headcount.CancelledError, match="closed"):
            mirror.sync(environment.organization_id, on_progress=on_progress)
        results["sync"] = "ended"

    closed = threading.Event()
    threads = [threading.Thread(target=target, daemon=True) for target in (iterate, wait, sync)]
    for thread in threads:
        thread.start()
    begun.wait(LIMIT)
    mirror.close()
    closed.set()
    for thread in threads:
        thread.join(LIMIT)
    assert results == {"changes": "ended", "wait": "ended", "sync": "ended"}
    # The lease was released.
    with opened(environment, tmp_path / "mirror.db") as again:
        assert again.sync(environment.organization_id, wait=False)[0].outcome == "done"


def test_a_mirror_can_be_closed_in_a_callback_of_its_sync(environment, tmp_path):
    mirror = opened(environment, tmp_path / "mirror.db")
    with pytest.raises(headcount.CancelledError, match="closed"):
        mirror.sync(environment.organization_id, on_progress=lambda _: mirror.close())
    # Opening the file again waits until it is closed, so the lease was released.
    with opened(environment, tmp_path / "mirror.db") as again:
        assert again.sync(environment.organization_id, wait=False)[0].outcome == "done"


def test_the_file_is_closed_when_close_returns(environment, tmp_path):
    mirror = opened(environment, tmp_path / "mirror.db")
    mirror.sync(environment.organization_id)
    assert (tmp_path / "mirror.db-wal").exists()
    mirror.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mirror.db"]


def test_the_file_is_closed_when_close_was_awaited(environment, tmp_path):
    async def main():
        mirror = headcount.AsyncMirror(tmp_path / "mirror.db", client=environment.async_client())
        await mirror.sync(environment.organization_id)
        await mirror.close()
        return [path.name for path in tmp_path.iterdir()]

    assert asyncio.run(main()) == ["mirror.db"]


def test_closing_a_mirror_ends_its_iterators_waits_and_syncs_in_asyncio(environment, tmp_path):
    async def main():
        mirror = headcount.AsyncMirror(tmp_path / "mirror.db", client=environment.async_client())
        # No listing is answered: the sync runs until it is closed.
        environment.fault("latency:600s")

        async def iterate():
            return [change async for change in mirror.changes("iterates")]

        calls = (iterate(), mirror.wait("waits"), mirror.sync(environment.organization_id))
        tasks = [asyncio.create_task(call) for call in calls]
        await asyncio.sleep(0)
        await mirror.close()
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), LIMIT)

    changes, waited, synced = asyncio.run(main())
    assert changes == []
    # A coroutine begins when it is first awaited: one that begins after the mirror was closed is refused.
    assert isinstance(waited, (headcount.CancelledError, headcount.InvalidArgumentError))
    assert isinstance(synced, (headcount.CancelledError, headcount.InvalidArgumentError))


@pytest.mark.parametrize("handler", ["flag", "close", "raise"])
def test_signal_handlers_run_while_a_mirror_waits(tmp_path, handler):
    text = """
        import os, signal, sys, threading, time, headcount
        handler, path = sys.argv[1:]
        mirror = headcount.Mirror(path, webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        handled, stop, delays, returned, frames = threading.Semaphore(0), threading.Event(), [], [], []

        def count(_, frame):
            frames.append(frame.f_code.co_name)
            handled.release()

        def end(*_):
            if handler == "close":
                mirror.close()
            if handler == "raise":
                raise KeyboardInterrupt
            stop.set()

        def act_on_the_flag():
            stop.wait()
            mirror.close()

        def send():
            # Each signal is sent after the handler of the one before has run. Those that are handled before `wait_for_changes` do not count. The
            # first that counts may be handled when that function begins, and the others only while the mirror waits.
            while len(delays) < 10:
                sent = time.monotonic()
                os.kill(os.getpid(), signal.SIGUSR1)
                handled.acquire()
                if frames.pop() == "wait_for_changes":
                    delays.append(time.monotonic() - sent)
            assert not returned
            os.kill(os.getpid(), signal.SIGTERM)

        def wait_for_changes():
            returned.append(mirror.wait("app", timeout=600))

        signal.signal(signal.SIGUSR1, count)
        signal.signal(signal.SIGTERM, end)
        for target in (send, act_on_the_flag):
            threading.Thread(target=target, daemon=True).start()
        try:
            wait_for_changes()
        except (headcount.CancelledError, KeyboardInterrupt) as error:
            print(type(error).__name__, len(delays), min(delays) < 1)
    """
    ended = "KeyboardInterrupt" if handler == "raise" else "CancelledError"
    assert program(text, handler, tmp_path / "mirror.db", limit=60) == f"{ended} 10 True\n"


def test_closing_in_a_signal_handler_ends_a_loop_over_changes(tmp_path):
    text = """
        import os, signal, sys, threading, headcount
        mirror = headcount.Mirror(sys.argv[1], webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        changes = mirror.changes("app")
        signal.signal(signal.SIGTERM, lambda *_: mirror.close())
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGTERM)).start()
        print(list(changes))
    """
    assert program(text, tmp_path / "mirror.db", limit=60) == "[]\n"


def test_a_path_that_begins_with_file_is_a_plain_path(tmp_path):
    text = """
        import headcount
        name = "file:mirror.db?mode=memory"
        headcount.Mirror(name, webhook_secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").close()
        headcount.ReplayGuard.sqlite("file:replay.db?mode=memory").commit_id("msg_1")
    """
    program(text, cwd=tmp_path)
    for name in ("file:mirror.db?mode=memory", "file:replay.db?mode=memory"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3")
    assert not (tmp_path / "mirror.db").exists()


@forks
def test_a_pool_of_forked_processes_works_while_the_parent_syncs(environment, tmp_path):
    text = """
        import multiprocessing, sys, threading, headcount
        from headcount import testing
        path, url, client_id, client_secret, secret, org = sys.argv[1:]
        client = headcount.Client(url, client_id, client_secret)
        mirror = headcount.Mirror(path, client=client, webhook_secret=secret)
        stop = threading.Event()

        def work(number):
            body = testing.event("organization.directory.user_created", organization_id=org, id=f"evt_{number}")
            return mirror.receive(body, headcount.Webhook(secret).sign(body))

        def sync():
            while not stop.is_set():
                mirror.sync(org, mode="full")

        if __name__ == "__main__":
            thread = threading.Thread(target=sync)
            thread.start()
            with multiprocessing.get_context("fork").Pool(4, maxtasksperchild=5) as pool:
                outcomes = pool.map(work, range(60), chunksize=1)
            stop.set()
            thread.join()
            assert "duplicate" not in outcomes and len(outcomes) == 60
            assert mirror.sync(org, wait=False)[0].outcome == "done"
            mirror.close()
            print("done")
    """
    settings = [environment.environment_url, environment.client_id, environment.client_secret, environment.webhook_secret]
    assert program(text, tmp_path / "mirror.db", *settings, environment.organization_id) == "done\n"


@linux
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the administrator can make a namespace of process ids")
def test_the_exit_of_a_child_with_the_process_id_of_its_parent_does_not_wait_for_the_parents_threads(environment):
    # The program and its child are the first processes of two namespaces of process ids, so that both have the id 1.
    text = """
        import asyncio, atexit, ctypes, logging, os, sys, threading, time, traceback, headcount
        assert os.getpid() == 1
        begun, end = threading.Event(), threading.Event()

        class Blocked(logging.Handler):
            # Blocks the thread of the runtime, which is attached to the interpreter meanwhile.
            def emit(self, record):
                if threading.current_thread() is not loop:
                    begun.set()
                    end.wait()

        async def call():
            async with headcount.AsyncClient(*sys.argv[1:4]) as client:
                await client.organization.get_organization(sys.argv[4])

        logger = logging.getLogger("headcount")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(Blocked())
        loop = threading.Thread(target=asyncio.run, args=(call(),))
        loop.start()
        assert begun.wait(60)
        assert ctypes.CDLL(None, use_errno=True).unshare(0x20000000) == 0, "CLONE_NEWPID"
        child = os.fork()
        if child == 0:
            assert os.getpid() == 1
            started = time.monotonic()
            atexit._run_exitfuncs()
            # The limit of the wait is five seconds.
            os._exit(0 if time.monotonic() - started < 4 else 3)
        _, status = os.waitpid(child, 0)
        end.set()
        loop.join()
        sys.exit(os.waitstatus_to_exitcode(status))
    """
    settings = [environment.environment_url, environment.client_id, environment.client_secret, environment.organization_id]
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", textwrap.dedent(text)]
    run(*command, *settings)
