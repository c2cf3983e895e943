"""Checks the table of README.md: every library is called with the input of every row.

`python tests/interop/test_table.py` prints the rows with the results of the installed libraries.
"""

import base64
import hashlib
import hmac
import sys
import time

import pytest
from programs import AGENTS, HERE, PEERS, Running

KEY = bytes(range(24))
B64 = base64.b64encode(KEY).decode()
SECRET = "whsec_" + B64
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 25))).decode()
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
BODY = b'{"type":"organization.directory.user_created"}'
COLUMNS = ["headcount", "npm:scalekit", "pypi:scalekit", "npm:standardwebhooks", "pypi:standardwebhooks", "npm:svix", "pypi:svix"]


def message(secret=SECRET, key=KEY, id=ID, timestamp=None, signed_timestamp=None, body=BODY, signature="{}", away=0, headers=None):
    """Makes a request.

    `signature` is a pattern ("{}" is the valid signature, "{bare}" its base64) or a function of the base64. `signed_timestamp` is signed instead of
    `timestamp`. In both, "N" is the current time plus `away` seconds.
    """
    now = str(int(time.time()) + away)
    timestamp = now if timestamp is None else timestamp.replace("N", now)
    signed = timestamp if signed_timestamp is None else signed_timestamp.replace("N", now)
    right = base64.b64encode(hmac.new(key, b".".join([id.encode(), signed.encode(), body]), hashlib.sha256).digest()).decode()
    if callable(signature):
        signature = signature(right)
    else:
        signature = signature.replace("{}", "v1," + right).replace("{bare}", right)
    request = {"secret": secret, "id": id, "timestamp": timestamp, "signature": signature, "body_b64": base64.b64encode(body).decode()}
    if headers is not None:
        request["headers"] = headers({"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature})
    return request


def url_safe(right):
    return "v1," + right.replace("+", "-").replace("/", "_")


def loose(right):
    """Returns a form of the same bytes in which the unused bits of base64 are not zero."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "v1," + right[:-2] + letters[letters.index(right[-2]) + 1] + "="


def with_underscore(made):
    return {**made, "timestamp": made["timestamp"][:4] + "_" + made["timestamp"][4:]}


WRONG = "v1," + base64.b64encode(bytes(32)).decode()

# Inputs by the first column of the table. They are created for each library, because some depend on the current time.
INPUTS = {
    "a message as the vendor sends it": lambda: message(),
    # Secrets.
    "the secret `whsec_`, signed with the empty key": lambda: message("whsec_", b""),
    "the secret `whsec_!!!!`, signed with the empty key": lambda: message("whsec_!!!!", b""),
    "a secret of one byte": lambda: message("whsec_QQ==", b"A"),
    "a secret of 15 bytes": lambda: message("whsec_" + base64.b64encode(KEY[:15]).decode(), KEY[:15]),
    "a secret of 16 bytes": lambda: message("whsec_" + base64.b64encode(KEY[:16]).decode(), KEY[:16]),
    "a secret without its prefix": lambda: message(B64),
    "a secret with another prefix": lambda: message("secret_" + B64),
    "a secret with the prefix of a public key, `whpk_`": lambda: message("whpk_" + B64),
    "a secret without its padding": lambda: message("whsec_" + base64.b64encode(KEY[:16]).decode().rstrip("="), KEY[:16]),
    "a secret with junk inside its base64": lambda: message("whsec_" + B64[:8] + "!" + B64[8:]),
    "a secret in quotes": lambda: message(f'"{SECRET}"'),
    "a secret followed by a newline": lambda: message(SECRET + "\n"),
    "two secrets, the first of which signed": lambda: message(f"{SECRET} {OTHER}"),
    "two secrets, the second of which signed": lambda: message(f"{OTHER} {SECRET}"),
    # Timestamps. The header's value is signed, unless the row says otherwise.
    "a timestamp 4 minutes old": lambda: message(away=-240),
    "a timestamp 6 minutes old": lambda: message(away=-360),
    "a timestamp 4 minutes ahead": lambda: message(away=240),
    "a timestamp 6 minutes ahead": lambda: message(away=360),
    "the timestamp `+N`, signed as `N`": lambda: message(timestamp="+N", signed_timestamp="N"),
    "the timestamp `+N`": lambda: message(timestamp="+N"),
    "the timestamp `N.5`, signed as `N`": lambda: message(timestamp="N.5", signed_timestamp="N"),
    "the timestamp `N.5`": lambda: message(timestamp="N.5"),
    "the timestamp `Nabc`, signed as `N`": lambda: message(timestamp="Nabc", signed_timestamp="N"),
    "the timestamp ` N`, signed as `N`": lambda: message(timestamp=" N", signed_timestamp="N"),
    "the timestamp `N` with `_` inside, signed as `N`": lambda: with_underscore(message()),
    "the timestamp `0N`, signed as `N`": lambda: message(timestamp="0N", signed_timestamp="N"),
    "the timestamp `0N`": lambda: message(timestamp="0N"),
    # Signatures.
    "`v1,right,extra`": lambda: message(signature="{},extra"),
    "`v1,right` with junk inside its base64": lambda: message(signature=lambda right: "v1," + right[:20] + "!" + right[20:]),
    "`v1,right` without its padding": lambda: message(signature=lambda right: "v1," + right.rstrip("=")),
    "`v1,right` in another base64 encoding of the same bytes": lambda: message(signature=loose),
    "`v1,right` in the URL-safe alphabet": lambda: next(made for made in (message(id=f"msg_{number}", signature=url_safe) for number in range(99)) if "-" in made["signature"] and "_" in made["signature"]),
    "`v1, right`": lambda: message(signature=lambda right: "v1, " + right),
    "`V1,right`": lambda: message(signature=lambda right: "V1," + right),
    "`right` without a version": lambda: message(signature="{bare}"),
    "a wrong signature, then the right one": lambda: message(signature=WRONG + " {}"),
    "the right signature, then a wrong one": lambda: message(signature="{} " + WRONG),
    "`v2,right`, then the right one": lambda: message(signature=lambda right: f"v2,{right} v1,{right}"),
    "`v1,short`, then the right one": lambda: message(signature="v1,c2hvcnQ= {}"),
    "`v1`, then the right one": lambda: message(signature="v1 {}"),
    "a word, then the right one": lambda: message(signature="junk {}"),
    "two spaces, then the right one": lambda: message(signature="  {}"),
    "the right signature, then a word": lambda: message(signature="{} junk"),
    "32 wrong signatures, then the right one": lambda: message(signature=" ".join([WRONG] * 32) + " {}"),
    # Headers.
    "header names in title case": lambda: message(headers=lambda sent: {name.title(): value for name, value in sent.items()}),
    "the headers `svix-…`": lambda: message(headers=lambda sent: {name.replace("webhook", "svix"): value for name, value in sent.items()}),
    "the headers `interceptor-…`": lambda: message(headers=lambda sent: {name.replace("webhook", "interceptor"): value for name, value in sent.items()}),
    "an id with dots": lambda: message(id="msg.1.2"),
    "an id of 300 bytes": lambda: message(id="m" * 300),
    # Bodies.
    "an empty body": lambda: message(body=b""),
    "a body that is not JSON": lambda: message(body=b"hello"),
    "a binary body": lambda: message(body=b"\xff\xfe\x00\x80"),
    "a body that begins with a byte order mark": lambda: message(body=b"\xef\xbb\xbf" + BODY),
    "a body of 2 MiB": lambda: message(body=b'{"a":"' + b"x" * (2 << 20) + b'"}'),
}


def expected_rows():
    """Reads the table: input -> (result by column, reason)."""
    lines = (HERE / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    start = next(at for at, row in enumerate(rows) if row[0] == "input")
    assert rows[start][1:-1] == COLUMNS
    table = rows[start + 2 :]
    assert all(len(row) == len(COLUMNS) + 2 for row in table), table
    return {row[0]: (dict(zip(COLUMNS, row[1:])), row[-1]) for row in table}


def supports(command, request):
    """Returns whether a program can be given the request. The C program takes the three values as arguments and no headers; the vectors test those."""
    return command[-1] == "batch" or "headers" not in request


def accepts(programs, column, name):
    """Returns whether a library accepts an input. headcount is called in all of its languages, whose results must be the same."""
    if column != "headcount":
        command, package = PEERS[column]
        return programs(command).ask(op="verify", peer=package, **INPUTS[name]())["ok"]
    results = {}
    for language, command in AGENTS.items():
        request = INPUTS[name]()
        if supports(command, request):
            results[language] = programs(command).ask(op="verify", **request)["ok"]
    assert len(set(results.values())) == 1, f"{name}: {results}"
    return results["rust"]


WORDS = {True: "yes", False: "no"}


def test_the_table_has_a_row_for_every_input():
    assert list(expected_rows()) == list(INPUTS)


@pytest.mark.parametrize("name", INPUTS)
def test_the_libraries_give_the_results_of_the_row(programs, name):
    cells, why = expected_rows()[name]
    assert {column: WORDS[accepts(programs, column, name)] for column in COLUMNS} == cells
    # If the results differ between libraries, the table has to give a reason.
    assert why or len(set(cells.values())) == 1, name


if __name__ == "__main__":
    running = Running()
    for name in INPUTS:
        print("|", name, "|", " | ".join(WORDS[accepts(running, column, name)] for column in sys.argv[1:] or COLUMNS), "| |", flush=True)
    running.close()
