"""Signatures between headcount in four languages and other people's libraries, both ways.

The programs under `agents/` are headcount; `peers.py` and `peers.mjs` are the packages of PyPI and npm: standardwebhooks, svix and
the official SDKs. All of them speak one line-by-line interface (`command.py`, `command.mjs`).
"""

import base64
import itertools
import time

import pytest
from programs import AGENTS, PEERS

SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + base64.b64encode(bytes(range(64))).decode()]
BODIES = [
    '{"test":2432232314}',
    '{"type":"organization.directory.user_created","data":{"given_name":"Zoë","email":"zoe@example.com"}}',
    '{ "spaces" : [ 1, 2 ],\r\n\t"html": "<&>", "emoji": "🦉", "escape": "\\u2028" }',
    '{"long":"' + "x" * 20_000 + '"}',
]


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
