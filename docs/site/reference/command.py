"""The command's help, from the snapshot that its tests compare with what the program prints."""

import re
from pathlib import Path

HEAD = """# The command

The help of `headcount` and of each of its commands, as the program prints it. [The guide](../docs/command.md) explains them.
"""


def write(root: Path, target: Path) -> None:
    text = (root / "cli/tests/snapshots/help.txt").read_text()
    sections = re.split(r"^\$ (headcount.*?) --help\n", text, flags=re.M)[1:]
    page = [HEAD]
    for name, help_ in zip(sections[::2], sections[1::2]):
        page.append(f"## {name}\n\n```text\n{help_.rstrip()}\n```\n")
    (target / "reference").mkdir(parents=True, exist_ok=True)
    (target / "reference/command.md").write_text("\n".join(page))
