"""The wheel and the source archive: what is in them, and whether they work with every CPython that can be had here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import chroots
import pytest
from c_projects import this_platform
from conftest import IF_PRESENT, ROOT

CHECKS = Path(__file__).parent / "python" / "checks.py"
TOOLS = Path(sys.executable).parent
MEGABYTE = 1_000_000


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    [found] = dist.glob("headcount-*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    return next(path for path in dist.glob("headcount-*.tar.gz") if re.fullmatch(r"headcount-[\d.]+\.tar\.gz", path.name))


def tool(name: str, *arguments: object) -> str:
    """Runs a tool of .venv-dist, and returns what it printed."""
    ran = subprocess.run([TOOLS / name, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, f"{name} ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


def test_the_wheel_is_for_every_cpython_and_for_glibc_2_17(wheel: Path) -> None:
    tags = wheel.stem.split("-")
    assert tags[2:4] == ["cp39", "abi3"]
    # Two names of one platform: pip of Python 3.9 knows only the older one.
    assert set(tags[4].split(".")) == {"manylinux2014_x86_64", "manylinux_2_17_x86_64"}
    shown = tool("auditwheel", "show", wheel)
    assert re.search(r'"manylinux_2_17_x86_64"', shown.replace("\n", " ")), shown
    tool("abi3audit", "--strict", wheel)


def test_the_wheel_does_not_grow(wheel: Path) -> None:
    """benches/README.md has its size and the goal, 8 MB. The profile `release` is optimized for speed, and `dist-check` is not optimized."""
    limit = {"dist": 9, "release": 12, "dist-check": 40}[os.environ.get("HEADCOUNT_DIST_PROFILE") or "dist"]
    assert wheel.stat().st_size < limit * MEGABYTE, f"{wheel.stat().st_size / MEGABYTE:.2f} MB"


def test_pypi_accepts_the_metadata(wheel: Path, sdist: Path) -> None:
    tool("twine", "check", "--strict", wheel, sdist)


def test_the_wheel_has_its_types_licences_and_bill_of_materials(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [bill] = [name for name in names if ".dist-info/sboms/" in name]
        components = {component["name"] for component in json.loads(archive.read(bill))["components"]}
        third_party = archive.read(next(name for name in names if name.endswith("licenses/LICENSE-THIRD-PARTY"))).decode()
    assert {"headcount", "headcount-cli", "reqwest", "libsqlite3-sys", "ring"} <= components
    assert "Permission is hereby granted" in third_party and "tokio" in third_party
    assert {"headcount/py.typed", "headcount/_headcount.pyi"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def interpreters() -> list[Path]:
    """Returns the newest CPython of each minor version from 3.9 on that this machine has, on the PATH or below ~/.pyenv."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(":")] + sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found: dict[tuple[int, ...], Path] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("python3.[0-9]*")) if re.fullmatch(r"python3\.\d+t?", path.name)):
        asked = subprocess.run([path, "-c", "import sys; print(sys.implementation.name, *sys.version_info[:3])"], capture_output=True, text=True, timeout=60)
        words = asked.stdout.split()
        # A shim of pyenv for a version that is not selected fails.
        if asked.returncode == 0 and words[0] == "cpython" and not path.name.endswith("t"):
            version = tuple(map(int, words[1:]))
            if version >= (3, 9):
                found.setdefault(version[:2], path)
    return [found[version] for version in sorted(found)]


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_the_wheel_works_with_the_interpreter(
    python: Path, wheel: Path, clean_env: dict[str, str], tmp_path: Path, covered: Callable[[str, str, str], None]
) -> None:
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True, env=clean_env, timeout=120)
    inside = tmp_path / "venv" / "bin"
    # `--no-index`: the wheel needs no other package.
    subprocess.run([inside / "pip", "install", "--quiet", "--no-index", wheel], check=True, env=clean_env, timeout=120)
    printed = subprocess.run([inside / "python", "-W", "error", CHECKS], check=True, env=clean_env, cwd=tmp_path, capture_output=True, text=True, timeout=120).stdout
    assert printed.startswith("works with 3."), printed
    version = printed.split()[-1].rsplit(".", 1)[0]
    # Python 3.11 is on every machine that builds the packages.
    covered(this_platform(), f"CPython {version}", "wheel" + ("" if version == "3.11" else IF_PRESENT))


@pytest.mark.parametrize(
    ("suite", "described"),
    [("bullseye", "Debian 11"), ("trixie", "Debian 13")],
)
def test_the_wheel_works_with_the_python_of_another_debian(
    suite: str, described: str, wheel: Path, covered: Callable[[str, str, str], None]
) -> None:
    root = chroots.chroot(suite, ["python3", "python3-venv"])
    with chroots.folder_in(root) as (outside, inside):
        shutil.copy(wheel, outside)
        shutil.copy(CHECKS, outside)
        script = f"cd {inside} && python3 -m venv venv && venv/bin/pip install --quiet --no-index ./{wheel.name} && venv/bin/python -W error checks.py"
        printed = chroots.run_in(root, ["sh", "-euc", script], timeout=240)
    assert "works with 3." in printed, printed
    covered(f"{described}, glibc {chroots.glibc_of(root)}", f"CPython {printed.split()[-1].rsplit('.', 1)[0]}", "wheel")


def test_the_source_archive_builds(sdist: Path, tmp_path: Path, covered: Callable[[str, str, str], None]) -> None:
    """Compiles, with Rust: in the profile and the folder of the other tests, because a build for release takes minutes."""
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
        crates = {"bindings-python", "cli", "core", "sandbox"}
        assert {name.split("/")[1] for name in names} == crates | {"Cargo.lock", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "PKG-INFO", "README.md", "pyproject.toml", "python"}
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target"), "MATURIN_PEP517_ARGS": "--profile dev --auditwheel skip --compression-method stored"}
    environment.pop("HEADCOUNT_CARGO_BUILD", None)
    environment.pop("MAKEFLAGS", None)
    # The build takes maturin from .venv-dist: in an environment of its own, pip would download it again.
    environment["PATH"] = f"{TOOLS}:{environment['PATH']}"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True, timeout=120)
    built = tmp_path / "built"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--wheel-dir", built, source]
    subprocess.run(command, check=True, env=environment, timeout=1200)
    [made] = built.glob("*.whl")
    subprocess.run([tmp_path / "venv/bin/pip", "install", "--quiet", "--no-index", made], check=True, timeout=120)
    subprocess.run([tmp_path / "venv/bin/python", CHECKS], check=True, cwd=tmp_path, timeout=120)
    covered(this_platform(), "CPython 3.11", "source archive, compiled")
