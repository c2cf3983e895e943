"""Runs the programs of examples/sidecar against a service and a sandbox: each has to give the same accounts. That in Go is not run."""

import contextlib
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402

FOLDER = ROOT / "examples/sidecar"
HEADCOUNT = str(ROOT / "target/debug/headcount")
PROGRAMS = {
    "shell": ["sh", "provision.sh"],
    "ruby": ["ruby", "provision.rb"],
    "php": ["php", "provision.php"],
    "java": ["java", "Provision.java"],
}
LIMIT = 120  # seconds for one program
TOKEN = "0123456789abcdef0123456789abcdef"
# What breaks a program that builds a path, a line, a shell command, a format or JSON of a name.
ODD = "\"a/../ü\\é’ \t$x`id`%s {}'"


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """The folder with the compiled classes of the program in Java, which compiles them at each start otherwise."""
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", str(folder), str(FOLDER / "Provision.java")], check=True, timeout=LIMIT)
    return folder


@pytest.fixture(params=PROGRAMS)
def program(request):
    runtime, file = PROGRAMS[request.param]
    if shutil.which(runtime) is None:
        pytest.fail(f"{runtime} is missing: run scripts/runtimes.sh")
    # One test starts the file itself, as README.md says.
    if runtime == "java" and request.function is not test_a_missing_address_is_named:
        return ["java", "-cp", str(request.getfixturevalue("classes")), "Provision"]
    return [runtime, str(FOLDER / file)]


