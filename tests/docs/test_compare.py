"""Whether docs/compare.md has the programs, the lines and the faults of benches/compare. Its results come from `make compare`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches" / "compare"))

import contenders  # noqa: E402
import faults  # noqa: E402

PAGE = (ROOT / "docs" / "compare.md").read_text()


def rows(head):
    """Returns the cells of the rows of the table whose first heading this is."""
    (lines,) = re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines.splitlines()]


def test_the_table_of_faults_has_a_row_for_each_fault_and_a_result_of_each_program():
    assert [row[0] for row in rows("fault")] == list(faults.FAULTS)
    for row in rows("fault"):
        assert len(row) == 1 + len(contenders.PYTHON)
        assert all(re.match(r"yes\b|\*\*no\*\*: \w", cell) for cell in row[1:]), row


def test_the_lines_are_those_of_the_programs():
    node = {contender.name: str(contender.lines()) for contender in contenders.NODE}
    expected = [[contender.name, str(contender.lines()), node.get(contender.name, "–")] for contender in contenders.PYTHON]
    assert [row[:3] for row in rows("program")] == expected
