"""Runs the shell blocks of docs/command.md, one after another in one folder, against a sandbox and a mirror in a file. The blocks whose command runs until it
is interrupted have tests of their own, with a NATS server and an endpoint."""

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402

DOCUMENT = ROOT / "docs/command.md"
README = ROOT / "README.md"
PROGRAMS = ROOT / "target/debug"
LIMIT = 120  # seconds for one block


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)


def runs_until_interrupted(code):
    return "--follow --to" in code or "headcount listen" in code


def variables(sandbox):
    return {**os.environ, **sandbox.env, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"expected {what}"
        time.sleep(0.02)


def test_the_shell_blocks_run(tmp_path):
    with contextlib.closing(Sandbox(organizations=1, users=20, groups=3)) as sandbox:
        env = variables(sandbox)

        def run(script):
            command = ["bash", "-euo", "pipefail", "-c", script]
            ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT)
            assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
            return ended.stdout

        # A mirror of its own tells the ids and the address that stand in the document.
        first = json.loads(run("headcount --store first.db sync -q && headcount --store first.db users --json | head -n 1").splitlines()[-1])
        names = {"org_1": first["organization_id"], "dir_1": first["directory_id"], "diruser_1": first["id"], "ada@example.com": first["email"]}
        output = []
        for code in blocks("sh"):
            if not runs_until_interrupted(code):
                output.append(run(re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], code)))
        assert first["email"] in output[2]
        assert (tmp_path / "users.csv").read_text().count("\n") == 21
        assert (tmp_path / "copy.db").exists()


class Running:
    """A block whose command runs until it is interrupted, as by Ctrl-C. Its output is in files."""

    def __init__(self, code, folder, env):
        self.folder = folder
        with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
            self.process = subprocess.Popen(["bash", "-c", code], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)

    def read(self, name):
        return (self.folder / name).read_text()

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.wait(LIMIT) == 130, self.read("stderr")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Nats:
    """A NATS server with JetStream, and a connection to its API."""

    def __init__(self, folder):
        # Debian installs it in a folder that is not in the PATH of every user.
        program = shutil.which("nats-server", path=f"/usr/sbin:{os.environ['PATH']}")
        if program is None:
            pytest.fail("nats-server is missing: run scripts/nats.sh")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"nats://127.0.0.1:{port}"
        command = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "nats")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("a NATS server", lambda: is_open(port))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        self.input = self.socket.makefile("rb")
        self.socket.sendall(b'CONNECT {"verbose": false}\r\nSUB answers 1\r\n')

    def call(self, subject, body):
        """Sends a request to the API of JetStream, and returns the answer."""
        text = json.dumps(body).encode()
        self.socket.sendall(b"PUB $JS.API.%s answers %d\r\n%s\r\n" % (subject.encode(), len(text), text))
        while True:
            line = self.input.readline()
            assert line and not line.startswith(b"-ERR"), line
            if line.startswith(b"PING"):
                self.socket.sendall(b"PONG\r\n")
            elif line.startswith(b"MSG"):
                answer = json.loads(self.input.read(int(line.split()[-1]) + 2))
                assert "error" not in answer, answer
                return answer

    def close(self):
        self.input.close()
        self.socket.close()
        self.process.kill()
        self.process.wait()


def test_the_relay_into_nats_runs(tmp_path):
    (code,) = [code for code in blocks("sh") if "--follow --to" in code]
    name, subjects, hours = re.search(r"^nats stream add (\S+) --subjects '(\S+)' --dupe-window (\d+)h$", DOCUMENT.read_text(), re.M).groups()
    with contextlib.closing(Sandbox(organizations=1, users=20, groups=3)) as sandbox, contextlib.closing(Nats(tmp_path)) as nats:
        env = variables(sandbox)
        nats.call(f"STREAM.CREATE.{name}", {"name": name, "subjects": [subjects], "duplicate_window": int(hours) * 3600 * 10**9})
        subprocess.run(["headcount", "sync", "--quiet"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=LIMIT)
        feed = subprocess.run(["headcount", "changes", "--consumer", "check"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=LIMIT).stdout
        changes = [json.loads(line) for line in feed.splitlines()]
        assert "tls://nats.example.com:4222" in code
        with contextlib.closing(Running(code.replace("tls://nats.example.com:4222", nats.url), tmp_path, env)) as relay:
            state = {}

            def all_are_there():
                state.update(nats.call(f"STREAM.INFO.{name}", {"subjects_filter": ">"})["state"])
                return state["messages"] == len(changes)

            until("each change in the stream", all_are_there)
            relay.interrupt()
        assert set(state["subjects"]) == {f"directory.{change['organization_id']}.{change['kind']}" for change in changes}


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.received.append((self.path, body["type"], body["id"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_events_are_forwarded_as_the_document_shows(tmp_path):
    (code,) = [code for code in blocks("sh") if "headcount listen" in code]
    (shown,) = [text for text in blocks("text") if text.startswith("204 ")]
    with contextlib.closing(Sandbox(organizations=1, users=3, groups=1)) as sandbox, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as endpoint:
        endpoint.received = []
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        with contextlib.closing(Running(code.replace(":8000/", f":{endpoint.server_port}/"), tmp_path, variables(sandbox))) as listening:
            until("the first listing", lambda: "what changes from now on is sent" in listening.read("stderr"))
            hired = sandbox.control("POST", "/users", {"email": "hired@example.com"})
            until("the first event", lambda: listening.read("stdout").count("\n") == 1)
            sandbox.control("DELETE", f"/users/{hired['id']}")
            until("both events", lambda: listening.read("stdout").count("\n") == 2)
            listening.interrupt()
        endpoint.shutdown()
    lines = listening.read("stdout")
    # The id has the mirror's id and the numbers of changes.
    assert re.sub(r"evt_[0-9a-f]{32}_\d+_\d+", "evt_…", lines) == re.sub(r"evt_[0-9a-f]{32}_\d+_\d+", "evt_…", shown)
    assert [("/webhooks", *line.split()[1:]) for line in lines.splitlines()] == endpoint.received


def test_five_commands_lead_to_an_explained_mirror(tmp_path):
    """The commands that start with a sandbox, as one program: it also ends the sandbox, which runs in the background."""
    (code,) = [code for code in re.findall(r"^```text\n(.*?)^```$", README.read_text(), re.M | re.S) if "headcount sandbox" in code]
    # A person types the next command after the sandbox has printed its settings. Its stdin is that of the script, and no terminal.
    code = code.replace("&\n", "&\nuntil [ -s sandbox.env ]; do sleep 0.05; done\n", 1)
    env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", f"trap 'kill %1' EXIT\n{code}"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Changes, oldest first:" in ended.stdout


def test_the_quickstart_in_shell_runs(tmp_path):
    with contextlib.closing(Sandbox(organizations=1, users=4, groups=1)) as sandbox:
        env = {**os.environ, **sandbox.env, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
        ended = subprocess.run([ROOT / "examples/shell/quickstart.sh"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "State: mirrored, active" in ended.stdout
    assert ended.stdout.count('"kind":"user.created"') == 4
