"""The package itself: its error classes, its exports, and its type stubs."""

import ast
import builtins
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import headcount
from headcount import _headcount

HERE = Path(__file__).resolve().parent


def test_every_kind_of_error_has_a_class():
    assert len(_headcount._error_classes) >= 17
    for kind, name in _headcount._error_classes.items():
        known = getattr(headcount, name)
        assert issubclass(known, headcount.Error) and known.kind == kind
        assert known("x").message == "x" and known.__module__ == "headcount"
    classes = {name for name in headcount.errors.__all__ if name != "Error"}
    assert classes == set(_headcount._error_classes.values())


def test_the_wheel_contains_the_licences():
    installed = importlib.metadata.distribution("headcount")
    assert installed.metadata["License-Expression"] == "MIT OR Apache-2.0"
    assert sorted(installed.metadata.get_all("License-File")) == ["LICENSE-APACHE", "LICENSE-MIT"]
    texts = {file.name: file.read_text() for file in installed.files if file.name.startswith("LICENSE")}
    assert texts == {name: (HERE.parents[1] / name).read_text() for name in ("LICENSE-APACHE", "LICENSE-MIT")}


def test_no_text_of_the_wheel_names_the_folder_that_it_was_built_in():
    # Leaves out direct_url.json and the script, which pip writes, *.pyc, which Python writes, and *.so: `make dist` searches the *.so of a release.
    files = importlib.metadata.files("headcount")
    texts = [file for file in files if file.suffix not in (".so", ".pyc") and file.name != "direct_url.json" and ".." not in file.parts]
    assert len(texts) > 20 and any(file.name == "METADATA" for file in texts)
    folder = str(HERE.parents[1]).encode()
    assert [file for file in texts if folder in file.read_binary()] == []


def test_a_star_import_hides_no_builtin():
    names = {}
    exec("from headcount import *", names)
    assert not {name for name in names if hasattr(builtins, name) and name != "__builtins__"}


def test_the_stubs_match_the_binary():
    """mypy's stubtest compares the stub with the binary: each must have every name and signature of the other."""
    run([sys.executable, "-m", "mypy.stubtest", "headcount", "--mypy-config-file", str(HERE / "mypy.ini")])


def test_the_stubs_have_the_docstrings_of_the_binary():
    """Both are shown to users: `help()` shows the binary's docstrings, an editor shows the stub's."""
    tree = ast.parse((Path(headcount.__file__).parent / "_headcount.pyi").read_text(encoding="utf-8"))
    differing = []
    for stub in tree.body:
        # The classes for type checkers are not in the binary.
        if not isinstance(stub, (ast.ClassDef, ast.FunctionDef)) or stub.name.startswith("_"):
            continue
        real = getattr(_headcount, stub.name)
        pairs = [(stub.name, stub, real)]
        if isinstance(stub, ast.ClassDef):
            members = [one for one in stub.body if isinstance(one, ast.FunctionDef) and ast.get_docstring(one)]
            pairs += [(f"{stub.name}.{one.name}", one, getattr(real, one.name)) for one in members if one.name != "__new__"]
        for name, documented, object in pairs:
            if words(ast.get_docstring(documented)) != words(object.__doc__):
                differing.append(name)
    assert differing == []


def words(docstring):
    return (docstring or "").split()


def test_strict_mypy_accepts_correct_code_and_refuses_misspelt_fields():
    samples = [str(HERE / f"typing_{name}.py") for name in ("sample", "events", "changes")]
    run([sys.executable, "-m", "mypy", "--config-file", str(HERE / "mypy.ini"), *samples])


def run(command):
    # Runs outside of the source folder, so that mypy checks the installed package.
    ended = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
