"""Starts a sandbox for a test: the program at the path HEADCOUNT_SANDBOX, by default that in target/debug."""

import json
import os
import subprocess
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = os.environ.get("HEADCOUNT_SANDBOX", str(ROOT / "target" / "debug" / "headcount-sandbox"))
# The sandbox is on loopback, so a proxy from the environment variables must not be used.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Sandbox:
    """A running sandbox. `sizes` are options of the program, such as `users=50`."""

    def __init__(self, **sizes):
        options = [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
        self.process = subprocess.Popen(
            [PROGRAM, "--exit-with-stdin", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.settings = json.loads(self.process.stdout.readline())
        self.organization_id = self.settings["organization_id"]
        self.directory_id = self.settings["directory_id"]
        self.ids = self.organization_id, self.directory_id
        self.credentials = tuple(self.settings[name] for name in ("environment_url", "client_id", "client_secret"))
        self.ca_file = self.settings.get("ca_file")
        self.env = {
            "SCALEKIT_ENVIRONMENT_URL": self.credentials[0],
            "SCALEKIT_CLIENT_ID": self.credentials[1],
            "SCALEKIT_CLIENT_SECRET": self.credentials[2],
            "SCALEKIT_WEBHOOK_SECRET": self.settings["webhook_secret"],
        }

    def client(self, **options):
        import headcount

        return headcount.Client(*self.credentials, **options)

    def control(self, method, path, body=None):
        request = urllib.request.Request(
            self.settings["control_url"] + path,
            None if body is None else json.dumps(body).encode(),
            {"content-type": "application/json"},
            method=method,
        )
        with OPENER.open(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def fault(self, *faults, every=1):
        self.control("PUT", "/fault", {"faults": list(faults), "every": every})

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
