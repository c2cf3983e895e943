"""Runs the quickstart against a sandbox, which is in the package headcount, as is the fixture that starts it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from headcount import testing

PROGRAM = Path(__file__).with_name("quickstart.py")
LIMIT = 60  # seconds


@pytest.mark.headcount_sandbox(organizations=3, users=20, groups=2)
def test_the_quickstart_lists_a_directory_and_answers_its_webhooks(headcount_sandbox):
    # The fixture has set the SCALEKIT_* variables.
    program = subprocess.Popen([sys.executable, str(PROGRAM)], stdout=subprocess.PIPE, text=True, encoding="utf-8")
    timer = threading.Timer(LIMIT, program.kill)
    timer.start()
    try:
        lines = []
        for line in program.stdout:
            lines.append(line)
            if line.startswith("listening on "):
                break
        assert lines[0].startswith("3 organizations;")
        assert "  … 20 in total\n" in lines
        url = lines[-1].split()[-1]
        created = "organization.directory.user_created"
        assert testing.deliver(url, created, data={"email": "ada@example.com"}) == 201
        assert testing.deliver(url, created, secret="whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==") == 400
        assert "create an account for ada@example.com" in program.stdout.read()
        assert program.wait(LIMIT) == 0
    finally:
        timer.cancel()
        program.kill()
        program.communicate()
