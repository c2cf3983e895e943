"""What the shared vectors cannot test: Python's types, and the functions that verify without a ``Webhook``."""

import copy
import email.message
import json
import pickle
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import headcount
from headcount import events

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
BODY = '{"id":"evt_1","type":"t","occurred_at":"2025-01-01T00:00:00.123456789Z","data":{"name":"José"}}'.encode()
WEBHOOK = headcount.Webhook(SECRET)


def test_every_event_type_has_a_class():
    published = json.loads((ROOT / "tests/vectors/webhook_events.json").read_text())
    assert set(events.TYPES) == set(published)
    for name, example in published.items():
        body = json.dumps(example).encode()
        event = WEBHOOK.verify(body, WEBHOOK.sign(body))
        assert type(event) is events.TYPES[name] and isinstance(event, headcount.Event)
        assert (event.type, event.data, event.body) == (name, example["data"], body)
        again = pickle.loads(pickle.dumps(event))
        assert again == event and type(again) is type(event) and hash(again) == hash(event)
        with pytest.raises(AttributeError):
            event.note = "new"
    unknown = json.dumps({**example, "type": "directory.user.promoted"}).encode()
    assert type(WEBHOOK.verify(unknown, WEBHOOK.sign(unknown))) is headcount.Event
    older = json.dumps({**example, "type": "scalekit.dir.user.delete"}).encode()
    assert type(WEBHOOK.verify(older, WEBHOOK.sign(older))) is events.OrganizationDirectoryUserDeleted


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, bytes.decode, json.loads])
def test_every_form_of_a_body_is_accepted(form):
    headers = WEBHOOK.sign(BODY)
    event = WEBHOOK.verify(form(BODY), headers)
    assert event.data == {"name": "José"}
    assert event.data is event.data
    assert WEBHOOK.verify_signature(form(BODY), headers) is True
    assert headcount.verify_webhook_payload(SECRET, headers, form(BODY)) is True


@pytest.mark.parametrize("wrong", [None, 1, 1.5, object(), {1}])
def test_other_types_of_bodies_are_refused(wrong):
    with pytest.raises(TypeError, match="body"):
        WEBHOOK.verify(wrong, WEBHOOK.sign(BODY))


