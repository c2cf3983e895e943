"""Runs a program of this folder through faults, and reports which of them it survives.

What counts, for each fault:

- a user who has left has no access after the next sync;
- a user who is still there never loses access;
- nothing is applied twice: each leaver is reported once, an older or repeated event changes nothing.

A fault is a function that drives a `Trial`: a sandbox with 250 users, the vendor's API in front of it (server.mjs), and a program with a database
that a first sync has filled. It raises `Violation` if a rule is broken, and returns None or a remark for the table.
"""

import base64
import hmac
import http.server
import json
import os
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import OPENER, Sandbox  # noqa: E402

LIMIT = 120  # seconds for each step of a program, so that one that hangs ends the run
USERS = 250
FILLED = {}


class Violation(Exception):
    """A program broke one of the rules."""


def expect(condition, message):
    if not condition:
        raise Violation(message)


def until(condition, what):
    """Waits for a condition."""
    end = time.monotonic() + LIMIT
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {LIMIT} s for {what}"
        time.sleep(0.005)
    return value


class Front:
    """server.mjs in front of a sandbox, with a certificate that is written to a folder. It is used for one sandbox after another."""

    def __init__(self, folder):
        self.ca_file = folder / "cert.pem"
        certificate(folder)
        self.process = subprocess.Popen(
            ["node", HERE / "server.mjs", "--key", folder / "key.pem", "--cert", self.ca_file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = json.loads(self.process.stdout.readline())["url"]
        context = ssl.create_default_context(cafile=self.ca_file)
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def call(self, method, path, **body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode() if body else None, method=method)
        with self.opener.open(request, timeout=LIMIT) as response:
            return json.loads(response.read())

    def fault(self, kind, page=2, times=None):
        self.call("PUT", "/fault", kind=kind, page=page, **({"times": times} if times else {}))

    def end_fault(self):
        self.call("DELETE", "/fault")

    def wait_for_held_page(self):
        until(lambda: self.call("GET", "/fault")["held"], "a page that is held back")

    def release(self):
        self.call("POST", "/release")

    def close(self):
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self.process.stdout.close()


def certificate(folder):
    """Writes a self-signed certificate for localhost, and its key."""
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-keyout", folder / "key.pem"]
    subprocess.run(["openssl", "req", "-x509", "-days", "2", *subject, *key, "-out", folder / "cert.pem"], check=True, capture_output=True, timeout=LIMIT)


def environment(front, sandbox, users, secret):
    """Returns the environment variables of a program."""
    authority = str(front.ca_file)
    return {
        **os.environ,
        **sandbox.env,
        "SCALEKIT_ENVIRONMENT_URL": front.url,
        "SCALEKIT_WEBHOOK_SECRET": secret,
        "ORGANIZATION": sandbox.organization_id,
        "DIRECTORY": sandbox.directory_id,
        "USERS": str(users),
        "NO_PROXY": "localhost,127.0.0.1",
        # The variables in which the clients look for the authority: OpenSSL and headcount, requests, gRPC, Node.
        "SSL_CERT_FILE": authority,
        "REQUESTS_CA_BUNDLE": authority,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": authority,
        "NODE_EXTRA_CA_CERTS": authority,
    }


class Events:
    """Receives the webhooks of a sandbox, and keeps them for a trial, which delivers them as it likes."""

    def __init__(self, sandbox):
        received = self.received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((self.headers["webhook-id"], body))
                self.send_response(201)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                """Logs nothing."""

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        sandbox.control("POST", "/endpoints", {"url": f"http://127.0.0.1:{self.server.server_port}/"})

    def next(self, number):
        """Waits until `number` events have come, and returns the last one."""
        until(lambda: len(self.received) >= number, "a webhook of the sandbox")
        return self.received[number - 1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Trial:
    """A program in a new environment."""

    def __init__(self, contender, folder, front):
        self.contender = contender
        self.path = folder / "users.db"
        self.sandbox = Sandbox(users=USERS, groups=2)
        self.front = front
        front.call("PUT", "/sandbox", url=self.sandbox.credentials[0])
        self.events = Events(self.sandbox)
        self.secret = self.sandbox.settings["webhook_secret"]
        self.server = None
        self.reported = []
        self.before = set(self.truth())
        self.sent = 0

    def begin(self):
        """Fills the program's database. A program that cannot do that is an error of the comparison, not a result.

        Each sandbox has the same users, so the files that the first trial of a program has made are used by its later ones.
        """
        if self.contender in FILLED:
            for name, data in FILLED[self.contender].items():
                self.path.with_name(name).write_bytes(data)
            return
        assert self.sync() == 0, f"{self.contender.path.name}: the first sync failed: {self.errors}"
        assert self.access() == self.truth(), f"{self.contender.path.name}: the first sync is wrong"
        self.leavers()
        FILLED[self.contender] = {path.name: path.read_bytes() for path in self.path.parent.iterdir()}

    def close(self):
        self.stop()
        self.events.close()
        self.sandbox.close()

    # What is true, and what the program believes.

    def truth(self):
        path = f"/directories/{self.sandbox.directory_id}/users?limit=1000"
        return {user["id"]: user["email"] for user in self.sandbox.control("GET", path)["users"] if user["active"]}

    def start(self, *arguments, **variables):
        env = {**environment(self.front, self.sandbox, self.path, self.secret), **variables}
        return subprocess.Popen([*self.contender.command, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *arguments):
        program = self.start(*arguments)
        output, errors = program.communicate(timeout=LIMIT)
        return program.returncode, output, errors

    def sync(self, *options):
        """Syncs, and returns the exit status."""
        status, _, self.errors = self.ask("sync", *options)
        return status

    def access(self):
        status, output, errors = self.ask("users")
        assert status == 0, errors
        return json.loads(output)

    def leavers(self):
        status, output, errors = self.ask("leavers")
        assert status == 0, errors
        self.reported += [line.split()[0] for line in output.splitlines()]

    # Changes of the directory. Each makes one event, which is returned.

    def change(self, method, path, body=None):
        moment = time.time()
        until(lambda: time.time() > moment + 0.003, "the clock")  # JavaScript reads times in milliseconds
        answer = self.sandbox.control(method, path, body)
        self.sent += 1
        return answer, self.events.next(self.sent)

    def some_user(self, at=0):
        return sorted(self.before)[at]

    def remove(self, user_id):
        return self.change("DELETE", f"/users/{user_id}")[1]

    def rename(self, user_id, email):
        return self.change("PATCH", f"/users/{user_id}", {"email": email})[1]

    def create(self, email):
        answer, event = self.change("POST", "/users", {"email": email, "given_name": "New", "family_name": "User"})
        return answer["id"], event

    # Webhooks.

    def serve(self, **variables):
        self.server = self.start("serve", **variables)
        line = self.server.stdout.readline()
        assert line, self.server.communicate()[1]
        self.port = int(line)
        # Node and Python print the port when they listen; what they print later must not fill the pipe.
        threading.Thread(target=self.server.stderr.read, daemon=True).start()

    def request(self, event, secret=None, age=0, wait=LIMIT):
        message_id, body = event
        timestamp = str(int(time.time()) - age)
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")).decode()
        headers = {"content-type": "application/json", "webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": "v1," + signature}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", body, headers)
        try:
            with OPENER.open(request, timeout=wait) as response:
                return response.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def deliver(self, *events, **options):
        """Delivers events as the vendor does: one that is not answered with 2xx is an error of the trial."""
        if self.server is None:
            self.serve()
        for event in events:
            status = self.request(event, **options)
            expect(200 <= status < 300, f"a valid webhook was answered with {status}")

    def refuses(self, event, **options):
        if self.server is None:
            self.serve()
        status = self.request(event, **options)
        expect(400 <= status < 500, f"it was answered with {status}")

    def stop(self):
        if self.server is not None:
            kill(self.server)
            self.server = None

    # The rules.

    def nobody_lost_access(self):
        wrong = set(self.truth()) - set(self.access())
        expect(not wrong, f"{len(wrong)} who are still there lost access")

    def is_right(self):
        """Checks all rules."""
        truth, access = self.truth(), self.access()
        expect(not set(truth) - set(access), f"{len(set(truth) - set(access))} who are still there lost access")
        expect(not set(access) - set(truth), f"{len(set(access) - set(truth))} who left have access")
        wrong = [user_id for user_id in truth if truth[user_id] != access[user_id]]
        expect(not wrong, "an older event replaced a newer one")
        self.leavers()
        gone = self.before - set(truth)
        expect(len(self.reported) == len(set(self.reported)), "a leaver was reported twice")
        expect(not gone - set(self.reported), "a leaver was not reported")
        expect(not set(self.reported) - gone - self.passed_through, "a user who is still there was reported as a leaver")

    passed_through = frozenset()

    def sync_until_right(self):
        """Syncs again, as a cron job does, and checks the rules. Nobody may lose access in between."""
        self.nobody_lost_access()
        status = self.sync()
        expect(status == 0, f"the next sync failed: {self.errors.strip().splitlines()[-1:]}")
        self.is_right()

    def lock(self):
        """Locks the program's database for writing, so that the program waits before it commits."""
        db = sqlite3.connect(self.path, isolation_level=None, timeout=LIMIT)
        db.execute("BEGIN IMMEDIATE")
        return db


def kill(program):
    program.send_signal(signal.SIGKILL)
    program.wait(LIMIT)
    program.stdout.close()


# The faults. Each has the title of its row.

FAULTS = {}


def fault(title):
    def register(function):
        FAULTS[title] = function
        return function

    return register


@fault("killed while it lists")
def killed_while_listing(trial):
    trial.remove(trial.some_user())
    trial.front.fault("hold", page=3, times=1)
    program = trial.start("sync")
    trial.front.wait_for_held_page()
    kill(program)
    trial.front.release()
    trial.sync_until_right()


@fault("killed between the listing and the commit")
def killed_before_commit(trial):
    trial.remove(trial.some_user())
    trial.front.fault("hold", page="last", times=1)
    program = trial.start("sync")
    trial.front.wait_for_held_page()
    lock = trial.lock()
    trial.front.release()
    time.sleep(0.3)  # time to read the last page; a commit is impossible, so the result does not depend on it
    kill(program)
    lock.close()
    trial.sync_until_right()


@fault("killed between receiving and applying a webhook")
def killed_before_applying(trial):
    event = trial.remove(trial.some_user())
    trial.serve()
    lock = trial.lock()
    answered = []

    def deliver():
        try:
            answered.append(trial.request(event, wait=LIMIT))
        except OSError:
            answered.append(None)

    delivery = threading.Thread(target=deliver)
    delivery.start()
    time.sleep(0.3)  # time to receive it; it cannot be applied, so the result does not depend on it
    trial.stop()
    delivery.join(LIMIT)
    lock.close()
    if answered == [None]:
        trial.deliver(event)  # the vendor repeats what was not answered with 2xx
    trial.is_right()


@fault("a webhook is delivered twice, also later")
def delivered_twice(trial):
    person = trial.some_user(1)
    first, second = trial.rename(person, "first@company.example"), trial.rename(person, "second@company.example")
    new, created = trial.create("new@company.example")
    removed_new = trial.remove(new)
    removed = trial.remove(trial.some_user())
    trial.passed_through = {new}
    trial.deliver(first, first, second, created, created, removed_new, removed, removed)
    trial.leavers()
    trial.deliver(first, created, removed_new, removed)
    trial.is_right()


@fault("webhooks arrive out of order")
def out_of_order(trial):
    person, leaver = trial.some_user(1), trial.some_user()
    first, second = trial.rename(person, "first@company.example"), trial.rename(person, "second@company.example")
    renamed, removed = trial.rename(leaver, "late@company.example"), trial.remove(leaver)
    new, created = trial.create("new@company.example")
    removed_new = trial.remove(new)
    trial.passed_through = {new}
    trial.deliver(second, first, removed, renamed, removed_new, created)
    trial.is_right()


def one_failure(trial, kind, page=2):
    """A page fails once. The sync may fail too, but then it must not have changed anything for the worse."""
    trial.remove(trial.some_user())
    trial.front.fault(kind, page=page, times=1)
    status = trial.sync()
    if status == 0:
        trial.is_right()
        return None
    trial.sync_until_right()
    return "by the next sync"


@fault("the API answers 429 once")
def status_429(trial):
    return one_failure(trial, "429")


@fault("the API answers 503 once")
def status_503(trial):
    return one_failure(trial, "503")


@fault("the connection ends in the middle of a page")
def cut(trial):
    return one_failure(trial, "cut")


def wrong_listing(trial, kind):
    """A listing is wrong, with a success status. Nobody may lose access by it, and the next listing is right."""
    trial.remove(trial.some_user())
    trial.front.fault(kind)
    trial.sync()
    trial.front.end_fault()
    trial.sync_until_right()


@fault("a listing ends early, without an error")
def truncated(trial):
    wrong_listing(trial, "end")


@fault("a page in the middle comes without its users")
def gap(trial):
    wrong_listing(trial, "gap")


@fault("an empty page comes between two pages")
def extra(trial):
    wrong_listing(trial, "extra")


@fault("one listing lacks 20 users, by mistake, and counts the others")
def behind(trial):
    wrong_listing(trial, "lag")


@fault("a listing has no users, by mistake")
def emptied(trial):
    trial.front.fault("empty")
    trial.sync()
    trial.nobody_lost_access()
    trial.front.end_fault()
    trial.sync_until_right()


@fault("everybody has really left")
def everybody_left(trial):
    trial.sandbox.control("POST", f"/directories/{trial.sandbox.directory_id}/leave", {"percent": 100})
    trial.sync()
    try:
        trial.is_right()
    except Violation:
        held = len(trial.access())
        if held != USERS or trial.sync() == 0:
            raise
        status = trial.sync("--approve")
        expect(status == 0, f"the sync with --approve failed: {trial.errors}")
        trial.is_right()
        expect(False, "they keep access until a person approves")


@fault("a webhook with a timestamp that is 6 minutes old")
def old_timestamp(trial):
    created = trial.rename(trial.some_user(), "old@company.example")
    trial.refuses(created, age=360)
    expect(trial.access()[trial.some_user()] != "old@company.example", "it was applied")
    trial.deliver(created)
    trial.is_right()


@fault("the secret is rotated: two are in use")
def rotation(trial):
    new = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    other = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
    first, second = trial.remove(trial.some_user()), trial.remove(trial.some_user(1))
    third = trial.rename(trial.some_user(2), "forged@company.example")
    trial.serve(SCALEKIT_WEBHOOK_SECRET=f"{trial.secret},{new}")
    trial.refuses(third, secret=other)
    trial.deliver(first)
    trial.deliver(second, secret=new)
    trial.deliver(third, secret=new)
    trial.is_right()


def while_listing(trial, change):
    """Runs a sync, and makes a change, whose webhook arrives, while the last page of the listing, which was read before the change, is on its way."""
    trial.serve()
    trial.front.fault("hold", page="last", times=1)
    program = trial.start("sync")
    trial.front.wait_for_held_page()
    event = change()
    status = trial.request(event)
    trial.front.release()
    program.communicate(timeout=LIMIT)
    if not 200 <= status < 300:
        trial.deliver(event)  # the vendor repeats it
    trial.is_right()
    trial.sync_until_right()


@fault("a user is removed while a listing runs")
def removed_while_listing(trial):
    while_listing(trial, lambda: trial.remove(trial.some_user()))


@fault("a user is created while a listing runs")
def created_while_listing(trial):
    while_listing(trial, lambda: trial.create("new@company.example")[1])


def run(contender, title, front):
    """Runs one fault, and returns the cell of the table: yes, yes with a remark, or no with the reason."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(contender, Path(folder), front)
        try:
            trial.begin()
            remark = FAULTS[title](trial)
        except Violation as violation:
            return f"**no**: {violation}"
        finally:
            trial.close()
    return f"yes, {remark}" if remark else "yes"
