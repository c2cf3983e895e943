"""The README's table of calls: every row is an operation, and every cell is called by a test of its language against the sandbox."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = {
    "Rust": ["core/tests/sandbox.rs"],
    "C": ["tests/c/test_client.c"],
    "Python": ["bindings-python/tests/test_client.py", "bindings-python/tests/test_async.py"],
    "Node": ["bindings-node/test/client.test.mjs"],
}
# The contract's operations on the directory API; a listing has two rows.
ROWS = 15


def cells():
    section = (ROOT / "README.md").read_text().split("\n## Every call\n")[1].split("\n## ")[0]
    rows = [row.strip("|").split("|") for row in section.splitlines() if row.startswith("|")][2:]
    assert len(rows) == ROWS
    for name, *texts in rows:
        for language, text in zip(LANGUAGES, texts, strict=True):
            names = re.findall(r"`([^`]+)`", text)
            assert names, f"{name.strip()} has no name in {language}"
            first = names[0].rsplit(".", 1)[0]
            for one in names:
                yield pytest.param(language, first + one if one.startswith(".") else one, id=f"{language}-{one}")


def pattern(language, name):
    """The call of it, in the language's spelling."""
    if language == "C":
        return rf"\bhc_{name}\("
    if language != "Rust":
        return re.escape(name) + r"\("
    # Options may stand between the parts, but no end of a statement.
    parts = [part.split("(")[0] for part in name.split(".")]
    return r"\b[^;]*?\.\s*".join(map(re.escape, parts)) + r"\("


@pytest.mark.parametrize("language, name", list(cells()))
def test_cell(language, name):
    tests = "\n".join((ROOT / file).read_text() for file in LANGUAGES[language])
    assert re.search(pattern(language, name), tests), f"{name} is in the README and in no test"
