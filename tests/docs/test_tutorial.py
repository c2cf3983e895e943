"""Runs the tutorial of examples/provisioning: its Python blocks are one session, and a text block is the output of the block before it.

`…` in an output matches any text without white space.
"""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import headcount

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "examples" / "provisioning" / "README.md"
PYTHON = TUTORIAL.parent / "python"
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.M | re.S)
EXCERPT = re.compile(r"# (\w+\.py)\n(.*)", re.S)
END = "\x1e"


def test_the_session_prints_the_outputs_of_the_tutorial(tmp_path):
    session = []
    for language, text in BLOCK.findall(TUTORIAL.read_text()):
        excerpt = EXCERPT.match(text) if language == "python" else None
        if excerpt:
            assert excerpt[2] in (PYTHON / excerpt[1]).read_text(), f"{excerpt[1]} does not contain:\n{excerpt[2]}"
        elif language == "python":
            session.append([text, ""])
        else:
            assert language == "text" and session[-1][1] == "", f"a text block without a Python block before it: {text}"
            session[-1][1] = text
    program = tmp_path / "session.py"
    program.write_text("".join(f"{code}\nprint(end={END!r})\n" for code, _ in session))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCALEKIT_")}
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(program)],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(PYTHON), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    outputs = ended.stdout.split(END)
    for (code, expected), output in zip(session, outputs):
        pattern = r"\S*".join(map(re.escape, expected.split("…")))
        assert re.fullmatch(pattern, output), f"{code}\nprinted:\n{output}\nexpected:\n{expected}"
    assert ended.returncode == 0 and len(outputs) == len(session) + 1


def test_the_programs_run_separately(tmp_path):
    with headcount.Sandbox(users=5, groups=2, seed=2) as sandbox:
        env = {
            **os.environ,
            "SCALEKIT_ENVIRONMENT_URL": sandbox.environment_url,
            "SCALEKIT_CLIENT_ID": sandbox.client_id,
            "SCALEKIT_CLIENT_SECRET": sandbox.client_secret,
            "SCALEKIT_WEBHOOK_SECRET": sandbox.webhook_secret,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PORT": "0",
        }

        def start(name, *arguments):
            command = [sys.executable, "-W", "error", str(PYTHON / name), *arguments]
            return subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True)

        def run(name, *arguments):
            with start(name, *arguments) as program:
                output = program.communicate(timeout=60)[0]
            assert program.returncode == 0
            return output

        planned = run("cron.py", "--plan")
        assert "done, 5 new" in planned and planned.endswith("planned only: nothing was changed\n")
        assert "done, 5 new" in run("cron.py")
        run("provision.py", "--once")
        accounts = sqlite3.connect(tmp_path / "accounts.db")
        assert accounts.execute("SELECT count(*), sum(active) FROM accounts").fetchone() == (5, 5)
        (user_id,) = accounts.execute("SELECT directory_user_id FROM accounts").fetchone()
        assert "State: mirrored, active" in run("cron.py", "--explain", user_id)
        assert "State: not known" in run("cron.py", "--explain", "diruser_0")
        # The endpoint and the provisioner at the same time: two new users and a removal arrive by webhook.
        with start("endpoint.py") as endpoint, start("provision.py") as provisioner:
            try:
                sandbox.register_endpoint(endpoint.stdout.readline().split()[-1])
                removed, ada = sandbox.create_user("removed@example.com"), sandbox.create_user("ada@example.com")
                sandbox.delete_user(removed.id)
                query = "SELECT active FROM accounts WHERE directory_user_id = ?"
                while (accounts.execute(query, (ada.id,)).fetchone(), accounts.execute(query, (removed.id,)).fetchone()) != ((1,), (0,)):
                    time.sleep(0.02)
            finally:
                provisioner.send_signal(signal.SIGINT)
                endpoint.terminate()
            assert provisioner.wait(timeout=60) == 0
        accounts.close()
