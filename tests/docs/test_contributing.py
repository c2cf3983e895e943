"""Checks the files for contributors: those in .github with their schemas and with zizmor, the hooks of .pre-commit-config.yaml, the container for editors, and the targets of the Makefile. `make .venv-docs/ready`
installs the tools. The workflow does not run here."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-docs/bin"
GITHUB = ROOT / ".github"
LIMIT = 120  # seconds


def run(tool, *arguments):
    assert (TOOLS / tool).exists(), f"{tool} is missing: run make .venv-docs/ready"
    done = subprocess.run([str(TOOLS / tool), *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "schema, pattern",
    [
        ("github-workflows", "workflows/*.yml"),
        ("dependabot", "dependabot.yml"),
        ("github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_the_files_of_the_forge_are_valid(schema, pattern):
    files = sorted(GITHUB.glob(pattern))
    assert files, pattern
    status, output = run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)
    assert status == 0, output


def test_the_workflows_have_no_known_weakness():
    status, output = run("zizmor", "--offline", "--no-progress", GITHUB)
    assert status == 0, output


def test_every_job_has_a_time_limit():
    status, output = run("check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout", *sorted(GITHUB.glob("workflows/*.yml")))
    assert status == 0, output


def test_the_hooks_and_the_container_run_files_that_exist():
    commands = re.findall(r"entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text())
    commands += json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())["onCreateCommand"].split(" && ")
    scripts = [script for command in commands for script in re.findall(r"scripts/\S+", command)]
    assert len(scripts) > 3
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def make(*arguments):
    done = subprocess.run(["make", "--no-print-directory", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    return done.stdout


def targets():
    """Returns the phony targets of the Makefile, as make sees them."""
    (phony,) = re.findall(r"^\.PHONY: (.*)$", make("--print-data-base", "--dry-run", "help"), re.M)
    return set(phony.split())


def test_the_help_has_a_sentence_for_each_target_that_is_not_internal():
    listed = dict(re.findall(r"^  (\S+) +(\S.*)$", make("help"), re.M))
    internal = set(" ".join(re.findall(r"^([a-z -]+):[^#\n]*# internal$", (ROOT / "Makefile").read_text(), re.M)).split())
    assert {"demo-programs", "peers"} <= internal
    assert set(listed) == targets() - internal
    assert [name for name, sentence in listed.items() if len(sentence) < 10] == []


def test_the_documents_name_only_targets_that_exist():
    documents = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=LIMIT).stdout.split()
    named = {(name, target) for name in documents for target in re.findall(r"`make ([a-z][a-z-]*)", (ROOT / name).read_text())}
    # A row such as "`make test-rust`, `-model`" stands for test-rust and test-model.
    for row in re.findall(r"^\| `make test-.*?\|", (ROOT / "CONTRIBUTING.md").read_text(), re.M):
        named |= {("CONTRIBUTING.md", f"test{suffix}") for suffix in re.findall(r"`(-[a-z-]+)`", row)}
    assert ("CONTRIBUTING.md", "test-field-rust") in named
    existing = targets()
    assert sorted((name, target) for name, target in named if target not in existing) == []


def test_the_first_contribution_names_files_and_items_that_exist():
    section = (ROOT / "CONTRIBUTING.md").read_text().split("## A first contribution: add a field\n")[1].split("\n## ")[0]
    paths = re.findall(r"`((?:\w[\w-]*/)+[\w.-]*)`", section)
    assert len(set(paths)) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    sources = {"event.rs": "core/src/mirror/decide/event.rs", "history.rs": "core/src/record/history.rs", "fields.rs": "core/src/record/fields.rs"}
    text = {name: (ROOT / path).read_text() for name, path in sources.items()}
    assert all(f"fn {name}(" in text["history.rs"] for name in ("set_user", "fields", "undo_user", "set_differences", "undo")) and "fn pick(" in text["history.rs"]
    assert "struct UserData" in text["event.rs"] and "fn stored_body(" in text["event.rs"]
    assert "= 128\n" in text["fields.rs"] and "256" not in text["fields.rs"]
    assert "fn an_event_changes_only_the_attributes_that_it_has(" in "".join(path.read_text() for path in (ROOT / "core/tests/listings").glob("*.rs"))
