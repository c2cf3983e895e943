#!/usr/bin/env python3
"""Sixteen threads and sixteen asyncio tasks against a sandbox that fails at random, for as long as one likes; then nothing may be left.

    python tests/soak/soak.py [--seconds 600] [--seed 1]

Every listing that ends without an error must be complete. File descriptors, threads and resident memory are taken at rest, with all
clients closed, after a warm-up of a quarter of the time and at the end: what has grown meanwhile leaks.
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

WORKERS = 16  # of each kind
USERS = 300
FAULTS = ["401", "403", "404", "429:0", "500", "503", "reset", "truncate", "garbage", "html", "wrong-types", "junk", "drip",
          "redirect", "latency:20ms", "latency:10s", "expire-token"]
# What the allocator may keep from one moment to another; a leak of 100 bytes a call would be far more.
TOLERANCE_MB = 8


class Work:
    """What is done until `until`, and how often."""

    def __init__(self, sandbox, seed, until):
        self.sandbox, self.seed, self.until = sandbox, seed, until
        self.lock = threading.Lock()
        self.counts = {}
        self.wrong = []

    def going_on(self):
        return time.monotonic() < self.until and not self.wrong

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def options(self, chance):
        return {"retry_base": 0.001, "retry_cap": 0.01, "timeout": chance.choice([0.05, 0.5, 5]), "max_attempts": chance.randint(1, 5),
                "read_ahead": chance.random() < 0.8}

    def complete(self, ids):
        if len(ids) != USERS or len(set(ids)) != USERS:
            self.wrong.append(f"a listing without an error had {len(set(ids))} of {USERS} users")
        self.count("whole listings")

    def threads(self, number):
        """One thread: calls and listings, some of them left in the middle, with a new client now and then."""
        chance = random.Random(f"{self.seed} {number}")
        while self.going_on():
            options = self.options(chance)
            ahead = options.pop("read_ahead")
            with self.sandbox.client(**options) as client:
                for _ in range(chance.randint(1, 30)):
                    if not self.going_on():
                        break
                    try:
                        if chance.random() < 0.5:
                            client.organization.get_organization(self.sandbox.organization_id)
                            self.count("calls")
                            continue
                        users = client.directory.users(*self.sandbox.ids, include_detail=True, read_ahead=ahead)
                        if chance.random() < 0.3:
                            next(users)
                            self.count("listings left")
                        else:
                            self.complete([user.id for user in users])
                    except headcount.Error as error:
                        self.count(type(error).__name__)

    async def task(self, number):
        """One task: the same, and cancellation."""
        chance = random.Random(f"{self.seed} task {number}")
        while self.going_on():
            options = self.options(chance)
            ahead = options.pop("read_ahead")
            async with headcount.AsyncClient(*self.sandbox.credentials, **options) as client:
                for _ in range(chance.randint(1, 30)):
                    if not self.going_on():
                        break
                    try:
                        listing = self.listing(client, ahead)
                        if chance.random() < 0.3:
                            await asyncio.wait_for(listing, chance.choice([0.001, 0.01, 0.1]))
                        else:
                            await listing
                    except headcount.Error as error:
                        self.count(type(error).__name__)
                    except asyncio.TimeoutError:
                        self.count("cancelled")

    async def listing(self, client, ahead):
        users = client.directory.users(*self.sandbox.ids, include_detail=True, read_ahead=ahead)
        self.complete([user.id async for user in users])

    async def tasks(self):
        await asyncio.gather(*(self.task(number) for number in range(WORKERS)))

    def weather(self):
        """Other faults five times a second."""
        chance = random.Random(f"{self.seed} weather")
        while self.going_on():
            self.sandbox.fault(*chance.sample(FAULTS, chance.randint(1, 6)), every=chance.choice([3, 7, 20]))
            time.sleep(0.2)

    def run(self):
        def guarded(work, *arguments):
            try:
                work(*arguments)
            except BaseException as error:  # what is no headcount.Error is a defect
                self.wrong.append(f"{type(error).__name__}: {error}")

        workers = [threading.Thread(target=guarded, args=(self.threads, number)) for number in range(WORKERS)]
        workers += [threading.Thread(target=guarded, args=(lambda: asyncio.run(self.tasks()),))]
        workers += [threading.Thread(target=guarded, args=(self.weather,))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def at_rest():
    """File descriptors, threads and megabytes, once the connections that were given up have been closed."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    field = lambda name: int(status.split(f"\n{name}:")[1].split()[0])  # noqa: E731
    return len(os.listdir("/proc/self/fd")), field("Threads"), field("VmRSS") / 1024


def settled():
    """The same, when it has stopped changing: closing goes on in the background."""
    before, same = at_rest(), 0
    while same < 5:
        time.sleep(0.2)
        now = at_rest()
        same = same + 1 if now[:2] == before[:2] else 0
        before = now
    return before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    logging.getLogger("headcount").setLevel(logging.ERROR)  # it is told to be throttled a thousand times
    sandbox = Sandbox(users=USERS)
    figures = []
    for part, share in enumerate((0.25, 0.75)):
        work = Work(sandbox, f"{options.seed} {part}", time.monotonic() + options.seconds * share)
        work.run()
        for wrong in work.wrong:
            sys.exit(f"seed {options.seed}: {wrong}")
        figures.append(settled())
        print(f"{'after the warm-up' if part == 0 else 'at the end':<18} {figures[-1][0]} file descriptors, {figures[-1][1]} threads, "
              f"{figures[-1][2]:.1f} MB; {', '.join(f'{count} {what}' for what, count in sorted(work.counts.items()))}", flush=True)
        if work.counts.get("whole listings", 0) == 0 or work.counts.get("cancelled", 0) == 0:
            sys.exit("nothing was listed, or nothing cancelled: the soak shows nothing")
    sandbox.close()
    (fds, threads, memory), (fds_after, threads_after, memory_after) = figures
    if fds_after > fds or threads_after > threads or memory_after > memory + TOLERANCE_MB:
        sys.exit(f"seed {options.seed}: something has grown")


if __name__ == "__main__":
    main()
