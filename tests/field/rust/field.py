"""Runs cargo for the programs in this folder."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
TARGET = ROOT / "target" / "field-rust"
# Leaves out the build settings of headcount's workspace, which do not apply to these programs.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("CARGO_TARGET_DIR", "RUSTFLAGS", "MAKEFLAGS")}
LIMIT = 1100
"""Seconds after which a build is ended."""


def cargo(folder, *arguments, limit, succeeds=True):
    """Runs cargo in `folder`, for at most `limit` seconds. Returns its output. Raises an error with the output unless cargo succeeds or fails as expected."""
    ended = subprocess.run(["cargo", *arguments], cwd=folder, env=ENVIRONMENT, timeout=limit, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if (ended.returncode == 0) != succeeds:
        raise AssertionError(f"cargo {' '.join(arguments)} ended with {ended.returncode}:\n{ended.stdout}")
    return ended.stdout


def build(command, package, *arguments, succeeds=True):
    """Builds or tests a package of this folder with its locked dependencies. Returns what cargo printed."""
    selected = ["--quiet", "--locked", "--package", package, "--target-dir", str(TARGET), *arguments]
    return cargo(HERE, command, *selected, limit=LIMIT, succeeds=succeeds)


def locked(folder):
    """Reads the version of each crate from the lock file of `folder`."""
    return dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', (folder / "Cargo.lock").read_text()))
