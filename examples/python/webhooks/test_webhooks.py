"""Starts each program, and sends it an event that is signed with the sandbox's secret, and one that is not."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from headcount import testing

PROGRAMS = sorted(Path(__file__).parent.glob("with_*.py"))
LIMIT = 60  # seconds


@pytest.mark.headcount_sandbox(users=1, groups=1)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_the_endpoint_accepts_signed_events_only(program, headcount_deliver, monkeypatch):
    monkeypatch.setenv("PORT", "0")  # any free port
    endpoint = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(LIMIT, endpoint.kill)
    timer.start()
    try:
        line = endpoint.stdout.readline()
        assert line.startswith("listening on ")
        url = line.split()[-1]
        assert headcount_deliver(url, "organization.directory.user_created", id="evt_1") == 201
        assert endpoint.stdout.readline() == "organization.directory.user_created evt_1\n"
        assert headcount_deliver(url, "user.login", secret="whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldA==") == 400
        # The handlers fail for this id: the vendor sends the event again after 500.
        assert testing.deliver(url, "role.created", data={"id": "fail"}) == 500
    finally:
        timer.cancel()
        endpoint.kill()
        endpoint.communicate()
