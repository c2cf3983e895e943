"""The command line of the agents and peers in Python: `sign`, `verify` and `batch`. README.md describes it."""

import base64
import json
import sys


def run(sign, verify, named=False):
    """Runs the command line.

    `sign(secret, id, timestamp, body)` returns the values of the three headers; `verify(secret, headers, body)` raises an exception if it refuses
    the message. With `named`, the first argument of both is the peer's name.
    """
    op, arguments = sys.argv[1], sys.argv[2:]
    if op == "batch":
        names = ["peer", "secret"] if named else ["secret"]
        for line in sys.stdin:
            print(json.dumps(answer(sign, verify, json.loads(line), names)), flush=True)
        return 0
    body = sys.stdin.buffer.read()
    if op == "sign":
        print("\n".join(sign(*arguments, body)))
        return 0
    try:
        verify(*arguments[:-3], headers_of(*arguments[-3:]), body)
    except Exception as error:
        print(reason_of(error))
        return 1
    print("ok")
    return 0


def headers_of(id, timestamp, signature):
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def answer(sign, verify, request, names):
    """Returns the response to one request of a batch. Every exception counts as a refusal."""
    body = base64.b64decode(request["body_b64"])
    first = [request[name] for name in names]
    try:
        if request["op"] == "sign":
            id, timestamp, signature = sign(*first, request["id"], request["timestamp"], body)
            return {"ok": True, "id": id, "timestamp": timestamp, "signature": signature}
        values = (request["id"], request["timestamp"], request["signature"])
        verify(*first, request.get("headers") or headers_of(*values), body)
        return {"ok": True}
    except Exception as error:
        return {"ok": False, "reason": reason_of(error)}


def reason_of(error):
    """Returns headcount's reason if the exception has one, else its type and message."""
    reason = getattr(error, "reason", None)
    return str(getattr(reason, "value", reason) or f"{type(error).__name__}: {error}")
