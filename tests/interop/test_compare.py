"""Whether the programs of benches/compare still run: each syncs and gets webhooks. `make compare` runs them through all faults, and in Node as well."""

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


OWN = [contender for contender in contenders.PYTHON if contender.file in ("with_headcount.py", "by_hand.py", "short.py")]


@pytest.mark.parametrize("contender", OWN, ids=lambda contender: contender.file)
def test_a_program_applies_a_repeated_webhook_once_unless_it_is_the_shortest(contender, front):
    result = faults.run(contender, "a webhook is delivered twice, also later", front)
    expected = "**no**: an older event replaced a newer one" if contender.file == "short.py" else "yes"
    assert result == expected


# The other packages take up to a second to import, so each of their programs is started three times only.
@pytest.mark.parametrize("contender", [one for one in contenders.PYTHON if one not in OWN], ids=lambda contender: contender.file)
def test_a_program_with_another_package_syncs_and_applies_a_webhook(contender, front, tmp_path):
    trial = faults.Trial(contender, tmp_path, front)
    try:
        assert trial.sync() == 0, trial.errors
        trial.deliver(trial.remove(trial.some_user()))
        assert trial.access() == trial.truth()
    finally:
        trial.close()


def test_only_lines_with_code_are_counted(tmp_path):
    python = tmp_path / "counted.py"
    python.write_text('"""A docstring."""\n\nimport os  # a remark\n\n# a comment\ndef f():\n    """Another."""\n    return """two\n# lines"""\n')
    assert contenders.count(python) == 4
    node = tmp_path / "counted.mjs"
    node.write_text("// a comment\n\n/** Another.\n * One more. */\nconst a = 1 // a remark\n")
    assert contenders.count(node) == 1
