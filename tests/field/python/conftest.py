"""Servers and a sandbox for the tests. Each test has a time limit, and its servers are stopped when it ends."""

import http.client
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import headcount

HERE = Path(__file__).resolve().parent
LIMIT = 60
"""Seconds after which a test fails."""


@pytest.fixture(autouse=True)
def time_limit():
    """Fails a test that hangs."""

    def expired(*_):
        raise TimeoutError(f"the test took more than {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(LIMIT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def sandbox():
    with headcount.Sandbox(users=3, groups=1) as running:
        yield running


def eventually(condition, what):
    """Waits until `condition()` is true, and returns its value. `what` only tells a reader what the test waits for. The test's time limit ends the wait."""
    while not (found := condition()):
        time.sleep(0.02)
    return found


class Process:
    """A program, and the lines that it writes."""

    def __init__(self, command, folder, environment):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCALEKIT_")}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", *command],
            cwd=HERE,
            env={**inherited, "FIELD_FOLDER": str(folder), "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output, self._lines = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.output.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern):
        """Returns the match of the first line that matches. Fails if the program ends without such a line."""
        while (line := self._lines.get()) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"the program ended without {pattern!r}:\n{''.join(self.output)}")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
                raise AssertionError(f"the program did not end after SIGTERM:\n{''.join(self.output)}") from None
        return self.process.returncode

    def handled(self):
        """Returns the events that the handler wrote to the log, oldest first."""
        file = self.folder / "handled"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Server(Process):
    """gunicorn (WSGI) or uvicorn (ASGI) with one application."""

    PATH = "/webhooks/scalekit"

    def __init__(self, kind, application, folder, environment, arguments=()):
        if kind == "wsgi":
            command = ["gunicorn", "--bind", "127.0.0.1:0", "--workers", "2", "--access-logfile", "-", *arguments, application]
            ready = r"Listening at: http://127\.0\.0\.1:(\d+)"
        else:
            command = ["uvicorn", "--host", "127.0.0.1", "--port", "0", "--lifespan", "off", *arguments, application]
            ready = r"running on http://127\.0\.0\.1:(\d+)"
        super().__init__(command, folder, environment)
        self.port = int(self.wait_for(ready).group(1))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{self.PATH}"

    def post(self, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.PATH, body, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def send(self, head, parts=(b"",)):
        """Sends a request as bytes, one part at a time. Returns the answer's status, or None if the server closed the connection.

        If `parts` is None, the client sends no body, whatever length the head declares.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            request = f"POST {self.PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{head}\r\n".encode()
            try:
                for part in (request, *(parts or ())):
                    connection.sendall(part)
                if parts is None:
                    # Some servers wait for the whole body before they call the application.
                    connection.shutdown(socket.SHUT_WR)
                received = b""
                while b"\r\n" not in received and (part := connection.recv(1000)):
                    received += part
            except (BrokenPipeError, ConnectionResetError):
                received = b""
        return int(received.split(b" ", 2)[1]) if received else None


@pytest.fixture
def start(tmp_path, sandbox):
    """Starts servers. They have the sandbox's secret unless the test passes another environment."""
    running = []

    def begin(kind, application, arguments=(), **environment):
        environment = {"SCALEKIT_WEBHOOK_SECRET": sandbox.webhook_secret, **environment}
        given = {name: value for name, value in environment.items() if value is not None}
        running.append(Server(kind, application, tmp_path, given, arguments))
        return running[-1]

    yield begin
    for one in running:
        one.end()
