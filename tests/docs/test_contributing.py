"""Checks the files for contributors: those in .github with their schemas and with zizmor, the hooks of .pre-commit-config.yaml, and the container for editors. `make .venv-docs/ready`
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
