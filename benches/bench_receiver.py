"""Measures what headcount's endpoints cost a web server: `make bench`.

Three routes of the same framework are compared: one reads the body and answers 201; one checks the signature and parses the body by hand, with the
language's standard library; one uses headcount's endpoint. They are in one process and are called alternately over the same connections, so that a
disturbance of the machine affects all of them. The cost is the median of the differences. CPU time is that of all threads of the server; wall
time includes the sender's.
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
    """Yields bodies of a published event with different ids, and their signed headers. A note makes each `size` + 1 bytes long."""
    one = json.loads((ROOT / "tests/vectors/webhook_events.json").read_text())["organization.directory.user_created"]
    one["data"]["note"] = "x" * max(0, size - len(json.dumps(one, separators=(",", ":"))))
    webhook = headcount.Webhook(SECRET)
    for number in range(count):
        body = json.dumps({**one, "id": f"evt_{number:08}"}, separators=(",", ":")).encode()
        yield body, webhook.sign(body)


def requests(path):
    """Returns complete HTTP requests. They are made for each round, because a signature is valid for five minutes."""
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
    """A server process, and open connections to it."""

    def __init__(self, command):
        environment = {**os.environ, "SCALEKIT_WEBHOOK_SECRET": SECRET, "NODE_ENV": "production"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        port = int(self.process.stdout.readline())
        self.connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def cpu(self):
        """Returns the CPU time of all threads in nanoseconds."""
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{self.process.pid}/task").iterdir())

    def send(self, path, count):
        """Sends `count` events, one at a time on each connection; returns wall and CPU time per event in microseconds."""
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
    """Prints the rates and the CPU times of the three routes of a kind, called `route` or `dependency`."""
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
