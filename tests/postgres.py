"""Starts a PostgreSQL server for tests: in a temporary folder, with a socket in that folder and no port. It needs Debian's package `postgresql`.

    python3 tests/postgres.py

As a program, it prints the URL of a database and runs until the end of its standard input. If HEADCOUNT_TEST_POSTGRES is set, it prints that URL
and starts no server. Each test opens its mirror in a schema of its own: see `schema`.
"""

import atexit
import contextlib
import functools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT = 90  # seconds until the server accepts connections
# No test needs its data after a crash of the machine.
SETTINGS = ["fsync=off", "listen_addresses=", "max_connections=200"]
# The shell script starts the server, and stops it at the end of its standard input, which is a pipe from this program: the system closes it when this
# program ends, even if it is killed.
SUPERVISOR = r"""
binaries=$0 folder=$1
shift
"$binaries/initdb" --pgdata="$folder/data" --auth=trust --username=headcount --encoding=UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 || exit 1
"$binaries/postgres" -D "$folder/data" -k "$folder" "$@" </dev/null >"$folder/server.log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"""


def binaries():
    """Returns the folder with the programs of the latest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    if not found:
        raise SystemExit("PostgreSQL is not installed: install Debian's package `postgresql`, or set HEADCOUNT_TEST_POSTGRES")
    return found[-1].parent


def unprivileged():
    """Returns the user that the server runs as, because it refuses to run as root; or None if this program does not run as root."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


@functools.lru_cache(maxsize=None)
def url():
    """Returns the URL of a database: HEADCOUNT_TEST_POSTGRES, or that of a server that the first call starts and that ends with this program."""
    given = os.environ.get("HEADCOUNT_TEST_POSTGRES")
    if given:
        return given
    folder = Path(tempfile.mkdtemp(prefix="headcount-postgres-"))
    user = unprivileged()
    identity = {}
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    arguments = [argument for setting in SETTINGS for argument in ("-c", setting)]
    supervisor = subprocess.Popen(
        ["sh", "-c", SUPERVISOR, binaries(), folder, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        # Ctrl-C in a terminal would otherwise end the supervisor before it has stopped the server.
        start_new_session=True, **identity,
    )
    atexit.register(stop, supervisor, folder, os.getpid())
    ready = [binaries() / "pg_isready", "--quiet", "--host", folder, "--username", "headcount"]
    deadline = time.monotonic() + LIMIT
    while subprocess.run(ready, check=False).returncode != 0:
        if supervisor.poll() is not None or time.monotonic() > deadline:
            logs = [file.read_text() for file in (folder / "initdb.log", folder / "server.log") if file.exists()]
            raise SystemExit("\n".join(["PostgreSQL did not start:", *logs]))
        time.sleep(0.05)
    return f"postgresql:///postgres?user=headcount&host={folder}"


def stop(supervisor, folder, process):
    if os.getpid() != process:
        return  # This is a forked child.
    supervisor.stdin.close()
    supervisor.wait()
    shutil.rmtree(folder, ignore_errors=True)


def schema(name):
    """Returns the name of a schema, of at most 63 characters, that no other test has while this program runs. The schema is not dropped: it stays on
    the server of HEADCOUNT_TEST_POSTGRES."""
    letters = re.sub("[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"test_{os.getpid()}_{time.monotonic_ns()}_{letters}"[:63]


if __name__ == "__main__":
    print(url(), flush=True)
    sys.stdin.read()
