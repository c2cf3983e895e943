"""The Rust packages that are linked into what is built: read from cargo, for the bills of materials and the licences."""

from __future__ import annotations

import functools
import json
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from release import ROOT, Platform


@dataclass(frozen=True, order=True)
class Crate:
    """A package of Rust that is linked into a binary."""

    name: str
    version: str
    #: The SPDX expression of its licence.
    licence: str
    folder: Path
    #: The SHA-256 of its archive on crates.io; `None` for the packages of this repository.
    checksum: str | None
    #: The packages on which it depends, by name and version.
    needs: tuple[tuple[str, str], ...]


@functools.cache
def _metadata(platform: Platform) -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", platform.target]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


@functools.cache
def _checksums() -> dict[tuple[str, str], str]:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    return {(package["name"], package["version"]): package["checksum"] for package in lock["package"] if "checksum" in package}


def linked(root: str, platform: Platform) -> list[Crate]:
    """Returns the package `root` of this repository and every package that is linked into it, in order of name and version.

    Packages that only run while it is compiled (build scripts and their dependencies, procedural macros) are not in the list."""
    metadata = _metadata(platform)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

    def is_macro(identifier: str) -> bool:
        return any("proc-macro" in target["kind"] for target in packages[identifier]["targets"])

    def normal(identifier: str) -> list[str]:
        needed = [dep["pkg"] for dep in nodes[identifier]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
        return [dep for dep in needed if not is_macro(dep)]

    start = next(package["id"] for package in metadata["packages"] if package["name"] == root and package["id"] in metadata["workspace_members"])
    found, open_ = set(), [start]
    while open_:
        identifier = open_.pop()
        if identifier not in found:
            found.add(identifier)
            open_.extend(normal(identifier))
    return sorted(_crate(packages[identifier], [packages[dep] for dep in normal(identifier)]) for identifier in found)


def _crate(package: dict, needs: list[dict]) -> Crate:
    key = (package["name"], package["version"])
    return Crate(
        *key,
        # Older packages write "/" for OR.
        licence=" OR ".join(part.strip() for part in package["license"].split("/")),
        folder=Path(package["manifest_path"]).parent,
        checksum=_checksums().get(key),
        needs=tuple(sorted((need["name"], need["version"]) for need in needs)),
    )
