#!/usr/bin/env python3
"""Runs sixteen threads and sixteen asyncio tasks against a sandbox that fails at random, and checks that nothing leaks.

    python tests/soak/soak.py [--seconds 600] [--seed 1]

Every listing that ends without an error must be complete. File descriptors, threads and resident memory are measured twice with all clients closed:
after a warm-up of a quarter of the time, and at the end. If there are more descriptors or threads at the end, or memory has grown by more than
`TOLERANCE_MB`, the soak fails.
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandbox import Sandbox  # noqa: E402

import headcount  # noqa: E402

WORKERS = 16  # threads, and as many tasks
USERS = 300
FAULTS = ["401", "403", "404", "429:0", "500", "503", "reset", "truncate", "garbage", "html", "wrong-types", "junk", "drip",
          "redirect", "latency:20ms", "latency:10s", "expire-token"]
# Differences of this size come from the allocator. A leak of 100 bytes per call would be much larger.
TOLERANCE_MB = 8


class Work:
    """The work of one phase, until the monotonic time `until`; counts what was done."""

    def __init__(self, sandbox, seed, until):
        self.sandbox, self.seed, self.until = sandbox, seed, until
        self.lock = threading.Lock()
        self.counts = {}
        self.wrong = []

    def running(self):
        return time.monotonic() < self.until and not self.wrong

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def options(self, rng):
        return {"retry_base": 0.001, "retry_cap": 0.01, "timeout": rng.choice([0.05, 0.5, 5]), "max_attempts": rng.randint(1, 5),
                "read_ahead": rng.random() < 0.8}

    def check_complete(self, ids):
        if len(ids) != USERS or len(set(ids)) != USERS:
            self.wrong.append(f"a listing without an error had {len(set(ids))} of {USERS} users")
        self.count("complete listings")

    def threads(self, number):
        """Runs in each thread: calls and listings with changing clients. Some listings are abandoned after the first user."""
        rng = random.Random(f"{self.seed} {number}")
        while self.running():
            options = self.options(rng)
            ahead = options.pop("read_ahead")
            with self.sandbox.client(**options) as client:
                for _ in range(rng.randint(1, 30)):
                    if not self.running():
                        break
                    try:
                        if rng.random() < 0.5:
                            client.organization.get_organization(self.sandbox.organization_id)
                            self.count("calls")
                            continue
                        users = client.directory.users(*self.sandbox.ids, include_detail=True, read_ahead=ahead)
                        if rng.random() < 0.3:
                            next(users)
                            self.count("listings abandoned")
                        else:
                            self.check_complete([user.id for user in users])
                    except headcount.Error as error:
                        self.count(type(error).__name__)

    async def task(self, number):
        """Runs in each task: listings, some of which are cancelled."""
        rng = random.Random(f"{self.seed} task {number}")
        while self.running():
            options = self.options(rng)
            ahead = options.pop("read_ahead")
            async with headcount.AsyncClient(*self.sandbox.credentials, **options) as client:
                for _ in range(rng.randint(1, 30)):
                    if not self.running():
                        break
                    try:
                        listing = self.listing(client, ahead)
                        if rng.random() < 0.3:
                            await asyncio.wait_for(listing, rng.choice([0.001, 0.01, 0.1]))
                        else:
                            await listing
                    except headcount.Error as error:
                        self.count(type(error).__name__)
                    except asyncio.TimeoutError:
                        self.count("cancelled")

    async def listing(self, client, ahead):
        users = client.directory.users(*self.sandbox.ids, include_detail=True, read_ahead=ahead)
        self.check_complete([user.id async for user in users])

    async def tasks(self):
        await asyncio.gather(*(self.task(number) for number in range(WORKERS)))

    def change_faults(self):
        """Sets other faults five times a second."""
        rng = random.Random(f"{self.seed} faults")
        while self.running():
            self.sandbox.fault(*rng.sample(FAULTS, rng.randint(1, 6)), every=rng.choice([3, 7, 20]))
            time.sleep(0.2)

    def run(self):
        def recording_errors(work, *arguments):
            try:
                work(*arguments)
            except BaseException as error:  # any other exception than headcount.Error is a defect
                self.wrong.append(f"{type(error).__name__}: {error}")

        workers = [threading.Thread(target=recording_errors, args=(self.threads, number)) for number in range(WORKERS)]
        workers += [threading.Thread(target=recording_errors, args=(lambda: asyncio.run(self.tasks()),))]
        workers += [threading.Thread(target=recording_errors, args=(self.change_faults,))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def measure():
    """Returns the number of file descriptors and threads, and the resident memory in MB."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    field = lambda name: int(status.split(f"\n{name}:")[1].split()[0])  # noqa: E731
    return len(os.listdir("/proc/self/fd")), field("Threads"), field("VmRSS") / 1024


def measure_when_stable():
    """Measures once file descriptors and threads have not changed for a second, because connections are closed in the background."""
    before, same = measure(), 0
    while same < 5:
        time.sleep(0.2)
        now = measure()
        same = same + 1 if now[:2] == before[:2] else 0
        before = now
    return before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    logging.getLogger("headcount").setLevel(logging.ERROR)  # every rate limit is a warning
    sandbox = Sandbox(users=USERS)
    figures = []
    for part, share in enumerate((0.25, 0.75)):
        work = Work(sandbox, f"{options.seed} {part}", time.monotonic() + options.seconds * share)
        work.run()
        for wrong in work.wrong:
            sys.exit(f"seed {options.seed}: {wrong}")
        figures.append(measure_when_stable())
        print(f"{'after the warm-up' if part == 0 else 'at the end':<18} {figures[-1][0]} file descriptors, {figures[-1][1]} threads, "
              f"{figures[-1][2]:.1f} MB; {', '.join(f'{count} {what}' for what, count in sorted(work.counts.items()))}", flush=True)
        if work.counts.get("complete listings", 0) == 0 or work.counts.get("cancelled", 0) == 0:
            sys.exit("no listing was complete, or none was cancelled: the soak tests nothing")
    sandbox.close()
    (fds, threads, memory), (fds_after, threads_after, memory_after) = figures
    if fds_after > fds or threads_after > threads or memory_after > memory + TOLERANCE_MB:
        sys.exit(f"seed {options.seed}: file descriptors, threads or memory have grown")


if __name__ == "__main__":
    main()
