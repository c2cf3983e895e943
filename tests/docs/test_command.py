"""Runs the shell blocks of docs/command.md, one after another in one folder, against a sandbox and a mirror in a file."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402

DOCUMENT = ROOT / "docs/command.md"
README = ROOT / "README.md"
PROGRAMS = ROOT / "target/debug"
LIMIT = 120  # seconds for one block


def test_the_shell_blocks_run(tmp_path):
    with contextlib.closing(Sandbox(organizations=1, users=20, groups=3)) as sandbox:
        env = {**os.environ, **sandbox.env, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}

        def run(script):
            command = ["bash", "-euo", "pipefail", "-c", script]
            ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT)
            assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
            return ended.stdout

        # A mirror of its own tells the ids and the address that stand in the document.
        first = json.loads(run("headcount --store first.db sync -q && headcount --store first.db users --json | head -n 1").splitlines()[-1])
        names = {"org_1": first["organization_id"], "dir_1": first["directory_id"], "diruser_1": first["id"], "ada@example.com": first["email"]}
        output = []
        for code in re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(), re.M | re.S):
            output.append(run(re.sub("|".join(map(re.escape, names)), lambda found: names[found[0]], code)))
        assert first["email"] in output[2]
        assert (tmp_path / "users.csv").read_text().count("\n") == 21
        assert (tmp_path / "copy.db").exists()


def test_five_commands_lead_to_an_explained_mirror(tmp_path):
    """The commands that start with a sandbox, as one program: it also ends the sandbox, which runs in the background."""
    (code,) = [code for code in re.findall(r"^```text\n(.*?)^```$", README.read_text(), re.M | re.S) if "headcount sandbox" in code]
    # A person types the next command after the sandbox has printed its settings. Its stdin is that of the script, and no terminal.
    code = code.replace("&\n", "&\nuntil [ -s sandbox.env ]; do sleep 0.05; done\n", 1)
    env = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", f"trap 'kill %1' EXIT\n{code}"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Changes, oldest first:" in ended.stdout
