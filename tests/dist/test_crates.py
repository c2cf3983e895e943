"""The crates: whether what is in their archives compiles without this repository, and with which Rust."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from build import CRATES
from c_projects import this_platform
from conftest import ROOT
from release import version

WORKSPACE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]


def manifest(archive: Path) -> dict:
    """Returns the manifest that crates.io and cargo read."""
    with tarfile.open(archive) as tar:
        return tomllib.load(tar.extractfile(f"{archive.stem}/Cargo.toml"))


def test_the_crates_can_be_published(dist: Path) -> None:
    for name in CRATES:
        read = manifest(dist / f"{name}-{version()}.crate")
        package = read["package"]
        assert package["version"] == version()
        for key in ("description", "license", "repository", "readme", "rust-version"):
            assert package.get(key), f"{name} has no {key}"
        tables = [read, *read.get("target", {}).values()]
        for table in tables:
            for kind in ("dependencies", "build-dependencies"):
                for dependency, wanted in table.get(kind, {}).items():
                    assert "path" not in wanted and "version" in wanted, f"{name}: crates.io refuses {dependency} = {wanted}"
    assert "metadata" in manifest(dist / f"headcount-{version()}.crate")["package"]


def test_what_is_in_the_archives_compiles_without_the_repository(dist: Path, tmp_path: Path, covered: Callable[[str, str, str], None]) -> None:
    for name in CRATES:
        with tarfile.open(dist / f"{name}-{version()}.crate") as tar:
            tar.extractall(tmp_path, filter="data")
    members = [f"{name}-{version()}" for name in CRATES]
    patches = "".join(f'{name} = {{ path = "{member}" }}\n' for name, member in zip(CRATES, members, strict=True))
    # Each crate names the others by version, as on crates.io, where these are not yet.
    (tmp_path / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = {json.dumps(members)}\n[patch.crates-io]\n{patches}')
    (tmp_path / "Cargo.lock").write_text((ROOT / "Cargo.lock").read_text())
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "RUSTFLAGS")}
    command = ["cargo", "check", "--quiet", "--workspace", "--features", "headcount/axum,headcount/postgres,headcount/store-testing", "--target-dir", ROOT / "target"]
    checked = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert checked.returncode == 0, checked.stderr
    covered(this_platform(), "Rust", "crates, compiled")


def test_no_dependency_needs_a_newer_rust_than_the_crates_state() -> None:
    """Clippy checks headcount's own code (`incompatible_msrv`)."""

    def number(text: str) -> tuple[int, ...]:
        return tuple(map(int, (text + ".0.0").split(".")[:3]))

    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=120).stdout)["packages"]
    stated = WORKSPACE["package"]["rust-version"]
    newer = [f"{package['name']} {package['version']}: {package['rust_version']}" for package in packages if package["rust_version"] and number(package["rust_version"]) > number(stated)]
    assert not newer, f"rust-version is {stated}, but {newer}"
    assert re.fullmatch(r"\d+\.\d+", stated)
