"""Runs the shell blocks of docs/serve.md, one after another in one folder, with a service and a sandbox, and checks the settings."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402

DOCUMENT = ROOT / "docs/serve.md"
PROGRAMS = ROOT / "target/debug"
LIMIT = 120  # seconds for one block


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S)


@pytest.fixture
def service(tmp_path):
    """The environment of a program that uses a running service, whose mirror was synced."""
    with contextlib.closing(Sandbox(users=20, groups=3)) as sandbox:
        env = {**os.environ, **sandbox.env, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "HEADCOUNT_STORE": str(tmp_path / "headcount.db")}
        subprocess.run(["headcount", "sync", "--quiet"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=LIMIT)
        command = ["headcount", "serve", "--listen", "127.0.0.1:0", "--sync-every", "off", "--json", "--quiet"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=log, text=True)
        with process:
            yield {**env, "URL": json.loads(process.stdout.readline())["url"]}
            process.terminate()
            assert process.wait(LIMIT) == 0, (tmp_path / "log").read_text()


def run(script, folder, env):
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_shell_blocks_run(service, tmp_path):
    status, users, feed = (run(code, tmp_path, service) for code in blocks("sh"))
    assert status.endswith("20 users\n")
    assert users.count("@") == 3 and '"outcome":"done"' in users
    assert feed.splitlines()[0].startswith("1 ")


def test_the_settings_are_valid(tmp_path):
    (settings,) = blocks("toml")
    (tmp_path / "headcount.toml").write_text(settings)
    env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    shown = run("headcount serve --config headcount.toml --print-config", tmp_path, env)
    assert all(line in shown for line in settings.splitlines())
