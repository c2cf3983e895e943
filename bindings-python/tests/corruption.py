"""Several processes write to one mirror and one replay guard. In some of them, other threads meanwhile open and close the files, as another copy of
SQLite and a backup would.

    python corruption.py [--seconds 30]

Python's own SQLite is another copy of the library in the process. If headcount used SQLite's own locks, the mirror's file would
be corrupt after a few seconds, because closing any descriptor of a file releases the POSIX locks that the process has on it.
Prints one line of figures; the exit status is 1 if a file was damaged or an acknowledged event or id is missing.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import headcount

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# Longest wait for a lock of a file, and for the end of a process, in seconds.
LIMIT = 60


def event(event_id, organization):
    user = {"id": f"diruser_{event_id}", "organization_id": organization, "email": f"{event_id}@example.com", "groups": []}
    return json.dumps(
        {
            "spec_version": "1",
            "id": event_id,
            "type": "organization.directory.user_created",
            "occurred_at": "2026-01-01T00:00:00Z",
            "environment_id": "env_1",
            "organization_id": organization,
            "object": "DirectoryUser",
            "data": user,
        }
    ).encode()


def write(folder, name, seconds, foreign):
    """Receives events and commits message ids, and appends the number of each that was stored to a file that only this process writes. With
    `foreign`, other threads meanwhile open and close the files of the mirror and the guard.
    """
    stop = threading.Event()
    failures = []

    def repeat(work):
        try:
            while not stop.is_set():
                work()
                time.sleep(random.random() / 200)
        except BaseException as error:
            failures.append(f"{work.__name__}: {error!r}")
            raise

    def read_with_another_sqlite():
        for file, sql in [("mirror.db", "SELECT count(*) FROM event"), ("replay.db", "SELECT count(*) FROM message")]:
            connection = sqlite3.connect(folder / file, timeout=LIMIT)
            try:
                connection.execute(sql).fetchone()
            finally:
                connection.close()

    def back_up():
        for file in ["mirror.db", "replay.db"]:
            for suffix in ["", "-wal", "-shm"]:
                try:
                    (folder / (file + suffix)).read_bytes()
                except FileNotFoundError:
                    pass

    # Opened first, so that Python's copy of SQLite opens files that this process has locked.
    mirror = headcount.Mirror(folder / "mirror.db", webhook_secret=SECRET)
    guard = headcount.ReplayGuard.sqlite(folder / "replay.db")
    threads = [threading.Thread(target=repeat, args=(work,)) for work in ([read_with_another_sqlite, back_up] if foreign else [])]
    for thread in threads:
        thread.start()
    webhook = headcount.Webhook(SECRET)
    begun, number = time.monotonic(), 0
    with open(folder / f"acknowledged-{name}", "a") as acknowledged:
        while time.monotonic() < begun + seconds and not failures:
            number += 1
            body = event(f"evt_{name}_{number}", f"org_{number % 5}")
            mirror.receive(body, webhook.sign(body))
            guard.commit_id(f"msg_{name}_{number}")
            acknowledged.write(f"{name}_{number}\n")
            acknowledged.flush()
    stop.set()
    for thread in threads:
        thread.join()
    mirror.close()
    if failures:
        sys.exit("\n".join(failures))


def start_process(folder, name, seconds, foreign):
    command = [sys.executable, __file__, "--folder", str(folder), "--name", name, "--seconds", str(seconds)]
    return subprocess.Popen(command + (["--foreign"] if foreign else []), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(folder, seconds):
    """Runs the processes. Returns what is wrong afterwards, the number of acknowledged events, and the number of
    short-lived processes.
    """
    wrong = []
    long_lived = {name: start_process(folder, name, seconds, foreign) for name, foreign in [("a", True), ("b", False)]}
    # Short-lived processes: when one ends, its last connection may checkpoint the write-ahead log; a killed one leaves the log as it is.
    ends, count = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        count += 1
        brief = start_process(folder, f"brief{count}", 0.3, foreign=count % 2 == 0)
        if count % 3 == 0:
            time.sleep(random.uniform(0.3, 1.0))
            brief.send_signal(signal.SIGKILL)
            brief.communicate()
            continue
        output, _ = brief.communicate(timeout=LIMIT)
        if brief.returncode != 0:
            wrong.append(f"brief{count}: {output}")
    for name, process in long_lived.items():
        output, _ = process.communicate(timeout=seconds + LIMIT)
        if process.returncode != 0:
            wrong.append(f"{name}: status {process.returncode}: {output}")
    acknowledged = {line for file in folder.glob("acknowledged-*") for line in file.read_text().splitlines()}
    stored = {}
    for file, sql in [("mirror.db", "SELECT id FROM event"), ("replay.db", "SELECT id FROM message")]:
        connection = sqlite3.connect(folder / file)
        try:
            checked = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            if checked != ["ok"]:
                wrong.append(f"{file}: {checked[:3]}")
            stored[file] = {row[0].split("_", 1)[1] for row in connection.execute(sql)}
            if missing := acknowledged - stored[file]:
                wrong.append(f"{file} lacks {len(missing)} of {len(acknowledged)}, such as {min(missing)}")
        except sqlite3.DatabaseError as error:
            wrong.append(f"{file}: {error!r}")
        finally:
            connection.close()
    return wrong, len(acknowledged), count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--name")
    parser.add_argument("--foreign", action="store_true")
    given = parser.parse_args()
    if given.name:
        return write(given.folder, given.name, given.seconds, given.foreign)
    with tempfile.TemporaryDirectory(prefix="headcount-corruption-") as folder:
        wrong, events, processes = run(Path(folder), given.seconds)
    print(f"{given.seconds:g} s, {processes + 2} processes, {events} acknowledged events, {len(wrong)} faults")
    for line in wrong:
        print(line[:2000])
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
