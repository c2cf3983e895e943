"""Signatures between headcount in four languages and other people's libraries, both ways.

The programs under `agents/` are headcount; `peers.py` and `peers.mjs` are the packages of PyPI and npm: standardwebhooks, svix and
the official SDKs. All of them speak one line-by-line interface (`command.py`, `command.mjs`).
"""

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

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

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.b64encode(bytes(range(64))).decode()]
BODIES = [
    '{"test":2432232314}',
    '{"type":"organization.directory.user_created","data":{"given_name":"Zoë","email":"zoe@example.com"}}',
    '{ "spaces" : [ 1, 2 ],\r\n\t"html": "<&>", "emoji": "🦉", "escape": "\\u2028" }',
    '{"long":"' + "x" * 20_000 + '"}',
]


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


@pytest.fixture(scope="module")
def programs():
    running = {}

    def program(command):
        if tuple(command) not in running:
            running[tuple(command)] = (Program if command[-1] == "batch" else EachTime)(command)
        return running[tuple(command)]

    yield program
    for one in running.values():
        one.close()


def said(message):
    return {"body_b64": base64.b64encode(message.encode()).decode(), "id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "timestamp": str(int(time.time()))}


def agree(signer, verifier, signer_name, verifier_name):
    """What one signs the other verifies; a changed body it refuses."""
    for secret, body in itertools.product(SECRETS, BODIES):
        request = {"secret": secret, **said(body)}
        signed = signer.ask(op="sign", **signer_name, **request)
        assert signed["ok"], signed
        assert (signed["id"], signed["timestamp"]) == (request["id"], request["timestamp"])
        request["signature"] = signed["signature"]
        verified = verifier.ask(op="verify", **verifier_name, **request)
        assert verified["ok"], verified
        request["body_b64"] = base64.b64encode(body.encode() + b" ").decode()
        refused = verifier.ask(op="verify", **verifier_name, **request)
        assert not refused["ok"]
        if not verifier_name:
            assert refused["reason"] == "no_match"


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("peer", PEERS)
def test_theirs_verify_in_ours(programs, agent, peer):
    command, package = PEERS[peer]
    agree(programs(command), programs(AGENTS[agent]), {"peer": package}, {})


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("peer", PEERS)
def test_ours_verify_in_theirs(programs, agent, peer):
    command, package = PEERS[peer]
    agree(programs(AGENTS[agent]), programs(command), {}, {"peer": package})


@pytest.mark.parametrize("signer, verifier", list(itertools.permutations(AGENTS, 2)))
def test_ours_verify_in_ours(programs, signer, verifier):
    agree(programs(AGENTS[signer]), programs(AGENTS[verifier]), {}, {})
