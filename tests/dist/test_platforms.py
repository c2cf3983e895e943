"""The tables of docs/platforms.md: what the other tests of this folder have installed and run, and for which platforms packages are built. It runs last.

`HEADCOUNT_BLESS=1 make test-dist` writes the tables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import COVERED, IF_PRESENT, ROOT
from release import PLATFORMS

DOCUMENT = ROOT / "docs" / "platforms.md"


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in [headings, tuple("---" for _ in headings), *rows])


def replaced(text: str, name: str, content: str) -> str:
    """Returns the text of the document with this content between the comments `<!-- name -->` and `<!-- end -->`."""
    new, count = re.subn(rf"(<!-- {name} -->\n)(.*?)(<!-- end -->)", lambda match: f"{match[1]}\n{content}\n{match[3]}", text, flags=re.DOTALL)
    assert count == 1, f"{DOCUMENT} has no place for the table {name}"
    return new


def test_the_table_of_platforms_is_that_of_packaging() -> None:
    names = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
    rows = [
        (
            f"{names[platform.os]} on {platform.cpu}{f', {platform.libc}' if platform.libc else ''}",
            platform.target,
            platform.wheel,
            f"`@headcount/{platform.npm}`",
            "yes" if platform.tested else "no",
        )
        for platform in PLATFORMS
    ]
    check("built", table(("platform", "target of Rust", "tag of the wheel", "npm package", "tested here"), rows))


def check(name: str, content: str) -> None:
    text = DOCUMENT.read_text()
    new = replaced(text, name, content)
    if os.environ.get("HEADCOUNT_BLESS"):
        DOCUMENT.write_text(new)
    else:
        assert text == new, f"the table {name} of {DOCUMENT} is not up to date: HEADCOUNT_BLESS=1 make test-dist"


def documented() -> set[tuple[str, ...]]:
    found = re.search(r"<!-- tested -->\n(.*?)<!-- end -->", DOCUMENT.read_text(), re.DOTALL)
    assert found
    lines = [line.strip("| ").split(" | ") for line in found[1].strip().splitlines()[2:]]
    return {tuple(cell.strip() for cell in line) for line in lines}


def test_what_was_tested_is_what_the_document_says(request: pytest.FixtureRequest) -> None:
    covered = request.config.stash[COVERED]
    ran = {Path(item.location[0]).name for item in request.session.items}
    whole = ran >= {path.name for path in Path(__file__).parent.glob("test_*.py")} and not request.config.option.keyword and request.session.testsfailed == 0
    if os.environ.get("HEADCOUNT_BLESS"):
        assert whole, "the table is written after a run of the whole suite without failures"
        check("tested", table(("platform", "language", "what"), sorted(covered)))
    missing = covered - documented()
    assert not missing, f"{DOCUMENT} does not have {sorted(missing)}: HEADCOUNT_BLESS=1 make test-dist"
    if whole:
        untested = {row for row in documented() - covered if not row[2].endswith(IF_PRESENT)}
        assert not untested, f"{DOCUMENT} has rows that no test covered: {sorted(untested)}"
