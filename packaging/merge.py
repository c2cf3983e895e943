"""Sorts the packages that several machines built by where they are published: `python3 packaging/merge.py DOWNLOADED OUT`.

DOWNLOADED has a folder `dist-PLATFORM` for each machine. OUT gets `pypi`, `npm`, `release` (the files of the release on GitHub, with checksums) and `notes.md`,
the entries of the changelog for this version. What does not depend on the platform, such as the main npm package, is taken from linux-x64, where it was tested."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from release import write_checksums
from version import changelog_sections, version

TESTED = "dist-linux-x64"


def merge(downloaded: Path, out: Path) -> None:
    """Copies the packages into their folders."""
    machines = sorted((path for path in downloaded.iterdir() if path.is_dir()), key=lambda path: (path.name != TESTED, path.name))
    if not machines or machines[0].name != TESTED:
        sys.exit(f"{downloaded} has no folder {TESTED}")
    files: dict[str, Path] = {}
    for machine in machines:
        for path in sorted(machine.iterdir()):
            if path.name != "SHA256SUMS":
                files.setdefault(path.name, path)
    for folder in ("pypi", "npm", "release"):
        (out / folder).mkdir(parents=True)
    sdist = f"headcount-{version()}.tar.gz"
    for name, path in files.items():
        if name.endswith(".whl") or name == sdist:
            shutil.copy(path, out / "pypi")
        elif name.endswith(".tgz"):
            shutil.copy(path, out / "npm")
        shutil.copy(path, out / "release")
    write_checksums(out / "release")
    notes = [text for heading, text in changelog_sections().items() if heading.startswith(f"{version()} ")]
    (out / "notes.md").write_text("".join(notes) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    merge(Path(sys.argv[1]), Path(sys.argv[2]))
