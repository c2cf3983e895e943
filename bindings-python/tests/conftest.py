"""Sandboxes for the tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from sandbox import Sandbox  # noqa: E402


@pytest.fixture
def sandbox():
    """Returns a function that starts a sandbox of the given sizes. The sandboxes stop when the test ends."""
    made = []

    def make(**sizes):
        made.append(Sandbox(**sizes))
        return made[-1]

    yield make
    for one in made:
        one.close()
