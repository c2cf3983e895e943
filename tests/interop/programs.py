"""The programs that the tests speak to: headcount in its languages (`agents/`), and other people's packages (`peers.py`, `peers.mjs`)."""

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


class EachTime:
    """A program that is started for each message: C has no JSON to speak the other interface in."""

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
        """It has ended already."""


class Program:
    """One program for the whole run: a line of JSON goes in, a line comes out."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the program ended without an answer"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Running:
    """Each program once, started when it is first asked for."""

    def __init__(self):
        self.running = {}

    def __call__(self, command):
        if tuple(command) not in self.running:
            self.running[tuple(command)] = (Program if command[-1] == "batch" else EachTime)(command)
        return self.running[tuple(command)]

    def close(self):
        for one in self.running.values():
            one.close()
