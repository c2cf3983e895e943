"""Runs the tutorial of examples/provisioning/node: its blocks are one program, whose output follows each block. Also runs its commands."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402

APP = ROOT / "examples" / "provisioning" / "node"
BLOCKS = re.findall(r"^```(\S*)\n(.*?)^```$", (APP / "README.md").read_text(), re.M | re.S)
MARK = "\x1e"


@pytest.fixture
def app(tmp_path):
    """Copies the application and installs headcount, as `npm install` does."""
    for file in [*APP.glob("*.mjs"), APP / "package.json"]:
        shutil.copy(file, tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "headcount").symlink_to(ROOT / "bindings-node")
    return tmp_path


def test_each_block_prints_the_output_that_follows_it(app):
    code, outputs = "", []
    for language, text in BLOCKS:
        if language == "js":
            code += f"{text}\nconsole.log({json.dumps(MARK)})\n"
            outputs.append("")
        elif language == "text":
            outputs[-1] = text
    (app / "tutorial.mjs").write_text(code)
    ended = subprocess.run(["node", "tutorial.mjs"], cwd=app, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.split(f"{MARK}\n") == [*outputs, ""]


def answers_to_large_bodies(url):
    """Returns the statuses of a request that declares a body of more than 1 MiB, and of one whose body turns out to be larger."""
    size = (1 << 20) + 1
    statuses = []
    for headers, body in [({"content-length": str(size)}, b""), ({"transfer-encoding": "chunked"}, b"%x\r\n" % size + b" " * size + b"\r\n")]:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        connection.putrequest("POST", urlsplit(url).path)
        for header in headers.items():
            connection.putheader(*header)
        connection.endheaders()
        # The body does not end, so that the answer does not depend on its end.
        connection.send(body)
        statuses.append(connection.getresponse().status)
        connection.close()
    return statuses


def test_the_commands_sync_and_serve(app):
    (commands,) = [text.splitlines() for language, text in BLOCKS if language == "sh"]
    assert commands == ["npm install", "npm run sync", "npm start"]
    sandbox = Sandbox(users=30, groups=2, seed=7)
    env = {**os.environ, **sandbox.env, "PORT": "0"}
    try:

        def sync(*arguments):
            command = ["npm", "run", "--silent", "sync", "--", *arguments]
            return subprocess.run(command, cwd=app, env=env, stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout

        reported = f"{sandbox.organization_id} {sandbox.directory_id}: done, 30 new"
        planned = sync("--plan")
        assert reported in planned and planned.endswith("planned only: nothing was changed\n")
        assert reported in sync()
        user = sandbox.control("POST", "/users", {"email": "grace@example.com", "groups": ["Engineering"]})
        assert "State: not known" in sync("--explain", user["id"])
        assert "1 new" in sync()
        explained = sync("--explain", user["id"])
        assert "- developer: from the group dirgroup_" in explained and "grace@" not in explained
        # The command of `npm start`, started without npm, so that it gets the signal itself.
        script = json.loads((app / "package.json").read_text())["scripts"]["start"].split()
        started = subprocess.Popen(script, cwd=app, env=env, stdout=subprocess.PIPE, text=True)
        try:
            lines = []
            while sum(line.startswith("user.created: ") for line in lines) < 31 or not any("listening" in line for line in lines):
                lines.append(next(started.stdout))
            url = next(re.fullmatch(r"listening on (http://\S+)\n", line)[1] for line in lines if "listening" in line)
            sandbox.control("POST", "/endpoints", {"url": url})
            created = sandbox.control("POST", "/users", {"email": "ada@example.com", "groups": ["Engineering"]})
            # The worker may print its line before the endpoint does.
            while not {f"user.created: {created['id']}\n", "webhook: applied\n"} <= set(lines):
                lines.append(next(started.stdout))
            assert answers_to_large_bodies(url) == [413, 413]
            started.send_signal(signal.SIGTERM)
            rest = started.stdout.read()
            assert started.wait(60) == 0, rest
        finally:
            started.kill()
            started.wait()
            started.stdout.close()
        accounts = json.loads((app / "accounts.json").read_text())
        assert len(accounts) == 32
        assert accounts[-1]["roles"] == ["developer", "member"]
    finally:
        sandbox.close()
