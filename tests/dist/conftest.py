"""Fixtures for the tests of the packages in dist/: they are installed as a user does it, without Rust and without this repository's files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "packaging"))

#: The rows of the table in docs/platforms.md that passed in this run.
COVERED = pytest.StashKey[set[tuple[str, str, str]]]()
#: The end of rows that need a program which not every machine has.
IF_PRESENT = " (where the machine has this version)"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COVERED] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Has test_platforms.py run last: it compares what the other tests covered with the document."""
    items.sort(key=lambda item: item.path.name == "test_platforms.py")


@pytest.fixture(scope="session")
def dist() -> Path:
    """The folder with the packages that `make dist` built."""
    folder = Path(os.environ.get("HEADCOUNT_DIST", ROOT / "dist"))
    if not folder.is_dir():
        pytest.fail(f"{folder} does not exist: run `make dist` first", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def clean_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without Rust, without settings of headcount, and with an empty home folder."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for tool in ("cargo", "rustc"):
        assert shutil.which(tool, path=path) is None, f"{tool} is on the PATH of the tests"
    # What the package managers of this machine need to reach their registries.
    kept = {name: value for name, value in os.environ.items() if name.startswith(("npm_config_", "NPM_CONFIG_", "PIP_", "YARN_", "SSL_", "NODE_EXTRA_CA")) or name.lower().endswith("_proxy")}
    return {**kept, "PATH": path, "HOME": str(tmp_path_factory.mktemp("home")), "LANG": "C.UTF-8", "TMPDIR": os.environ.get("TMPDIR", "/tmp")}


@pytest.fixture
def covered(request: pytest.FixtureRequest) -> Callable[[str, str, str], None]:
    """Notes that a package works on a platform: `covered("Debian 11, glibc 2.31", "Python 3.9", "the wheel")`. Call it at the end of the test."""

    def note(platform: str, language: str, what: str) -> None:
        request.config.stash[COVERED].add((platform, language, what))

    return note
