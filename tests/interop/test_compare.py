"""Whether the programs of benches/compare still run: each syncs, and gets webhooks twice. `make compare` runs them through all faults, and in Node as well."""

import sys
from pathlib import Path

import pytest

COMPARE = Path(__file__).resolve().parents[2] / "benches" / "compare"
sys.path.insert(0, str(COMPARE))

import contenders  # noqa: E402
import faults  # noqa: E402

assert sys.version_info >= (3, 11), "the programs of benches/compare need Python 3.11 or later: make test-interop PYTHON=python3.11"


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    front = faults.Front(tmp_path_factory.mktemp("certificate"))
    yield front
    front.close()


@pytest.mark.parametrize("contender", contenders.PYTHON, ids=lambda contender: contender.file)
def test_a_program_applies_a_repeated_webhook_once_unless_it_is_the_shortest(contender, front):
    result = faults.run(contender, "a webhook is delivered twice, also later", front)
    expected = "**no**: an older event replaced a newer one" if contender.file == "short.py" else "yes"
    assert result == expected


def test_only_lines_with_code_are_counted(tmp_path):
    python = tmp_path / "counted.py"
    python.write_text('"""A docstring."""\n\nimport os  # a remark\n\n# a comment\ndef f():\n    """Another."""\n    return """two\n# lines"""\n')
    assert contenders.count(python) == 4
    node = tmp_path / "counted.mjs"
    node.write_text("// a comment\n\n/** Another.\n * One more. */\nconst a = 1 // a remark\n")
    assert contenders.count(node) == 1
