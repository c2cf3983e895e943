"""Checks the table of calls in docs/calls.md: for each language, a test against the sandbox makes each call of the table."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {
    "Rust": ["core/tests/sandbox.rs"],
    "C": ["tests/c/test_client.c"],
    "Python": ["bindings-python/tests/test_client.py", "bindings-python/tests/test_async.py", "bindings-python/tests/test_vendor_sdk.py"],
    "Node": ["bindings-node/test/client.test.mjs", "bindings-node/test/vendor-sdk.test.mjs"],
}
# A row for each operation of the contract (one for enabling and disabling a directory), a second one for each listing that has pages, and one each for
# the primary directory and for an update by external id.
ROWS = 18


def cells():
    section = (ROOT / "docs/calls.md").read_text().split("\n## ")[0]
    rows = [row.strip("|").split("|") for row in section.splitlines() if row.startswith("|")][2:]
    assert len(rows) == ROWS
    for name, *texts in rows:
        for language, text in zip(LANGUAGES, texts, strict=True):
            names = re.findall(r"`([^`]+)`", text)
            assert names, f"{name.strip()} has no name in {language}"
            # A name that begins with a dot has the prefix of the cell's first name: `directories().enable`, `.disable`.
            first = names[0].rsplit(".", 1)[0]
            for called in names:
                yield pytest.param(language, first + called if called.startswith(".") else called, id=f"{language}-{called}")


def pattern(language, name):
    """Returns a regular expression that finds the call in a source file of the language."""
    if language == "C":
        return rf"\bhc_{name}\("
    if language != "Rust":
        return re.escape(name) + r"\("
    # Calls of options may be between the parts, within the same statement.
    parts = [part.split("(")[0] for part in name.split(".")]
    return r"\b[^;]*?\.\s*".join(map(re.escape, parts)) + r"\("


@pytest.mark.parametrize("language, name", list(cells()))
def test_a_test_makes_the_call(language, name):
    tests = "\n".join((ROOT / file).read_text() for file in LANGUAGES[language])
    assert re.search(pattern(language, name), tests), f"{name} is in docs/calls.md, but no test calls it"
