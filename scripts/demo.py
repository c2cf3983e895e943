#!/usr/bin/env python3
"""Runs the Rust, C, Python and Node quickstarts against one sandbox.

    python3 scripts/demo.py LANGUAGE COMMAND... [-- LANGUAGE COMMAND...]...

Each program lists the directory and prints the URL of its endpoint. Then a user is created in the sandbox. The program has to answer the signed
webhook with 201, and the same message with a changed email address with 400, and then exit with 0. `make demo` calls this script with the programs
that it built. HEADCOUNT_SANDBOX is the path of the sandbox program.
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

TIMEOUT = 60  # seconds
# The sandbox is on loopback, so a proxy from the environment variables must not be used.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None, headers=None):
    """Sends a request, with `body` as JSON unless it is bytes. Returns the status and the body of the response."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with OPENER.open(request, timeout=TIMEOUT) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def webhook_headers(secret, message_id, body):
    """Returns the headers of a message that is signed according to Standard Webhooks, without headcount."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_") if hasattr(secret, "removeprefix") else secret[len("whsec_"):])
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


class Program:
    """A running quickstart. Its output is printed, and `wait_for` waits for a part of it."""

    def __init__(self, command, settings):
        environment = dict(
            os.environ,
            SCALEKIT_ENVIRONMENT_URL=settings["environment_url"],
            SCALEKIT_CLIENT_ID=settings["client_id"],
            SCALEKIT_CLIENT_SECRET=settings["client_secret"],
            SCALEKIT_WEBHOOK_SECRET=settings["webhook_secret"],
            PYTHONIOENCODING="utf-8",
        )
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8")
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        """Prints the output, and queues its lines, and None at its end."""
        for line in self.process.stdout:
            print("  " + line.rstrip(), flush=True)
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, text):
        """Waits for a line that contains `text`, and returns what follows it in the line."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if line is None:
                raise SystemExit(f"the program exited before it printed {text!r}")
            if text in line:
                return line.split(text, 1)[1].strip()


def run(language, command, settings):
    """Runs the quickstart of one language and checks its responses."""
    print(f"\n{language}", flush=True)
    control = settings["control_url"]
    program = Program(command, settings)
    try:
        url = program.wait_for("listening on ")
        call("DELETE", control + "/endpoints")
        call("POST", control + "/endpoints", {"url": url})
        email = f"ada.{language.lower()}@example.com"
        call("POST", control + "/users", {"email": email, "given_name": "Ada", "family_name": "Lovelace", "groups": ["Engineering"]})
        program.wait_for("organization.directory.user_created")
        delivery = json.loads(call("GET", control + "/deliveries")[1])["deliveries"][-1]
        # The program prints before it answers, so the sandbox may not have the response yet.
        deadline = time.monotonic() + TIMEOUT
        while delivery["state"] != "delivered":
            if time.monotonic() > deadline or delivery["state"] == "failed":
                raise SystemExit(f"{language}: the webhook was not accepted: {delivery['attempts']}")
            time.sleep(0.01)
            delivery = json.loads(call("GET", control + "/deliveries")[1])["deliveries"][-1]
        print(f"  the sandbox: delivered, answered {delivery['attempts'][-1]['status']}", flush=True)
        body = delivery["body"].encode()
        forged = body.replace(b"ada.", b"eve.")
        status, _ = call("POST", url, forged, webhook_headers(settings["webhook_secret"], delivery["message_id"], body))
        print(f"  a forged one: answered {status}", flush=True)
        if status != 400 or delivery["attempts"][-1]["status"] != 201:
            raise SystemExit(f"{language}: expected 201 for the webhook and 400 for the forged one")
        code = program.process.wait(timeout=TIMEOUT)
        if code != 0:
            raise SystemExit(f"{language}: the program exited with {code}")
    finally:
        program.process.kill()


def main():
    started = time.monotonic()
    programs, current = [], []
    for argument in sys.argv[1:] + ["--"]:
        if argument == "--":
            programs.append(current)
            current = []
        else:
            current.append(argument)
    sandbox = subprocess.Popen(
        [os.environ["HEADCOUNT_SANDBOX"], "--exit-with-stdin", "--organizations", "3", "--users", "47", "--groups", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        settings = json.loads(sandbox.stdout.readline())
        print(f"a local Scalekit environment at {settings['environment_url']}")
        for language, *command in programs:
            run(language, command, settings)
    finally:
        sandbox.stdin.close()
        sandbox.wait(timeout=TIMEOUT)
    print(f"\n{len(programs)} languages, one directory, {time.monotonic() - started:.1f} seconds")


if __name__ == "__main__":
    main()
