"""Starts the programs that the tests call: headcount in its languages (`agents/`), and other packages (`peers.py`, `peers.mjs`)."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AGENTS = {
    "rust": [os.environ.get("HC_AGENT_RUST", str(ROOT / "target" / "debug" / "examples" / "webhook_agent")), "batch"],
    "c": [os.environ.get("HC_AGENT_C", str(ROOT / "build" / "c" / "webhook_agent"))],
    "python": [sys.executable, str(HERE / "agents" / "agent.py"), "batch"],
    "node": ["node", str(HERE / "agents" / "agent.mjs"), "batch"],
}
PYTHON_PEERS = [sys.executable, str(HERE / "peers.py"), "batch"]
NODE_PEERS = ["node", str(HERE / "peers.mjs"), "batch"]
PEERS = {
    f"{language}:{package}": (command, package)
    for language, command in {"pypi": PYTHON_PEERS, "npm": NODE_PEERS}.items()
    for package in ("standardwebhooks", "svix", "scalekit")
}


class OneShot:
    """A program that is started for each message. Used for C, which has no JSON parser for `batch`."""

    def __init__(self, command):
        self.command = command

    def ask(self, op, secret, id, timestamp, body_b64, signature=None):
        arguments = [op, secret, id, timestamp] + ([signature] if op == "verify" else [])
        ended = subprocess.run(self.command + arguments, input=base64.b64decode(body_b64), stdout=subprocess.PIPE)
        lines = ended.stdout.decode().splitlines()
        if ended.returncode != 0:
            return {"ok": False, "reason": lines[0]}
        return {"ok": True, **(dict(zip(("id", "timestamp", "signature"), lines)) if op == "sign" else {})}

    def close(self):
        """Does nothing: the program has exited."""


class Program:
    """A program that runs until `close`. It reads requests and writes responses, one line of JSON each."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the program exited without a response"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Running:
    """Starts each program when it is first used, and keeps it running."""

    def __init__(self):
        self.running = {}

    def __call__(self, command):
        if tuple(command) not in self.running:
            self.running[tuple(command)] = (Program if command[-1] == "batch" else OneShot)(command)
        return self.running[tuple(command)]

    def close(self):
        for program in self.running.values():
            program.close()
