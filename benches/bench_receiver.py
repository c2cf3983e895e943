"""What headcount's endpoints cost a web server: events that one process accepts, with the helper and without, in one run: `make bench`.

Without the helper the same route of the same framework reads the body and answers 201, and by hand it checks the signature and parses the body
with what the language brings along. All are in one process, asked in turn over the same connections, so that a slow moment of the machine falls
on all alike; the cost is the median of the differences. CPU time is the server's own, of all its threads, as the kernel counts it; the wall is
shared with what sends.
"""

import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import headcount

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benches" / "receiver"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONNECTIONS = 16
WARM_UP = 2_000
REQUESTS = 4_000
ROUNDS = 11


def events(count, size=1_100):
    """Published events of different ids, filled up to about `size` bytes and signed."""
    one = json.loads((ROOT / "tests/vectors/webhook_events.json").read_text())["organization.directory.user_created"]
    one["data"]["note"] = "x" * max(0, size - len(json.dumps(one, separators=(",", ":"))))
    webhook = headcount.Webhook(SECRET)
    for number in range(count):
        body = json.dumps({**one, "id": f"evt_{number:08}"}, separators=(",", ":")).encode()
        yield body, webhook.sign(body)


def requests(path):
    """Whole requests, as bytes. Made afresh for each round: a signature is good for five minutes."""
    made = []
    for body, signed in events(64):
        headers = {
            "host": "127.0.0.1",
            "user-agent": "Svix-Webhooks/1.24",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "accept": "*/*",
            **signed,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        made.append(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    return made


class Server:
    """A server as a process of its own, with connections that stay open."""

    def __init__(self, command):
        environment = {**os.environ, "SCALEKIT_WEBHOOK_SECRET": SECRET, "NODE_ENV": "production"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())
        self.connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cpu(self):
        """Nanoseconds on a processor, of all its threads."""
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{self.process.pid}/task").iterdir())

    def send(self, path, count):
        """(wall, CPU) of each of `count` events in microseconds: one at a time on each connection."""
        made = requests(path)
        cpu, started = self.cpu(), time.perf_counter()
        for first in range(0, count, CONNECTIONS):
            for at, connection in enumerate(self.connections):
                connection.sendall(made[(first + at) % len(made)])
            for connection in self.connections:
                answer = b""
                while not answer.endswith(b"\r\n\r\n"):
                    part = connection.recv(4096)
                    assert part, "the server closed the connection"
                    answer += part
                assert re.match(rb"HTTP/1\.1 201 ", answer), answer
        return (time.perf_counter() - started) / count * 1e6, (self.cpu() - cpu) / count / 1e3

    def close(self):
        for connection in self.connections:
            connection.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def compare(name, server, kind):
    ways = ["without", "by hand", "with the helper"]
    paths = [f"/{way}/{kind}" for way in ("without", "by-hand", "with")]
    for path in paths:
        server.send(path, WARM_UP)
    rounds = []
    for number in range(ROUNDS):
        order = paths if number % 2 else paths[::-1]
        rounds.append({path: server.send(path, REQUESTS) for path in order})
    for way, path in zip(ways, paths):
        wall, cpu = (statistics.median(one[path][column] for one in rounds) for column in (0, 1))
        cost = [one[path][1] - one[paths[0]][1] for one in rounds]
        more = f"   + {statistics.median(cost):5.1f} (from {min(cost):.1f} to {max(cost):.1f})" if path != paths[0] else ""
        print(f"  {name + ', ' + way:<40} {1e6 / wall:7.0f} events/s {cpu:7.1f} µs of CPU{more}")


def main():
    print(f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores")
    print(f"\nevents of 1.1 kB accepted by one process over 16 connections: medians of {ROUNDS} rounds")
    for command, kinds in [
        ([sys.executable, HERE / "serve_fastapi.py"], [("FastAPI, a route", "route"), ("FastAPI, a dependency", "dependency")]),
        (["node", HERE / "serve_express.mjs"], [("Express", "route")]),
    ]:
        server = Server(command)
        try:
            for name, kind in kinds:
                compare(name, server, kind)
        finally:
            server.close()


main()
