"""Checks that every file has the same version and that the changelog is complete, or raises the version: `make version VERSION=0.2.0`.

The version is defined in Cargo.toml. Lock files and packages repeat it, because cargo, npm and PyPI read it there."""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

from release import ROOT, version

#: Files with the version, and for each the expression whose group is the version, and how often it occurs.
PLACES: list[tuple[str, str, int]] = [
    ("Cargo.toml", r'(?m)^version = "([^"]+)"', 1),
    ("Cargo.toml", r'(?m)^headcount[a-z-]* = \{ path = "[^"]+", version = "([^"]+)"', 3),
    ("ffi/Cargo.toml", r'package = "headcount", path = "\.\./core", version = "([^"]+)"', 1),
    ("bindings-node/package.json", r'(?m)^  "version": "([^"]+)"', 1),
    ("bindings-node/package-lock.json", r'"name": "headcount",\n\s+"version": "([^"]+)"', 2),
    ("docs/openapi.json", r'(?m)^    "version": "([^"]+)"', 1),
]
#: Lock files of npm projects in this repository that install the Node package from its folder.
NPM_LOCKS = ["examples/node/package-lock.json", "examples/provisioning/node/package-lock.json"]
NPM_LINK = r'("(?:\.\./)+bindings-node": \{\n\s+(?:"name": "headcount",\n\s+)?"version": )"([^"]+)"'
CARGO_LOCKS = ["Cargo.lock", "fuzz/Cargo.lock", "tests/field/rust/Cargo.lock"]
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
CHANGELOG = ROOT / "CHANGELOG.md"


def differing() -> list[str]:
    """Returns a message for each file whose version is not that of Cargo.toml."""
    wanted, messages = version(), []
    for file, pattern, count in PLACES:
        found = re.findall(pattern, (ROOT / file).read_text())
        if found != [wanted] * count:
            messages.append(f"{file} has {', '.join(found) or 'no version'} where {wanted} is expected {count} times")
    for file in NPM_LOCKS:
        found = [match[1] for match in re.findall(NPM_LINK, (ROOT / file).read_text())]
        if set(found) != {wanted}:
            messages.append(f"{file} has {', '.join(found) or 'no version'} of headcount instead of {wanted}")
    for file in CARGO_LOCKS:
        # The packages without a source are those of this repository. Those that are not published may have another version.
        packages = re.findall(r'\[\[package\]\]\nname = "(headcount|headcount-sandbox|headcount-cli)"\nversion = "([^"]+)"\n(?!source)', (ROOT / file).read_text())
        messages += [f"{file} has {name} {found} instead of {wanted}" for name, found in packages if found != wanted]
    return messages


def changelog_sections() -> dict[str, str]:
    """Returns the text of each section of the changelog by its heading, in their order."""
    parts = re.split(r"(?m)^## (.+)$", CHANGELOG.read_text())
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def changelog_faults(released: str | None = None) -> list[str]:
    """Returns what is wrong with the changelog. With `released`, its first section must be that of this version, with a date."""
    headings = list(changelog_sections().items())
    faults = []
    for number, (heading, text) in enumerate(headings):
        if heading == "Unreleased":
            if number != 0:
                faults.append("CHANGELOG.md: Unreleased is not the first section")
        elif not re.fullmatch(rf"{SEMVER.pattern} \(\d{{4}}-\d\d-\d\d\)", heading):
            faults.append(f"CHANGELOG.md: the heading {heading!r} is neither Unreleased nor a version with a date, such as 0.2.0 (2026-01-31)")
        if heading != "Unreleased" and not text:
            faults.append(f"CHANGELOG.md: {heading} has no entries")
    if not headings:
        faults.append("CHANGELOG.md has no section")
    elif released is not None and not headings[0][0].startswith(f"{released} "):
        faults.append(f"CHANGELOG.md: the first section is {headings[0][0]}, but version {released} is released: run `make version VERSION={released}`")
    return faults


def substitute(file: str, pattern: str, new: str, group: int) -> None:
    """Replaces the group of every match."""
    path = ROOT / file
    text = path.read_text()
    path.write_text(re.sub(pattern, lambda match: match[0][: match.start(group) - match.start()] + new + match[0][match.end(group) - match.start() :], text))


def raise_to(new: str) -> None:
    """Writes the version into every file, and dates the entries of the changelog that are not released."""
    if not SEMVER.fullmatch(new):
        sys.exit(f"{new!r} is not a version such as 0.2.0: see https://semver.org")
    old = version()
    if [int(part) for part in new.split("-")[0].split(".")] < [int(part) for part in old.split("-")[0].split(".")]:
        sys.exit(f"{new} is lower than the present version {old}")
    sections = changelog_sections()
    if not sections.get("Unreleased"):
        sys.exit("CHANGELOG.md has no entries under Unreleased: write what changed for users first")
    if any(heading.startswith(f"{new} ") for heading in sections):
        sys.exit(f"CHANGELOG.md has a section for {new} already")
    for file, pattern, _ in PLACES:
        substitute(file, pattern, new, 1)
    for file in NPM_LOCKS:
        substitute(file, NPM_LINK, new, 2)
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    CHANGELOG.write_text(CHANGELOG.read_text().replace("## Unreleased\n", f"## Unreleased\n\n## {new} ({today})\n", 1))
    for file in CARGO_LOCKS:
        # cargo writes the versions of the repository's own packages into the lock file, and changes no other.
        subprocess.run(["cargo", "update", "--quiet", "--workspace", "--manifest-path", ROOT / file.replace(".lock", ".toml")], check=True)
    version.cache_clear()
    if messages := differing():
        sys.exit("\n".join(messages))
    # The platform packages of npm have the version of the main package.
    package = json.loads((ROOT / "bindings-node/package.json").read_text())
    assert package["version"] == new
    print(f"{old} -> {new}. Commit it, and push a tag v{new}: the release workflow builds and publishes the packages.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("new", nargs="?", metavar="VERSION", help="the new version; without it, the files are only checked")
    parser.add_argument("--release", action="store_true", help="also fails unless the changelog has a section for the present version")
    given = parser.parse_args()
    if given.new:
        raise_to(given.new)
    elif messages := differing() + changelog_faults(version() if given.release else None):
        sys.exit("\n".join(messages))


if __name__ == "__main__":
    main()
