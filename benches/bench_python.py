"""Compares verification and import in Python with other packages, as ratios within one run: `make bench`.

Every figure is the median of several rounds. The packages are measured alternately, so that a disturbance of the machine affects all of them.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROUNDS = 9


def event(size):
    """Returns a published event with a note that makes it `size` bytes long, and 10 more for the note's name."""
    events = json.loads((ROOT / "tests/vectors/webhook_events.json").read_text())
    one = events["organization.directory.user_created"]
    missing = size - len(json.dumps(one, separators=(",", ":")))
    one["data"]["note"] = "x" * max(0, missing)
    return json.dumps(one, separators=(",", ":")).encode()


def microseconds(call, number):
    """Returns the average time of `number` calls, in microseconds."""
    started = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - started) / number * 1e6


def verification(size, number):
    """Prints how long each package takes to verify a webhook of this size. Each round makes `number` calls."""
    import hashlib
    import hmac

    import headcount
    import standardwebhooks
    import svix.webhooks
    from scalekit.client import ScalekitClient

    body = event(size)
    ours = headcount.Webhook(SECRET)
    headers = {
        "host": "app.example.com",
        "user-agent": "Svix-Webhooks/1.24",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "accept": "*/*",
        **ours.sign(body),
    }
    official = ScalekitClient.__new__(ScalekitClient)  # without its constructor, which uses the network
    standard, svix_ = standardwebhooks.Webhook(SECRET), svix.webhooks.Webhook(SECRET)
    key = b"k" * 24
    calls = {
        "headcount, verify and parse": lambda: ours.verify(body, headers),
        "headcount, verify and read the data": lambda: ours.verify(body, headers).data,
        "headcount, signature alone": lambda: ours.verify_signature(body, headers),
        "headcount, one-shot": lambda: headcount.verify_webhook_payload(SECRET, headers, body),
        "official SDK": lambda: official.verify_webhook_payload(SECRET, headers, body),
        "standardwebhooks": lambda: standard.verify(body, headers),
        "svix": lambda: svix_.verify(body, headers),
        "the interpreter's hmac.digest alone": lambda: hmac.digest(key, body, hashlib.sha256),
    }
    rounds = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            rounds[name].append(microseconds(call, number))
    medians = {name: statistics.median(times) for name, times in rounds.items()}
    base = medians["headcount, verify and parse"]
    print(f"\nverify {len(body):,} bytes")
    for name, median in medians.items():
        print(f"  {name:40} {median:9.2f} µs  {median / base:6.1f} ×")


def importing():
    """Prints the time and the memory of importing each package, and the size of the wheel."""
    code = """
import resource, sys, time
def rss():
    with open('/proc/self/statm') as statm: return int(statm.read().split()[1]) * resource.getpagesize() / 1e6
before, started = rss(), time.perf_counter()
import {name}
print((time.perf_counter() - started) * 1e3, rss() - before)
"""
    print("\nimport, in a fresh interpreter")
    for name in ("headcount", "scalekit", "standardwebhooks", "svix.webhooks"):
        figures = []
        for _ in range(ROUNDS):
            done = subprocess.run([sys.executable, "-c", code.format(name=name)], stdout=subprocess.PIPE, text=True, check=True)
            figures.append([float(figure) for figure in done.stdout.split()])
        wait, memory = (statistics.median(column) for column in zip(*figures))
        print(f"  {name:40} {wait:9.1f} ms  {memory:6.1f} MB of RSS")
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "-w", folder]
        subprocess.run([*pip, str(ROOT / "bindings-python")], check=True)
        (wheel,) = os.listdir(folder)
        print(f"  the wheel: {os.path.getsize(os.path.join(folder, wheel)) / 1e6:.1f} MB")


if __name__ == "__main__":
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    verification(1_100, 3_000)
    verification(100_000, 300)
    importing()
