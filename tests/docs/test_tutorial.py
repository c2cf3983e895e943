"""Plays the tutorial of examples/provisioning: its Python is one session, whose output is the block that follows. `…` stands for anything."""

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


def test_the_session_goes_as_the_tutorial_says(tmp_path):
    session = []
    for language, text in BLOCK.findall(TUTORIAL.read_text()):
        excerpt = EXCERPT.match(text) if language == "python" else None
        if excerpt:
            assert excerpt[2] in (PYTHON / excerpt[1]).read_text(), f"{excerpt[1]} does not say:\n{excerpt[2]}"
        elif language == "python":
            session.append([text, ""])
        else:
            assert language == "text" and session[-1][1] == "", f"nothing here knows how to try: {text}"
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
    said = ended.stdout.split(END)
    for (code, expected), output in zip(session, said):
        pattern = r"\S*".join(map(re.escape, expected.split("…")))
        assert re.fullmatch(pattern, output), f"{code}\nsaid:\n{output}\nand not:\n{expected}"
    assert ended.returncode == 0 and len(said) == len(session) + 1


def test_its_programs_run_by_themselves(tmp_path):
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
                said = program.communicate(timeout=60)[0]
            assert program.returncode == 0
            return said

        assert "done, 5 new" in run("cron.py")
        run("provision.py", "--once")
        accounts = sqlite3.connect(tmp_path / "accounts.db")
        assert accounts.execute("SELECT count(*), sum(active) FROM accounts").fetchone() == (5, 5)
        # All three at once, as they are meant to run: hires and a leaver arrive by webhook.
        with start("endpoint.py") as endpoint, start("provision.py") as provisioner:
            try:
                sandbox.register_endpoint(endpoint.stdout.readline().split()[-1])
                nobody, ada = sandbox.create_user("nobody@example.com"), sandbox.create_user("ada@example.com")
                sandbox.delete_user(nobody.id)
                asked = "SELECT active FROM accounts WHERE directory_user_id = ?"
                while (accounts.execute(asked, (ada.id,)).fetchone(), accounts.execute(asked, (nobody.id,)).fetchone()) != ((1,), (0,)):
                    time.sleep(0.02)
            finally:
                provisioner.send_signal(signal.SIGINT)
                endpoint.terminate()
            assert provisioner.wait(timeout=60) == 0
        accounts.close()
