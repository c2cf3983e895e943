"""The fixture ``sandbox``. Makes the modules in ``tests/`` of the repository importable."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from sandbox import Sandbox  # noqa: E402


@pytest.fixture
def sandbox():
    """Returns a function that starts a sandbox with the given settings. The sandboxes stop when the test ends."""
    made = []

    def make(**settings):
        made.append(Sandbox(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
