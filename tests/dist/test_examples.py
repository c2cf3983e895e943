"""The examples, copied out of the clone and installed from the packages in dist/ by the commands of their READMEs, without Rust. Each runs its own test."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import release
from c_projects import Run, here, this_platform
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests"))

import postgres  # noqa: E402

Covered = Callable[[str, str, str], None]
PIP = ["install", "--quiet", "--disable-pip-version-check", "--no-build-isolation"]
PYTHON = f"Python {sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def copy(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `examples` and `dist`, as a clone has them, and with nothing else of a clone."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("node_modules", "__pycache__", "build", ".*_cache"))
    (folder / "dist").symlink_to(dist)
    return folder


@pytest.fixture(scope="module")
def run(clean_env: dict[str, str]) -> Run:
    return here(clean_env)


@pytest.fixture(scope="module")
def venv(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment for all examples in Python. pip resolves the dependencies of each. It has their build backend, which pip would otherwise install for each."""
    folder = tmp_path_factory.mktemp("python") / "venv"
    run([sys.executable, "-m", "venv", folder])
    run([folder / "bin/pip", *PIP, "hatchling"])
    return folder


def commands(readme: Path) -> list[str]:
    """Returns the commands in a README: its indented lines."""
    return re.findall(r"^    (\S.*)$", readme.read_text(), re.M)


def command(folder: Path, pattern: str) -> str:
    """Returns the only command in the README of an example that matches a pattern."""
    [found] = [line for line in commands(folder / "README.md") if re.search(pattern, line)]
    return found


def with_venv(clean_env: dict[str, str], venv: Path) -> dict[str, str]:
    return {"PATH": f"{venv}/bin:{clean_env['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize("name", ["python", "python/webhooks", "provisioning/python", "fleet"])
def test_an_example_in_python(name: str, copy: Path, run: Run, venv: Path, clean_env: dict[str, str], covered: Covered) -> None:
    folder = copy / "examples" / name
    env = with_venv(clean_env, venv)
    if name == "fleet":
        # Its README is a document of its own, and has the command without the extra in a sentence.
        install = "pip install ../../dist/headcount-*.whl '.[test]'"
        env["TEST_DATABASE_URL"] = postgres.url()
    else:
        install = command(folder, r"^pip install .*dist/")
    run(["sh", "-c", install.replace("install", " ".join(PIP), 1)], env=env, cwd=folder)
    test = command(folder, r"^(TEST_DATABASE_URL=\S+ )?pytest$").split()[-1]
    assert re.search(r"\b\d+ passed", run([test], env=env, cwd=folder))
    covered(this_platform(), PYTHON, "examples")


def test_the_example_in_shell(copy: Path, run: Run, venv: Path, clean_env: dict[str, str], covered: Covered) -> None:
    folder = copy / "examples/shell"
    env = with_venv(clean_env, venv)
    install = command(folder, r"^pip install .*dist/")
    run(["sh", "-c", install.replace("install", " ".join(PIP), 1)], env=env, cwd=folder)
    assert run(["sh", "-c", command(folder, "test_quickstart")], env=env, cwd=folder).endswith("the quickstart works\n")
    covered(this_platform(), "shell", "examples")


def packages(dist: Path) -> list[Path]:
    """Returns the npm packages in dist/: headcount, and the addon for this platform."""
    version, name = release.version(), "linux-x64-gnu"
    found = [dist / f"headcount-{version}.tgz", dist / f"headcount-{name}-{version}.tgz"]
    assert [path for path in found if not path.is_file()] == []
    return found


@pytest.mark.parametrize("name", ["node", "provisioning/node"])
def test_an_example_in_node(name: str, dist: Path, copy: Path, run: Run, covered: Covered) -> None:
    folder = copy / "examples" / name
    # The README says `npm install headcount`. Here the packages come from files, in place of the folder of the clone.
    package = json.loads((folder / "package.json").read_text())
    assert package["dependencies"].pop("headcount").endswith("/bindings-node")
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").unlink()
    run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", *packages(dist)], cwd=folder)
    printed = run(["npm", "test"], cwd=folder)
    assert re.search(r"^\S* ?pass [1-9]", printed, re.M) and re.search(r"^\S* ?fail 0$", printed, re.M), printed
    node = run(["node", "--version"]).strip().removeprefix("v").split(".")[0]
    covered(this_platform(), f"Node {node}", "examples")


def test_the_example_in_c(dist: Path, copy: Path, run: Run, tmp_path: Path, covered: Covered) -> None:
    [archive] = dist.glob(f"headcount-c-{release.version()}-x86_64-unknown-linux-gnu.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    [prefix] = tmp_path.iterdir()
    folder = copy / "examples/c"
    steps = [line for line in commands(folder / "README.md") if line.startswith("cmake ")]
    assert len(steps) == 3
    for step in steps:
        printed = run(["sh", "-c", step], env={"CMAKE_PREFIX_PATH": prefix, "CTEST_OUTPUT_ON_FAILURE": "1"}, cwd=folder)
    assert "100% tests passed" in printed
    covered(this_platform(), "C11, CMake", "examples")


def test_every_example_has_a_readme_and_a_test() -> None:
    """The folders without a program that uses a package are left out: files for a server, and clients of the service without headcount."""
    listed = subprocess.run(["git", "ls-files", "examples"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    projects = {Path(path).parent for path in listed if Path(path).name in ("pyproject.toml", "package.json", "CMakeLists.txt", "Cargo.toml")}
    assert len(projects) == 8
    for project in projects:
        files = {Path(path).relative_to(project).as_posix() for path in listed if Path(path).is_relative_to(project)}
        assert "README.md" in files, project
        assert [file for file in files if re.fullmatch(r"test_\w+\.(py|c)|\w+\.test\.mjs|tests/\w+\.rs", file)], project
