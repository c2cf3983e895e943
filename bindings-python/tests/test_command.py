"""The command ``headcount`` as the wheel installs it. Its own behaviour is tested in ``cli/tests``."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import headcount

LIMIT = 120  # seconds


def command(sandbox, folder, *arguments, program=(sys.executable, "-m", "headcount"), **settings):
    """Starts the command in a folder, with the sandbox's settings in its environment."""
    environment = {**os.environ, **sandbox.env, "HEADCOUNT_STORE": str(folder / "headcount.db")}
    return subprocess.Popen(
        [*program, *arguments], cwd=folder, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings
    )


def run(*arguments, **settings):
    """Runs the command to its end. Returns its exit code, and what it wrote to stdout and stderr."""
    with command(*arguments, **settings) as process:
        output, errors = process.communicate(timeout=LIMIT)
        return process.returncode, output, errors


def test_the_module_and_the_installed_script_run_the_command(sandbox, tmp_path):
    directory = sandbox(users=3)
    code, output, errors = run(directory, tmp_path, "sync", "--json")
    assert (code, json.loads(output)["created"]) == (0, 3), errors
    script = Path(sys.executable).with_name("headcount")
    code, output, errors = run(directory, tmp_path, "users", "--json", program=(script,))
    assert code == 0 and len(output.splitlines()) == 3, errors
    assert run(directory, tmp_path, "version")[:2] == (0, f"headcount {headcount.__version__}\n")


def test_the_exit_code_is_that_of_the_command(sandbox, tmp_path):
    code, output, errors = run(sandbox(users=1), tmp_path, "usres")
    assert (code, output) == (2, "") and "users" in errors


def test_log_lines_are_written_to_stderr(sandbox, tmp_path):
    code, _, errors = run(sandbox(users=3), tmp_path, "sync", "-vv")
    assert code == 0 and "DEBUG" in errors


def test_ctrl_c_ends_the_command_without_a_traceback(sandbox, tmp_path):
    with command(sandbox(users=3), tmp_path, "sync", "--watch", "1h", "--json") as process:
        assert json.loads(process.stdout.readline())["created"] == 3
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 130 and "Traceback" not in errors and "interrupted" in errors
