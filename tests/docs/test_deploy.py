"""Checks the files in examples/deploy: the unit with systemd-analyze, the settings with the command, the compose file with the schema of such files; and
the Dockerfiles of all examples with hadolint. `make .venv-docs/ready` installs the linters. The images are not built."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples/deploy"
PROGRAM = ROOT / "target/debug/headcount"
LINTERS = ROOT / ".venv-docs/bin"
LIMIT = 120  # seconds


def run(*command):
    ended = subprocess.run(command, env={**os.environ, "SYSTEMD_COLORS": "0"}, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_the_settings_are_valid():
    settings = (FOLDER / "headcount.toml").read_text()
    shown = run(str(PROGRAM), "serve", "--config", str(FOLDER / "headcount.toml"), "--print-config")
    assert all(line in shown for line in settings.splitlines() if not line.startswith("#"))


def test_the_unit_is_valid_and_hardened(tmp_path):
    unit = tmp_path / "headcount.service"
    # `verify` looks for the program.
    unit.write_text((FOLDER / "headcount.service").read_text().replace("/usr/bin/headcount", str(PROGRAM)))
    assert run("systemd-analyze", "verify", "--man=no", str(unit)) == ""
    # From 0 to 10: a unit without any restriction has 9.6.
    exposure = re.search(r"exposure level for headcount.service: ([0-9.]+)", run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)))
    assert float(exposure[1]) <= 1.5


def lint(tool, *arguments):
    assert (LINTERS / tool).exists(), f"{tool} is missing: run make .venv-docs/ready"
    return run(str(LINTERS / tool), *arguments)


@pytest.mark.parametrize("example", ["deploy", "fleet"])
def test_the_dockerfile_is_valid(example):
    assert lint("hadolint", "--no-color", str(ROOT / "examples" / example / "Dockerfile")) == ""


def test_the_compose_file_is_valid():
    assert lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FOLDER / "compose.yaml")) == "ok -- validation done\n"


def test_the_files_of_the_image_and_the_compose_file_exist():
    compose = (FOLDER / "compose.yaml").read_text()
    mounted = re.findall(r"\./([^:\"]+):/", compose)
    assert mounted == ["headcount.toml"] and (FOLDER / mounted[0]).is_file()
    (dockerfile,) = re.findall(r"dockerfile: (\S+)", compose)
    assert (ROOT / dockerfile.rstrip(" }")).is_file()
    # The token that compose.yaml names is not sent to the builder.
    assert re.search(r"token: \{ file: \./token \}", compose)
    assert "/examples/deploy/token" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_linters_find_mistakes(tmp_path):
    mistaken = tmp_path / "compose.yaml"
    mistaken.write_text((FOLDER / "compose.yaml").read_text().replace("healthcheck:", "healthchek:"))
    with pytest.raises(AssertionError, match="healthchek"):
        lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(mistaken))
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM debian\nRUN cd /tmp && sudo true\n")
    with pytest.raises(AssertionError, match="DL3004"):
        lint("hadolint", "--no-color", str(dockerfile))
