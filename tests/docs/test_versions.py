"""The documents state the versions of frameworks that the tests use, and the required versions of Python and Node that `scripts/prerequisites.sh` checks."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Packages of the Python requirements that are not frameworks with a helper in headcount.
OTHERS = {"pytest", "celery", "gevent", "eventlet", "psycopg[binary]", "check-jsonschema"}


def table(document):
    """Returns two dictionaries, of the oldest and of the newest versions: the versions by the frameworks' names, in lower case."""
    section = (ROOT / document).read_text().split("| oldest version that is tested | newest version that is tested |\n")[1]
    rows = [row.strip("| ").split(" | ") for row in section.split("\n\n")[0].splitlines()[1:]]
    assert rows and all(len(cells) == 3 for cells in rows), rows
    return [
        {name.lower(): version for cells in rows for name, version in re.findall(r"(\w+) (\d+(?:\.\d+)+)", cells[column])} for column in (1, 2)
    ]


def requirements(generation):
    text = (ROOT / f"tests/field/python/requirements-{generation}.txt").read_text()
    return dict(line.split("==") for line in text.splitlines() if line and not line.startswith("#"))


def dependencies(folder):
    return json.loads((ROOT / folder / "package.json").read_text())["dependencies"]


def short(version, stated):
    """Returns a version with as many numbers as the stated one has."""
    return ".".join(version.split(".")[: stated.count(".") + 1])


@pytest.mark.parametrize("column, generation", [(0, "oldest"), (1, "newest")])
def test_the_table_for_python_states_the_versions_that_are_tested(column, generation):
    stated, tested = table("docs/python.md")[column], requirements(generation)
    assert stated == {name: short(version, stated.get(name, "")) for name, version in tested.items() if name not in OTHERS}


@pytest.mark.parametrize("column, folder", [(0, "tests/field/node"), (1, "examples/node")])
def test_the_table_for_node_states_the_versions_that_are_tested(column, folder):
    stated, tested = table("bindings-node/README.md")[column], dependencies(folder)
    assert set(stated) == {"express", "fastify", "koa"}
    assert stated == {name: short(tested[name], version) for name, version in stated.items()}


def test_the_documents_state_the_required_versions_that_are_checked():
    script = (ROOT / "scripts/prerequisites.sh").read_text()
    checked = {"Python": re.search(r'at_least (\S+) "\$python"', script)[1], "Node": re.search(r'at_least (\S+) "\$\{node', script)[1]}
    for document in ("README.md", "CONTRIBUTING.md"):
        assert dict(re.findall(r"(Python|Node) ≥ (\d+(?:\.\d+)+)", (ROOT / document).read_text())) == checked, document
    python = checked["Python"]
    assert f'requires-python = ">={python}"' in (ROOT / "bindings-python/pyproject.toml").read_text()
    assert f"abi3-py{python.replace('.', '')}" in (ROOT / "bindings-python/Cargo.toml").read_text()
    assert f"CPython {python} and later" in (ROOT / "docs/python.md").read_text()
