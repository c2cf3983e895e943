"""Checks that headcount and other packages verify each other's signatures, and that headcount's languages do. README.md describes the programs."""

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


def request_for(message):
    return {"body_b64": base64.b64encode(message.encode()).decode(), "id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "timestamp": str(int(time.time()))}


def check_agreement(signer, verifier, signer_name, verifier_name):
    """Checks that the verifier accepts what the signer signs, and refuses the same body with one byte more."""
    for secret, body in itertools.product(SECRETS, BODIES):
        request = {"secret": secret, **request_for(body)}
        signed = signer.ask(op="sign", **signer_name, **request)
        assert signed["ok"], signed
        assert signed["id"] == request["id"]
        assert signed["timestamp"] == request["timestamp"]
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
def test_headcount_verifies_what_another_package_signs(programs, agent, peer):
    command, package = PEERS[peer]
    check_agreement(programs(command), programs(AGENTS[agent]), {"peer": package}, {})


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("peer", PEERS)
def test_another_package_verifies_what_headcount_signs(programs, agent, peer):
    command, package = PEERS[peer]
    check_agreement(programs(AGENTS[agent]), programs(command), {}, {"peer": package})


@pytest.mark.parametrize("signer, verifier", list(itertools.permutations(AGENTS, 2)))
def test_headcount_verifies_what_it_signs_in_another_language(programs, signer, verifier):
    check_agreement(programs(AGENTS[signer]), programs(AGENTS[verifier]), {}, {})
