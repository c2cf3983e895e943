"""Checks the files in examples/deploy: the unit with systemd-analyze, and the settings with the command."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples/deploy"
PROGRAM = ROOT / "target/debug/headcount"
LIMIT = 120  # seconds


def run(*command):
    ended = subprocess.run(command, env={**os.environ, "SYSTEMD_COLORS": "0"}, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_settings_are_valid():
    settings = (FOLDER / "headcount.toml").read_text()
    shown = run(str(PROGRAM), "serve", "--config", str(FOLDER / "headcount.toml"), "--print-config")
    assert all(line in shown for line in settings.splitlines() if not line.startswith("#"))


def test_the_unit_is_valid_and_hardened(tmp_path):
    unit = tmp_path / "headcount.service"
    # `verify` looks for the program.
    unit.write_text((FOLDER / "headcount.service").read_text().replace("/usr/bin/headcount", str(PROGRAM)))
    assert run("systemd-analyze", "verify", "--man=no", str(unit)) == ""
    # From 0 to 10: a unit without any restriction has 9.6.
    exposure = re.search(r"exposure level for headcount.service: ([0-9.]+)", run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)))
    assert float(exposure[1]) <= 1.5
