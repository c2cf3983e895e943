"""What belongs to a release besides the packages: checksums, bills of materials, the version, and the sorting of what several machines built."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import merge
import pytest
import release
from conftest import ROOT


def test_the_checksums_are_those_of_the_files(dist: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=dist, check=True, timeout=60)
    listed = {line.split("  ")[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert listed == {path.name for path in dist.iterdir()} - {"SHA256SUMS"}


def test_each_binary_has_a_bill_of_materials_with_checksums_of_its_crates(dist: Path) -> None:
    bills = sorted(dist.glob("*.cdx.json"))
    assert [path.name.split("-")[1] for path in bills] == ["c", "command", "node", "python"]
    for path in bills:
        bill = json.loads(path.read_text())
        own = [component["name"] for component in bill["components"] if "hashes" not in component]
        assert own and all(name.startswith("headcount") for name in own), own
        assert len(bill["components"]) > 100
        assert {dependency["ref"] for dependency in bill["dependencies"]} >= {component["bom-ref"] for component in bill["components"]}


def test_every_file_has_the_version_of_the_workspace(dist: Path) -> None:
    subprocess.run([sys.executable, ROOT / "packaging" / "version.py"], check=True, timeout=60)
    for path in dist.iterdir():
        assert path.name == "SHA256SUMS" or release.version() in path.name, path.name


def test_packing_again_gives_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    """Of the packaging: the compiled files are the same ones. That a compilation elsewhere gives the same bytes is checked before a release, because it takes minutes."""
    command = [sys.executable, ROOT / "packaging" / "build.py", "--repack", "--out", tmp_path]
    subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL)
    different = [path.name for path in dist.iterdir() if (tmp_path / path.name).read_bytes() != path.read_bytes()]
    assert not different, f"{different} differ: either packing depends on something, or there is a commit since `make dist`, whose time the files have"


def test_the_packages_of_several_machines_are_sorted_by_where_they_are_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = release.version()
    machines = {
        "dist-linux-x64": ["headcount-%s.tgz", "headcount-linux-x64-gnu-%s.tgz", "headcount-%s.tar.gz", "headcount-%s-x86_64-unknown-linux-gnu.tar.gz", "headcount-%s-a.whl"],
        "dist-darwin-arm64": ["headcount-%s.tgz", "headcount-darwin-arm64-%s.tgz", "headcount-%s.tar.gz", "headcount-%s-b.whl"],
    }
    for machine, names in machines.items():
        folder = tmp_path / "downloaded" / machine
        folder.mkdir(parents=True)
        for name in names:
            (folder / (name % version)).write_text(machine)
        (folder / "SHA256SUMS").write_text("")
    monkeypatch.setattr(merge, "changelog_sections", lambda: {f"{version} (2026-01-31)": "- What is new.", "0.0.1 (2025-01-31)": "- What was new."})

    merge.merge(tmp_path / "downloaded", tmp_path / "out")

    out = tmp_path / "out"
    assert sorted(path.name for path in (out / "pypi").iterdir()) == [f"headcount-{version}-a.whl", f"headcount-{version}-b.whl", f"headcount-{version}.tar.gz"]
    assert sorted(path.name for path in (out / "npm").iterdir()) == [f"headcount-{version}.tgz", f"headcount-darwin-arm64-{version}.tgz", f"headcount-linux-x64-gnu-{version}.tgz"]
    # What every machine made is taken from the one whose packages were tested.
    assert (out / "npm" / f"headcount-{version}.tgz").read_text() == "dist-linux-x64"
    sums = dict(reversed(line.split("  ")) for line in (out / "release" / "SHA256SUMS").read_text().splitlines())
    assert len(sums) == 7
    assert sums[f"headcount-{version}-b.whl"] == hashlib.sha256(b"dist-darwin-arm64").hexdigest()
    assert (out / "notes.md").read_text().strip() == "- What is new."