def test_every_form_of_headers_is_accepted():
    headers = WEBHOOK.sign(BODY)
    message = email.message.Message()
    for name, value in headers.items():
        message[name.title()] = value
    forms = [headers, message, list(headers.items()), tuple(headers.items()), iter(headers.items())]
    forms += [{name.upper(): value for name, value in headers.items()}, {name: [value] for name, value in headers.items()}]
    forms += [[(name.encode(), value.encode()) for name, value in headers.items()], {**headers, "x": None, "host": "h"}]
    forms += [{"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()} | {"wsgi.errors": object()}]
    for form in forms:
        assert WEBHOOK.verify(BODY, form).id == "evt_1"
    message["webhook-signature"] = "v1,AAAA"
    assert WEBHOOK.verify(BODY, message).id == "evt_1"
    for wrong in (None, "webhook-id", b"webhook-id", 1, [1], [("a",)], [(1, "a")], {**headers, "webhook-timestamp": 1}):
        with pytest.raises(TypeError, match="header"):
            WEBHOOK.verify(BODY, wrong)
    with pytest.raises(headcount.WebhookVerificationError) as refused:
        WEBHOOK.verify(BODY, {})
    assert refused.value.reason == "missing_header"


def test_secrets_tolerances_and_times_are_accepted_in_every_form_and_refused_if_invalid():
    signed = headcount.Webhook(OTHER).sign(BODY)
    for secrets in ([SECRET, OTHER], (SECRET, OTHER), f"{SECRET} {OTHER}", iter([SECRET, OTHER])):
        assert headcount.Webhook(secrets).verify(BODY, signed).id == "evt_1"
    at = datetime(2025, 1, 1, tzinfo=timezone.utc)
    kept = WEBHOOK.sign(BODY, "msg_1", at)
    assert (kept["webhook-id"], kept["webhook-timestamp"]) == ("msg_1", "1735689600")
    for now in (at, 1735689600, 1735689600.9, at.astimezone(timezone(timedelta(hours=9))), at + timedelta(seconds=300)):
        assert WEBHOOK.verify(BODY, kept, now=now).id == "evt_1"
    with pytest.raises(headcount.WebhookVerificationError) as refused:
        WEBHOOK.verify(BODY, kept, now=at + timedelta(seconds=301))
    assert refused.value.reason == "too_old"
    assert headcount.Webhook(SECRET, tolerance=301).verify(BODY, kept, now=at + timedelta(seconds=301))
    assert headcount.Webhook(SECRET, timedelta(seconds=301)).verify(BODY, kept, now=at + timedelta(seconds=301))
    with pytest.raises(headcount.WebhookVerificationError) as refused:
        headcount.Webhook(SECRET, max_body=3).verify(BODY, kept, now=at)
    assert refused.value.reason == "body_too_large"
    for wrong in (datetime(2025, 1, 1), float("nan"), 10**30):
        with pytest.raises(headcount.InvalidArgumentError):
            WEBHOOK.verify(BODY, kept, now=wrong)
    with pytest.raises(headcount.InvalidArgumentError):
        headcount.Webhook(SECRET, tolerance=-1)
    with pytest.raises(headcount.InvalidArgumentError):
        WEBHOOK.sign(BODY, id="a\nb")
    for wrong in (1, SECRET.encode(), [1]):
        with pytest.raises(TypeError):
            headcount.Webhook(wrong)


def test_secrets_are_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", f' "{OTHER} {SECRET}" ')
    assert headcount.Webhook().verify(BODY, WEBHOOK.sign(BODY)).id == "evt_1"
    monkeypatch.delenv("SCALEKIT_WEBHOOK_SECRET")
    with pytest.raises(headcount.ConfigError, match="SCALEKIT_WEBHOOK_SECRET"):
        headcount.Webhook()


def test_functions_without_a_webhook_object_verify_signatures():
    client = headcount.Client("https://acme.scalekit.example", "id", "secret")
    headers = WEBHOOK.sign(BODY)
    assert client.verify_webhook_payload(SECRET, headers, BODY) is True
    interceptor = {name.replace("webhook", "interceptor"): value for name, value in headers.items()}
    assert client.verify_interceptor_payload(SECRET, interceptor, BODY) is True
    assert headcount.verify_interceptor_payload(SECRET, interceptor, json.loads(BODY)) is True
    with pytest.raises(headcount.WebhookVerificationError) as refused:
        client.verify_webhook_payload(secret=SECRET, headers=headers, payload=BODY + b" ")
    assert refused.value.reason == "no_match"


def test_events_are_compared_hashed_and_pickled_by_value():
    event = WEBHOOK.verify(BODY, WEBHOOK.sign(BODY))
    again = WEBHOOK.verify(BODY, WEBHOOK.sign(BODY))
    assert event == again and hash(event) == hash(again) and event != 1
    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event
    assert event.occurred_at == datetime(2025, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)
    assert "José" not in repr(event) and "evt_1" in repr(event)
    assert SECRET not in repr(WEBHOOK) and SECRET[6:] not in repr(WEBHOOK)
    with pytest.raises(AttributeError):
        event.id = "evt_2"


def test_a_parsed_body_that_is_nested_too_deep_is_refused():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(headcount.WebhookVerificationError) as refused:
        WEBHOOK.verify(deep, WEBHOOK.sign(b"[]"))
    assert refused.value.reason == "no_match"


def test_threads_can_share_a_webhook():
    failures = []

    def work():
        for number in range(200):
            body = BODY.replace(b"evt_1", b"evt_%d" % number)
            if WEBHOOK.verify(body, WEBHOOK.sign(body)).id != f"evt_{number}":
                failures.append(number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
