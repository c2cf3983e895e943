#!/usr/bin/env python3
"""Runs the Rust, C, Python and Node quickstarts against one sandbox: the same directory, the same new hire, four languages.

    python3 scripts/demo.py LANGUAGE COMMAND... [-- LANGUAGE COMMAND...]...

Each program lists the directory and prints where its endpoint listens. Then somebody is hired in the sandbox, whose signed webhook
must be answered with 201; the same message with one name changed must be answered with 400; and the program must end by itself.
`make demo` calls this with what it has built. HEADCOUNT_SANDBOX names the sandbox program.
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

PATIENCE = 60
# What is on loopback is not behind a proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None, headers=None):
    """Sends JSON (or bytes) and gives the status and the body."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with OPENER.open(request, timeout=PATIENCE) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def signed(secret, message_id, body):
    """The headers of Standard Webhooks, by the standard library alone."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_") if hasattr(secret, "removeprefix") else secret[len("whsec_"):])
    mac = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": "v1," + base64.b64encode(mac).decode()}


class Program:
    """A quickstart that runs; its lines are printed as they come, and can be waited for."""

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
        for line in self.process.stdout:
            print("  " + line.rstrip(), flush=True)
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, text):
        deadline = time.monotonic() + PATIENCE
        while True:
            line = self.lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if line is None:
                raise SystemExit(f"the program ended before it said {text!r}")
            if text in line:
                return line.split(text, 1)[1].strip()


def run(language, command, settings):
    """One language from its listing to its end."""
    print(f"\n{language}", flush=True)
    control = settings["control_url"]
    program = Program(command, settings)
    try:
        url = program.wait_for("listening on ")
        call("DELETE", control + "/endpoints")
        call("POST", control + "/endpoints", {"url": url})
        name = f"ada.{language.lower()}@example.com"
        call("POST", control + "/users", {"email": name, "given_name": "Ada", "family_name": "Lovelace", "groups": ["Engineering"]})
        program.wait_for("organization.directory.user_created")
        delivery = json.loads(call("GET", control + "/deliveries")[1])["deliveries"][-1]
        # The program has printed before it answers: the sandbox learns a moment later.
        deadline = time.monotonic() + PATIENCE
        while delivery["state"] != "delivered":
            if time.monotonic() > deadline or delivery["state"] == "failed":
                raise SystemExit(f"{language}: the webhook was not accepted: {delivery['attempts']}")
            time.sleep(0.01)
            delivery = json.loads(call("GET", control + "/deliveries")[1])["deliveries"][-1]
        print(f"  the sandbox: delivered, answered {delivery['attempts'][-1]['status']}", flush=True)
        body = delivery["body"].encode()
        tampered = body.replace(b"ada.", b"eve.")
        status, _ = call("POST", url, tampered, signed(settings["webhook_secret"], delivery["message_id"], body))
        print(f"  a tampered one: answered {status}", flush=True)
        if status != 400 or delivery["attempts"][-1]["status"] != 201:
            raise SystemExit(f"{language}: expected 201 for the webhook and 400 for the tampered one")
        code = program.process.wait(timeout=PATIENCE)
        if code != 0:
            raise SystemExit(f"{language}: the program ended with {code}")
    finally:
        program.process.kill()


def main():
    started = time.monotonic()
    groups, current = [], []
    for argument in sys.argv[1:] + ["--"]:
        if argument == "--":
            groups.append(current)
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
        print(f"a Scalekit environment of your own, at {settings['environment_url']}")
        for language, *command in groups:
            run(language, command, settings)
    finally:
        sandbox.stdin.close()
        sandbox.wait(timeout=PATIENCE)
    print(f"\n{len(groups)} languages, one directory, {time.monotonic() - started:.1f} seconds")


if __name__ == "__main__":
    main()
