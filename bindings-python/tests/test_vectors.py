"""The shared vectors, in Python. tests/vectors/README.md describes them."""

import json
from datetime import datetime
from pathlib import Path

import pytest

import headcount

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "vectors"


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def cases(name):
    return [pytest.param(case, id=case["name"]) for case in load(name)["cases"]]


def body_of(form):
    """Returns the bytes of a body, which a vector has as text, in hexadecimal or as a repeated text."""
    if isinstance(form, str):
        return form.encode()
    if "hex" in form:
        return bytes.fromhex(form["hex"])
    repeated = form["repeat"] * form["count"] + form.get("middle", "") + form.get("repeat_after", "") * form["count"]
    return (form.get("prefix", "") + repeated + form.get("suffix", "")).encode()


def shapes(headers):
    """Returns the same headers in each accepted type. Every vector runs with all of them."""
    raw = [(name.encode(), body_of(value)) for name, value in headers]
    pairs = [(name, body_of(value).decode("latin-1")) for name, value in headers]
    mapping = {}
    for name, value in pairs:
        mapping.setdefault(name, []).append(value)
    # A WSGI environ distinguishes neither underscores from dashes nor upper from lower case.
    environ = {f"HTTP_{name.upper().replace('-', '_')}": values for name, values in mapping.items() if name.islower() and "_" not in name}
    yield raw
    yield pairs
    yield {name: values if len(values) > 1 else values[0] for name, values in mapping.items()}
    yield mapping
    if len(environ) == len(mapping) and all(len(values) == 1 for values in environ.values()):
        wsgi = {"wsgi.version": (1, 0), "REQUEST_METHOD": "POST", "CONTENT_LENGTH": "3"}
        yield {**wsgi, **{name: values[0] for name, values in environ.items()}}


def check(run, expect):
    """Makes a call, and checks its event or its error against a vector."""
    if not expect["ok"]:
        with pytest.raises(headcount.WebhookVerificationError) as refused:
            run()
        assert refused.value.reason == expect["reason"], refused.value
        return
    event = run()
    if "event" in expect:
        expected = dict(expect["event"])
        occurred_at = expected.pop("occurred_at")
        assert {name: getattr(event, name) for name in expected} == expected
        assert event.occurred_at == moment(occurred_at)
        assert event.occurred_at.tzinfo is not None


def moment(text):
    """Converts RFC 3339 text to a datetime, cut off after the microsecond."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


def test_the_vectors_are_found():
    assert len(load("webhook_verify")["cases"]) >= 80


@pytest.mark.parametrize("case", cases("webhook_verify"))
def test_verify_gives_the_vectors_results(case):
    webhook = headcount.Webhook(case["secrets"], tolerance=case.get("tolerance", 300))
    call = getattr(webhook, case["call"])
    body = body_of(case["body"])
    for headers in shapes(case["headers"]):
        check(lambda: call(body, headers, now=case["now"]), case["expect"])  # noqa: B023
    for form in (bytearray(body), memoryview(body)):
        check(lambda: call(form, headers, now=case["now"]), case["expect"])  # noqa: B023


@pytest.mark.parametrize("case", cases("webhook_secrets"))
def test_secrets_are_accepted_or_refused_as_in_the_vectors(case):
    if case["ok"]:
        headcount.Webhook(case["secret"])
        return
    with pytest.raises(headcount.ConfigError) as refused:
        headcount.Webhook(case["secret"])
    assert refused.value.reason == "invalid_secret"
    if isinstance(case["secret"], str):
        with pytest.raises(headcount.WebhookVerificationError) as refused:
            headcount.verify_webhook_payload(case["secret"], {"webhook-id": "x"}, b"")
        assert refused.value.reason == "invalid_secret"


@pytest.mark.parametrize("case", cases("webhook_sign"))
def test_sign_gives_the_vectors_headers(case):
    signed = headcount.Webhook(case["secret"]).sign(body_of(case["body"]), id=case["id"], timestamp=case["timestamp"])
    assert signed == case["headers"]


def runnable(case):
    return not case["runnable_from_raw"] or "python" in case["runnable_from_raw"]


@pytest.mark.parametrize("case", [case for case in cases("webhook_parsed") if runnable(case.values[0])])
def test_parsed_bodies_give_the_vectors_results(case):
    raw = case["raw"] if "python" in case["runnable_from_raw"] else case["compact"]
    headers = [(name, body_of(value)) for name, value in case["headers"]]
    check(lambda: headcount.Webhook(case["secret"]).verify(json.loads(raw), headers, now=case["now"]), case["expect"])


@pytest.mark.parametrize("case", cases("webhook_interceptors"))
def test_interceptor_functions_give_the_vectors_results(case):
    headers = []
    for signed in case["headers"]:
        made = headcount.Webhook(signed["signed_with"]).sign(case["body"])
        headers += [(name.replace("webhook", signed["family"]), value) for name, value in made.items() if name.removeprefix("webhook-") in signed["parts"]]
    verify = {"interceptor": headcount.verify_interceptor_payload, "webhook": headcount.verify_webhook_payload}[case["call"]]
    for body in (case["body"].encode(), json.loads(case["body"])):
        check(lambda: verify(case["secret"], headers, body), case["expect"])  # noqa: B023


@pytest.mark.parametrize("case", cases("webhook_replay"))
def test_the_replay_guard_gives_the_vectors_results(case, tmp_path):
    run_replay(case, headcount.ReplayGuard(capacity=case.get("capacity"), retention=case["retention"]))
    if "capacity" not in case:  # a guard in a file has no capacity
        run_replay(case, headcount.ReplayGuard.sqlite(tmp_path / "replay.db", retention=case["retention"]))


def run_replay(case, guard):
    now = case["now"]
    for step in case["steps"]:
        now += step.get("advance", 0)
        if "commit" in step:
            guard.commit_id(step["commit"], now=now)
        elif "check" in step:
            assert guard.check_id(step["check"], now=now) is (step["expect"] == "first")


def test_published_events_are_read_as_in_the_vectors():
    events = load("webhook_events")
    assert len(events) == 41
    webhook = headcount.Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    for kind, expected in events.items():
        for body in (json.dumps(expected).encode(), json.dumps(expected, indent=2, ensure_ascii=False)):
            event = webhook.verify(body, webhook.sign(body))
            assert (event.type, event.id, event.data) == (kind, expected["id"], expected["data"])
            assert event.to_dict() == expected
            assert event.body == (body.encode() if isinstance(body, str) else body)
        compact = json.dumps(expected, separators=(",", ":"), ensure_ascii=False)
        assert webhook.verify(expected, webhook.sign(compact)).type == kind