class Service:
    """`headcount serve` with a mirror in the folder, which `sync` syncs with the sandbox."""

    def __init__(self, folder, sandbox, **variables):
        self.folder, self.sandbox = folder, sandbox
        self.env = {**os.environ, **sandbox.env, "HEADCOUNT_STORE": str(folder / "headcount.db"), "LC_ALL": "C", **variables}
        self.sync()
        self.start("127.0.0.1:0")

    def start(self, address):
        command = [HEADCOUNT, "serve", "--listen", address, "--sync-every", "off", "--json", "--quiet"]
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line, (self.folder / "log").read_text()
        self.url = json.loads(line)["url"]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        self.process.terminate()
        assert self.process.wait(LIMIT) == 0, (self.folder / "log").read_text()
        self.process.stdout.close()

    def sync(self):
        subprocess.run([HEADCOUNT, "sync", "--full", "--quiet"], env=self.env, check=True, capture_output=True, timeout=LIMIT)

    def trigger(self, kind, **data):
        """Sends the service a webhook, as the vendor does, and waits for its effect."""
        ids = ["--organization", self.sandbox.organization_id, "--directory", self.sandbox.directory_id]
        values = [text for name, value in data.items() for text in ("--set", f"data.{name}={json.dumps(value)}")]
        command = [HEADCOUNT, "trigger", f"organization.directory.{kind}", *ids, *values, "--to", f"{self.url}/webhooks"]
        subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=LIMIT)
        until(lambda: any(user["id"] == data["id"] for user in self.users()))

    def users(self):
        command = [HEADCOUNT, "users", self.sandbox.organization_id, "--json"]
        listed = subprocess.run(command, env=self.env, check=True, capture_output=True, timeout=LIMIT).stdout
        return [json.loads(line) for line in listed.splitlines()]

    def run(self, program, code=0, url=None, **variables):
        """Runs the program up to the last change. Returns what it wrote to stdout and stderr."""
        env = {**self.env, "URL": url or self.url, "ONCE": "1", **variables}
        ended = subprocess.run(program, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", timeout=LIMIT)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout, ended.stderr

    def accounts(self):
        """The accounts that the program has made: ids and addresses."""
        files = (self.folder / "accounts").glob("*.txt")
        return {urllib.parse.unquote(file.name[: -len(".txt")]): file.read_text(encoding="utf-8") for file in files}

    def are_in_step(self):
        return self.accounts() == {user["id"]: user["email"] + "\n" for user in self.users() if user["active"]}


def until(condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(folder, users=8, **variables):
    with contextlib.closing(Sandbox(users=users, groups=2)) as sandbox, contextlib.closing(Service(folder, sandbox, **variables)) as service:
        yield service


def test_the_accounts_are_in_step_with_the_directory(program, tmp_path):
    with serving(tmp_path) as service:
        output, errors = service.run(program)
        assert (output.count("save "), output.count("close "), errors) == (8, 0, "")
        assert service.are_in_step()
        leaver, inactive, renamed = [user["id"] for user in service.users()][:3]
        service.trigger("user_created", id=f"diruser_{ODD}", email=f"{ODD}@example.com")
        service.sandbox.control("POST", "/users", {"email": "zoë.o'brien@example.com"})
        service.sandbox.control("DELETE", f"/users/{leaver}")
        service.sandbox.control("PATCH", f"/users/{inactive}", {"active": False})
        service.sandbox.control("PATCH", f"/users/{renamed}", {"email": "renamed@example.com"})
        service.run(program)
        assert service.accounts()[f"diruser_{ODD}"] == f"{ODD}@example.com\n"
        service.sync()
        service.run(program)
        assert service.are_in_step()
        assert "renamed@example.com\n" in service.accounts().values() and "zoë.o'brien@example.com\n" in service.accounts().values()
        assert leaver not in service.accounts() and inactive not in service.accounts()
        service.sandbox.control("PATCH", f"/users/{inactive}", {"active": True})
        service.sync()
        output, _ = service.run(program)
        assert output.endswith(f"save {inactive} {service.accounts()[inactive]}")
        assert service.are_in_step()
        assert service.run(program) == ("", "")


def test_a_program_waits_for_a_service_that_was_killed(program, tmp_path):
    with serving(tmp_path, users=40) as service:
        with (tmp_path / "errors").open("w") as errors:
            client = subprocess.Popen(program, cwd=tmp_path, env={**service.env, "URL": service.url}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            until(lambda: len(service.accounts()) > 5)
            service.kill()
            made = len(service.accounts())
            until(lambda: (tmp_path / "errors").read_text() != "")
            service.start(service.url.split("//")[1])
            until(service.are_in_step)
            assert made < 40
            # The client waits for the next change.
            service.sandbox.control("POST", "/users", {"email": "hired@example.com"})
            service.sync()
            until(service.are_in_step)
            assert client.poll() is None
        finally:
            client.kill()
            client.wait()


class Faulty(http.server.BaseHTTPRequestHandler):
    """Passes requests on to a service, except that some get an answer of a proxy, or half an answer."""

    protocol_version = "HTTP/1.1"

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        number, self.server.number = self.server.number, self.server.number + 1
        if number in (1, 4):
            status, text = {1: (503, b"<h1>no server</h1>"), 4: (429, b"")}[number]
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            return
        connection = http.client.HTTPConnection(self.server.service, timeout=LIMIT)
        connection.request(self.command, self.path, body, {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "authorization")})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        self.send_response(answer.status)
        if answer.status != 204:
            self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text[: len(text) // 2] if number == 0 else text)
        if number == 0:
            self.close_connection = True

    do_GET = do_POST = handle_request

    def log_message(self, *_):
        pass


def test_a_program_repeats_what_was_not_answered(program, tmp_path):
    with serving(tmp_path) as service, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as proxy:
        proxy.number, proxy.service = 0, service.url.split("//")[1]
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        service.run(program, url=f"http://127.0.0.1:{proxy.server_port}")
        proxy.shutdown()
        assert proxy.number > 8
        assert service.are_in_step()


def test_a_wrong_token_ends_the_program_with_a_clear_error(program, tmp_path):
    with serving(tmp_path, HEADCOUNT_TOKEN=TOKEN) as service:
        for wrong in ("", "wr0ng"):
            output, errors = service.run(program, 1, HEADCOUNT_TOKEN=wrong)
            assert output == ""
            assert "a request failed with status 401: " in errors and "authorization: Bearer" in errors
            assert "wr0ng" not in errors and len(errors.splitlines()) == 1
        service.run(program)
        assert service.are_in_step()


def test_a_missing_address_is_named(program, tmp_path):
    env = {name: value for name, value in os.environ.items() if name != "URL"}
    ended = subprocess.run(program, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode not in (0, 255), ended.stderr
    assert "URL: expected the address of the service, such as http://127.0.0.1:8080" in ended.stderr


def test_a_program_goes_on_with_a_snapshot_when_changes_are_no_longer_kept(program, tmp_path):
    import headcount

    with serving(tmp_path) as service:
        service.run(program)
        leaver, inactive = [user["id"] for user in service.users()][:2]
        service.sandbox.control("DELETE", f"/users/{leaver}")
        service.sandbox.control("PATCH", f"/users/{inactive}", {"active": False})
        service.sandbox.control("POST", "/users", {"email": "hired@example.com"})
        with headcount.Mirror(tmp_path / "headcount.db", client=service.sandbox.client(), retention=0) as mirror:
            mirror.drop_consumer("accounts")
            mirror.sync(service.sandbox.organization_id, mode="full")
        assert leaver in service.accounts()
        output, errors = service.run(program)
        assert errors == ""
        assert f"close {leaver}\n" in output and f"close {inactive}\n" in output
        assert service.are_in_step()
        # The snapshot is read once.
        assert service.run(program) == ("", "")
