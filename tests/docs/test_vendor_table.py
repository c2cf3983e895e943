"""docs/vendor-sdk.md: each row of its tables names a test that exists, and each test of those files is in a row."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def rows(section):
    text = (ROOT / "docs/vendor-sdk.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert all(len(cells) == 3 for cells in lines), [cells for cells in lines if len(cells) != 3]
    return [cells[2].strip() for cells in lines[1:]]


def test_every_row_for_node_names_its_test():
    source = (ROOT / "bindings-node/test/vendor-sdk.test.mjs").read_text()
    tests = [found[2] for found in re.finditer(r"^test\((['\"])(.*)\1, ", source, re.M)]
    assert tests and rows("Node") == tests


def test_every_row_for_python_names_its_test():
    source = (ROOT / "bindings-python/tests/test_vendor_sdk.py").read_text()
    tests = re.findall(r"^def (test_\w+)\(", source, re.M)
    assert tests and rows("Python") == tests


def test_the_readmes_link_to_the_table_and_promise_no_more_than_it():
    for name in ("README.md", "bindings-node/README.md", "bindings-python/README.md"):
        text = (ROOT / name).read_text()
        assert "vendor-sdk.md" in text, name
        assert "after changing its import line" not in text, name
