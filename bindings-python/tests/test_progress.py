"""The progress of a sync on ``sys.stderr``: a bar on a terminal, and lines elsewhere."""

import asyncio
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import redirect_stderr
from fcntl import ioctl

import headcount

PROGRAM = """
import headcount
with headcount.Mirror(":memory:", client=headcount.Client.from_env()) as mirror:
    reports = mirror.sync_all(progress=True)
    print(reports[0].users, flush=True)
"""


def test_lines_are_written_to_the_stream_that_takes_the_place_of_stderr(sandbox):
    # ipykernel replaces ``sys.stderr`` in the same way.
    box = sandbox(users=3, groups=1)
    with headcount.Mirror(":memory:", client=box.client()) as mirror, redirect_stderr(io.StringIO()) as shown:
        mirror.sync(box.organization_id, progress=True)
        mirror.sync_all(mode="full", progress=True)
    lines = shown.getvalue().splitlines()
    assert f"{box.directory_id}: users 3 of 3, 1 page" in lines
    assert len([line for line in lines if ": users " in line]) == 2


def test_nothing_is_shown_unless_it_is_asked_for(sandbox):
    box = sandbox(users=3)
    with headcount.Mirror(":memory:", client=box.client()) as mirror, redirect_stderr(io.StringIO()) as shown:
        mirror.sync(box.organization_id)
        mirror.sync_all(progress=False)
    assert shown.getvalue() == ""


def test_an_async_mirror_shows_progress_and_calls_on_progress(sandbox):
    box = sandbox(users=3)

    async def sync(seen):
        async with headcount.AsyncClient(*box.credentials) as client, headcount.AsyncMirror(":memory:", client=client) as mirror:
            await mirror.sync(box.organization_id, box.directory_id, progress=True, on_progress=seen.append)
            await mirror.sync_all(mode="full", progress=True)

    with redirect_stderr(io.StringIO()) as shown:
        asyncio.run(sync(seen := []))
    assert seen and ": users 3 of 3" in shown.getvalue()


def test_a_stream_that_fails_does_not_end_the_sync(sandbox):
    class Broken(io.StringIO):
        def write(self, text):
            raise OSError("no space")

    box = sandbox(users=3)
    with headcount.Mirror(":memory:", client=box.client()) as mirror, redirect_stderr(Broken()):
        assert mirror.sync(box.organization_id, box.directory_id, progress=True).users == 3
    with headcount.Mirror(":memory:", client=box.client()) as mirror, redirect_stderr(None):
        assert mirror.sync(box.organization_id, box.directory_id, progress=True).users == 3


def test_a_terminal_shows_a_bar_and_no_lines(sandbox):
    box = sandbox(users=1000)
    box.fault("latency:250ms")
    terminal, end = pty.openpty()
    ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    env = {**os.environ, **box.env, "TERM": "xterm-256color"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=end, env=env)
    os.close(end)
    shown = bytearray()
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:
        pass  # reading from a pseudo-terminal fails once no process has its other end open
    os.close(terminal)
    assert process.communicate(timeout=60)[0] == b"1000\n" and process.returncode == 0, shown
    assert b"/1000 users, " in shown and b"[#" in shown, shown
    assert b": users " not in shown
