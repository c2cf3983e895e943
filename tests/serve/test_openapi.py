"""Sends requests that schemathesis makes from the OpenAPI document to a running service, and checks the answers against the document."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox import ROOT, Sandbox

HERE = Path(__file__).resolve().parent
PROGRAM = os.environ.get("HEADCOUNT", str(ROOT / "target" / "debug" / "headcount"))
TOKENS = {"HEADCOUNT_TOKEN": "0123456789abcdef0123456789abcdef", "HEADCOUNT_READ_TOKEN": "fedcba9876543210fedcba9876543210"}


class Service:
    """A running `headcount serve` with a sandbox."""

    def __init__(self, folder, *options):
        self.sandbox = Sandbox(users=30, groups=3)
        environment = {**os.environ, **self.sandbox.env, **TOKENS, "HEADCOUNT_STORE": str(folder / "headcount.db")}
        command = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--json", *options]
        # A file, because a pipe that is not read would stop the service when it is full.
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.sandbox.close()
        return self.process.returncode, self.log.read_text()


@pytest.fixture
def service(tmp_path):
    # Every request without a right token is answered with 401: the limit of wrong tokens has a test of its own.
    service = Service(tmp_path, "--sync-every", "off", "--wrong-tokens", "1000000")
    yield service
    if service.process.poll() is None:
        service.end()


def test_every_answer_is_as_the_openapi_document_says(service, tmp_path):
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"),
        *(service.url + "/openapi.json", "--checks", "all", "--max-examples", "20", "--seed", "1"),
        *("--generation-database", "none", "--no-color", "--request-timeout", "60"),
    ]
    # schemathesis finds its hooks from its working folder.
    run = subprocess.run(
        command, cwd=HERE, env={**os.environ, **TOKENS}, capture_output=True, text=True, timeout=600, check=False
    )
    status, messages = service.end()
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    assert status == 0
    # An error of the service itself is a status that the document does not have, and a log line.
    assert "panicked" not in messages
