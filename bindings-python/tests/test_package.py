"""The package itself: the error classes, and types that say what there is."""

import builtins
import subprocess
import sys
from pathlib import Path

import headcount
from headcount import _headcount

HERE = Path(__file__).resolve().parent


def test_every_kind_of_error_has_its_class():
    assert len(_headcount._error_classes) >= 17
    for kind, name in _headcount._error_classes.items():
        known = getattr(headcount, name)
        assert issubclass(known, headcount.Error) and known.kind == kind
        assert known("x").message == "x" and known.__module__ == "headcount"
    classes = {name for name in headcount.errors.__all__ if name != "Error"}
    assert classes == set(_headcount._error_classes.values())


def test_a_star_import_hides_nothing():
    names = {}
    exec("from headcount import *", names)
    assert not {name for name in names if hasattr(builtins, name) and name != "__builtins__"}


def test_the_stubs_say_what_there_is():
    """mypy's stubtest: the stub against the binary, no more and no less."""
    run([sys.executable, "-m", "mypy.stubtest", "headcount", "--mypy-config-file", str(HERE / "mypy.ini")])


def test_strict_mypy_accepts_what_users_write_and_refuses_a_misspelt_field():
    run([sys.executable, "-m", "mypy", "--config-file", str(HERE / "mypy.ini"), str(HERE / "typing_sample.py"), str(HERE / "typing_events.py")])


def run(command):
    # Away from the sources: what is installed is what is checked.
    ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
