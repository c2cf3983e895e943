#!/usr/bin/env python3
"""Runs the C programs, each with a sandbox of its own: directly, and with --valgrind also under valgrind.

    python3 tests/c/run.py [--valgrind | --asan]

The library, the sandbox and the programs must have been built (`make test-c` does it). Two programs run at a time; `quickstart` runs
as in `make demo`. With --asan, the programs that were built with AddressSanitizer run instead. A program's output is printed when it
ends, and the last line counts the programs that passed and failed.
"""

import json
import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import postgres  # noqa: E402

BUILD = ROOT / ("build/c-asan" if "--asan" in sys.argv else "build/c")
SANDBOX = os.environ.setdefault("HEADCOUNT_SANDBOX", str(ROOT / "target" / "debug" / "headcount-sandbox"))
# Number of programs that run at the same time. With valgrind or AddressSanitizer, each keeps one processor busy; otherwise most of them wait for
# their sandboxes.
JOBS = 2
VALGRIND = [
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    "--errors-for-leak-kinds=definite,indirect",
    f"--suppressions={ROOT / 'tests' / 'c' / 'valgrind.supp'}",
]
FAULTS = {"faults": ["429:0", "500", "503", "reset", "truncate"], "every": 7}
# Each program with the numbers of organizations, users and groups of its sandbox, and its mode: "tls" for HTTPS, "faulty" for FAULTS, or "".
PROGRAMS = {
    "test_null": ((1, 20, 5), ""),
    "test_arguments": ((1, 20, 5), ""),
    "test_arguments_webhook": ((1, 20, 5), ""),
    "test_arguments_mirror": ((1, 20, 5), ""),
    "test_vectors": ((1, 20, 5), ""),
    "test_sandbox": ((1, 1, 1), ""),
    "test_mirror": ((1, 1, 1), ""),
    "test_feed": ((1, 1, 1), ""),
    "test_operations": ((1, 1, 1), ""),
    "test_scenarios": ((1, 1, 1), ""),
    "test_cpp": ((1, 1, 1), ""),
    "test_two_sqlites": ((1, 1, 1), ""),
    "test_fork": ((1, 1, 1), ""),
    "test_fork in PostgreSQL": ((1, 1, 1), ""),
    "test_client": ((15, 75, 5), ""),
    "test_callback": ((15, 75, 5), ""),
    "test_matrix": ((1, 75, 5), ""),
    "test_tls": ((1, 20, 5), "tls"),
    "test_faults": ((1, 10_000, 5), "faulty"),
}
# Programs that only run directly. Under valgrind, one thread runs at a time, so that a fork would rarely happen while another thread is inside a
# call. With AddressSanitizer, a child that is forked while another thread allocates waits for ever, because GCC's runtime leaves a lock of its
# allocator locked in the child.
PLAIN = ["test_fork", "test_fork in PostgreSQL"]
# Programs that get the URL of a PostgreSQL database. Under valgrind and with AddressSanitizer they get none, to save time.
IN_POSTGRES = ["test_operations", "test_scenarios", "test_fork in PostgreSQL"]


def run(program, prefix):
    """Runs a program with a sandbox; returns its exit status and output."""
    (organizations, users, groups), mode = PROGRAMS[program]
    sizes = ["--organizations", str(organizations), "--users", str(users), "--groups", str(groups)]
    if mode == "tls":
        sizes += ["--tls", str(BUILD / f"ca-{'valgrind' if prefix else 'plain'}.pem")]
    sandbox = subprocess.Popen(
        [SANDBOX, "--exit-with-stdin", *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        settings = json.loads(sandbox.stdout.readline())
        if mode == "faulty":
            url = settings["control_url"] + "/fault"
            request = urllib.request.Request(url, json.dumps(FAULTS).encode(), {"content-type": "application/json"}, method="PUT")
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
        names = {"environment_url": "SCALEKIT_ENVIRONMENT_URL", "client_id": "SCALEKIT_CLIENT_ID",
                 "client_secret": "SCALEKIT_CLIENT_SECRET", "webhook_secret": "SCALEKIT_WEBHOOK_SECRET",
                 "organization_id": "SANDBOX_ORGANIZATION_ID", "directory_id": "SANDBOX_DIRECTORY_ID", "ca_file": "SANDBOX_CA_FILE"}
        environment = dict(os.environ, **{names[key]: value for key, value in settings.items() if key in names})
        environment.update(SANDBOX_ORGANIZATIONS=str(organizations), SANDBOX_USERS=str(users), SANDBOX_GROUPS=str(groups))
        if program in IN_POSTGRES and not prefix and "--asan" not in sys.argv:
            environment.update(MIRROR_URL=postgres.url(), MIRROR_SCHEMA=postgres.schema(program))
        return run_command([*prefix, BUILD / program.split()[0]], environment)
    finally:
        sandbox.stdin.close()
        sandbox.wait()


def demo(prefix):
    """Runs the quickstart as `make demo` does; returns its exit status and output."""
    return run_command([sys.executable, ROOT / "scripts" / "demo.py", "C", *prefix, BUILD / "quickstart"], os.environ)


def run_command(command, environment):
    """Runs a command; returns its exit status, and its standard output and error as one text."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    return done.returncode, done.stdout


def main():
    prefixes = [[]] + ([VALGRIND] if "--valgrind" in sys.argv else [])
    passed = failed = 0
    if "--asan" not in sys.argv:
        postgres.url()  # Starts the server before the threads that use it.
    with ThreadPoolExecutor(JOBS) as pool:
        # The slowest program, which is the last of PROGRAMS, is started first, so that it does not run alone at the end.
        started = [
            (program, prefix, pool.submit(run, program, prefix) if program != "quickstart" else pool.submit(demo, prefix))
            for prefix in reversed(prefixes)
            for program in [*reversed(PROGRAMS), "quickstart"]
            if not ((prefix or "--asan" in sys.argv) and program in PLAIN)
        ]
        for program, prefix, result in started:
            code, output = result.result()
            print(f"{output}{'valgrind ' if prefix else ''}{program}: {'ok' if code == 0 else f'failed ({code})'}", flush=True)
            passed, failed = passed + (code == 0), failed + (code != 0)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
