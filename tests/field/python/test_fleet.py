"""Runs the commands of examples/fleet/README.md: PostgreSQL, two receivers behind nginx, a syncer and two workers."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from conftest import eventually

import headcount

ROOT = Path(__file__).resolve().parents[3]
FLEET = ROOT / "examples" / "fleet"
sys.path.insert(0, str(ROOT / "tests"))

import postgres  # noqa: E402

BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (FLEET / "README.md").read_text(), re.M | re.S)
CONTAINERS, SERVER, ENVIRONMENT, PROGRAMS, COUNT = BLOCKS


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(server.getsockname()[1]) for server in sockets]
    for server in sockets:
        server.close()
    return ports


@pytest.fixture
def folder():
    """A copy of the example with free ports, in a folder that PostgreSQL's user may write to."""
    parent = Path(tempfile.mkdtemp(prefix="headcount-fleet-"))
    folder = parent / "fleet"
    shutil.copytree(FLEET, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    ports = dict(zip(["8001", "8002", "8080"], free_ports(3)))
    for file in folder.iterdir():
        file.write_text(re.sub("|".join(ports), lambda port: ports[port[0]], file.read_text()))
    folder.with_name("ports").write_text(" ".join(ports.values()))
    user = postgres.unprivileged()
    if user:
        for path in (parent, folder):
            os.chown(path, user.pw_uid, user.pw_gid)
    yield folder
    shutil.rmtree(parent)


def shell(script, folder, environment, **options):
    ports = dict(zip(["8001", "8002", "8080"], folder.with_name("ports").read_text().split()))
    script = re.sub("|".join(ports), lambda port: ports[port[0]], script)
    return subprocess.Popen(
        ["bash", "-euc", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL, start_new_session=True, text=True, **options
    )


@pytest.fixture
def database(folder):
    """Runs the README's commands that start PostgreSQL, as its user."""
    user = postgres.unprivileged()
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    started = shell(SERVER, folder, {"PATH": os.environ["PATH"], "HOME": str(folder)}, **identity)
    try:
        assert started.wait(50) == 0, (folder / "postgresql.log").read_text()
        yield f"postgresql:///postgres?user=app&host={folder}"
    finally:
        pid = int((folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)
        eventually(lambda: not (folder / "data" / "postmaster.pid").exists(), "the end of PostgreSQL")


@pytest.fixture
def fleet(folder, database):
    """Runs the README's commands that start the programs. Returns their process ids, in the order of the commands."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(folder),
        "SYNC_INTERVAL": "1",
    }
    log = (folder / "log").open("w")
    programs = shell(ENVIRONMENT + PROGRAMS + "jobs -p > jobs.new; mv jobs.new jobs; wait", folder, environment, stdout=log, stderr=log)
    try:
        eventually(lambda: (folder / "jobs").exists() or programs.poll() is not None, "the start of the programs")
        assert programs.poll() is None, (folder / "log").read_text()
        yield [int(line) for line in (folder / "jobs").read_text().split()]
    finally:
        os.killpg(programs.pid, signal.SIGTERM)
        try:
            programs.wait(20)
            wait_for_group(programs.pid)
        finally:
            log.close()
            print((folder / "log").read_text())


def wait_for_group(group):
    """Waits until all processes of the group have ended."""
    try:
        while True:
            os.killpg(group, 0)
            time.sleep(0.02)
    except ProcessLookupError:
        pass


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def test_accounts_follow_the_directory_although_a_receiver_is_killed_and_a_worker_stops(folder, database, fleet):
    _sandbox, receiver, _, _nginx, _syncer, worker, _ = fleet
    with psycopg.connect(database, autocommit=True) as connection:

        def active():
            try:
                found = connection.execute("SELECT directory_user_id FROM accounts WHERE active").fetchall()
            except psycopg.errors.UndefinedTable:
                return set()
            return {user_id for (user_id,) in found}

        eventually(active, "the first account")
        # While no receiver runs, the sandbox's webhooks fail, and it sends them again after minutes.
        eventually(lambda: all(map(is_open, folder.with_name("ports").read_text().split()[:2])), "both receivers")
        os.kill(receiver, signal.SIGKILL)
        os.kill(worker, signal.SIGTERM)
        eventually(lambda: len(active()) == 60, "the accounts of all users of the directory")
        with headcount.Mirror(database) as mirror:
            (organization,) = [organization for (organization,) in connection.execute("SELECT id FROM headcount.organization")]
            eventually(lambda: {user.id for user in mirror.users(organization)} == active(), "the same users in accounts and mirror")
            (consumer,) = mirror.consumers()
            assert consumer.name == "provisioner"
    program = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DATABASE_URL": database, "PYTHONDONTWRITEBYTECODE": "1"}
    # A user whose removal arrives before their creation gets no account.
    counted = shell(COUNT, folder, program, stdout=subprocess.PIPE)
    assert re.fullmatch(r"(6\d|70) accounts, 60 active\n", counted.communicate(timeout=30)[0])


def test_the_compose_file_is_valid():
    assert "docker compose up" in CONTAINERS
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FLEET / "compose.yaml")]
    checked = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=50)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_files_that_the_compose_file_uses_exist():
    compose = (FLEET / "compose.yaml").read_text()
    mounted = re.findall(r"- \./(\S+?):", compose)
    assert mounted and all((FLEET / name).is_file() for name in mounted)
    dockerfile = (FLEET / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+)", dockerfile, re.M)
    assert copied and all((ROOT / path).exists() for path in copied)
