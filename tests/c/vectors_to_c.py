#!/usr/bin/env python3
"""Writes tests/vectors/*.json as C: `vectors_to_c.py FOLDER > vectors.h`. Leaves out only secrets with a NUL character, which C cannot express."""

import json
import sys
from pathlib import Path


def load(name):
    return json.loads((Path(sys.argv[1]) / name).read_text(encoding="utf-8"))


def raw(value):
    """Returns the bytes of a text or of {"hex": …}."""
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode("utf-8")


def literal(data):
    """Returns bytes as a C literal, with octal escapes of three digits, so that a following digit is not part of the escape."""
    plain = lambda byte: 32 <= byte < 127 and byte not in b'"\\?'
    return '"' + "".join(chr(byte) if plain(byte) else f"\\{byte:03o}" for byte in data) + '"'


def text(value):
    """Returns a text as a C literal, and NULL for None."""
    if value is None:
        return "NULL"
    if "\0" in value:
        raise SystemExit(f"a C string cannot hold {value!r}")
    return literal(value.encode("utf-8"))


def data(value):
    value = raw(value)
    return f"{{{literal(value)}, {len(value)}}}"


def body(value):
    """Returns the parts of a body, which the test program joins: compilers refuse a literal of a mebibyte."""
    if isinstance(value, dict) and "repeat" in value:
        parts = [data(value.get(part, "")) for part in ("prefix", "repeat", "middle", "repeat_after", "suffix")]
        return f"{{{', '.join(parts)}, {value['count']}}}"
    return f"{{{data(value)}, {', '.join([data('')] * 4)}, 0}}"


def texts(values):
    """Returns an array of texts and its length."""
    return f"(const char *const[]){{{', '.join(text(value) for value in values) or 'NULL'}}}, {len(values)}"


def headers(pairs):
    items = [f"{{{text(name)}, {literal(raw(value))}, {len(raw(value))}}}" for name, value in pairs]
    return f"(const hc_header[]){{{', '.join(items) or '{NULL, NULL, 0}'}}}, {len(items)}"


def expected(case):
    """Returns an initializer of an expectation: NULL or the reason of the refusal, and the fields of the event, if the case has one."""
    expect = case["expect"]
    event = expect.get("event") or {}
    names = ("id", "type", "occurred_at", "organization_id", "environment_id")
    fields = ", ".join(text(event.get(name)) for name in names)
    return f"{{{'NULL' if expect['ok'] else text(expect['reason'])}, {'true' if event else 'false'}, {fields}}}"


def family(one):
    """Returns an initializer of a signed_family: its name, the secret, and which of its three headers the request has."""
    parts = ", ".join("true" if part in one["parts"] else "false" for part in ("id", "timestamp", "signature"))
    return f"{{{text(one['family'])}, {text(one['signed_with'])}, {{{parts}}}}}"


def table(type_, name, rows):
    """Prints an array of structs."""
    print(f"static const {type_} {name}[] = {{")
    for row in rows:
        print(f"    {{{', '.join(row)}}},")
    print("};\n")


def compact(value):
    """Returns a value as JSON without white space."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# A step checks an id, commits an id or advances the clock by seconds. Its kind is written as its second letter, which differs: cHeck, cOmmit, aDvance.
def step(one):
    kind = next(name for name in ("check", "commit", "advance") if name in one)
    id, seconds = (None, one[kind]) if kind == "advance" else (one[kind], 0)
    return f"{{'{kind[1]}', {text(id)}, {'true' if one.get('expect') == 'again' else 'false'}, {seconds}}}"


def main():
    print("/* Written by vectors_to_c.py from tests/vectors. */\n")
    table("verify_case", "verify_cases", [
        [text(case["name"]), "true" if case["call"] == "verify" else "false", texts(case["secrets"]), str(case.get("tolerance", 300)),
         str(case["now"]), headers(case["headers"]), body(case["body"]), expected(case)]
        for case in load("webhook_verify.json")["cases"]
    ])
    table("parsed_case", "parsed_cases", [
        [text(case["name"]), text(case["secret"]), str(case["now"]), headers(case["headers"]), text(case["compact"]), expected(case)]
        for case in load("webhook_parsed.json")["cases"]
    ])
    table("secret_case", "secret_cases", [
        [text(case["name"]), texts(case["secret"] if isinstance(case["secret"], list) else [case["secret"]]), "true" if case["ok"] else "false"]
        for case in load("webhook_secrets.json")["cases"] if not case.get("holds_nul")
    ])
    table("sign_case", "sign_cases", [
        [text(case["name"]), text(case["secret"]), text(case["id"]), str(case["timestamp"]), body(case["body"]),
         *(text(case["headers"]["webhook-" + name]) for name in ("id", "timestamp", "signature"))]
        for case in load("webhook_sign.json")["cases"]
    ])
    table("interceptor_case", "interceptor_cases", [
        [text(case["name"]), "true" if case["call"] == "interceptor" else "false", text(case["secret"]), body(case["body"]),
         f"{{{', '.join(family(one) for one in case['headers']) or '{NULL, NULL, {false, false, false}}'}}}", str(len(case["headers"])), expected(case)]
        for case in load("webhook_interceptors.json")["cases"]
    ])
    table("replay_case", "replay_cases", [
        [text(case["name"]), str(case["now"]), str(case["retention"]), str(case.get("capacity", 0)),
         f"(const replay_step[]){{{', '.join(step(one) for one in case['steps'])}}}, {len(case['steps'])}"]
        for case in load("webhook_replay.json")["cases"]
    ])
    table("event_case", "event_cases", [
        [text(event["type"]), text(compact(event)), text(compact(event["data"])),
         *(text(event.get(name, "")) for name in ("id", "occurred_at", "organization_id", "environment_id", "object", "display_name", "spec_version"))]
        for event in load("webhook_events.json").values()
    ])


if __name__ == "__main__":
    main()
