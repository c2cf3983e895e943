#!/usr/bin/env python3
"""Writes the webhook test vectors that all four languages run. README.md describes the files.

    python3 tests/vectors/generate.py            write the files
    python3 tests/vectors/generate.py --check    exit with 1 if the committed files are out of date

Python 3.9 or newer, standard library only. The signatures come from Python's own `hmac` and `hashlib`, not from
headcount, so that a mistake in headcount's code is not in the vectors as well. Nothing here reads a clock or a random source.
"""

import base64
import fnmatch
import hashlib
import hmac
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVENTS = json.loads((HERE.parent / "contract" / "webhook-events.json").read_text(encoding="utf-8"))

NOW = 1700000000
TIMESTAMP = str(NOW)
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
MIB = 1 << 20


def key_of(name, length=24):
    """Derives a key's bytes from a name."""
    return hashlib.sha512(f"headcount test vectors: {name}".encode()).digest()[:length]


def b64(data):
    return base64.b64encode(data).decode()


def secret_of(key):
    return "whsec_" + b64(key)


KEY, OLD_KEY, OTHER_KEY = key_of("current"), key_of("old"), key_of("other")
SECRET, OLD_SECRET, OTHER_SECRET = secret_of(KEY), secret_of(OLD_KEY), secret_of(OTHER_KEY)


def compact(value):
    """Writes JSON as `JSON.stringify` does."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


EVENT = EVENTS["organization.directory.user_created"]
BODY = compact(EVENT)


# --- the forms of a body and of a header's value (described in README.md) ---


def expand(form):
    """Returns the bytes of a body in one of its three forms."""
    if isinstance(form, str):
        return form.encode()
    if "hex" in form:
        return bytes.fromhex(form["hex"])
    count = form["count"]
    text = form.get("prefix", "") + form["repeat"] * count + form.get("middle", "")
    return (text + form.get("repeat_after", "") * count + form.get("suffix", "")).encode()


def binary(data):
    return {"hex": data.hex()}


def header_value(value):
    """Writes printable ASCII as a string, anything else as hex."""
    if isinstance(value, bytes) and not all(32 <= byte < 127 for byte in value):
        return binary(value)
    return value.decode() if isinstance(value, bytes) else value


def to_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


# --- signing ---


def mac(body=BODY, id=ID, timestamp=TIMESTAMP, key=KEY):
    message = b".".join([to_bytes(id), to_bytes(timestamp), expand(body)])
    return hmac.new(key, message, hashlib.sha256).digest()


def signature(body=BODY, id=ID, timestamp=TIMESTAMP, key=KEY):
    return "v1," + b64(mac(body, id, timestamp, key))


def headers(body=BODY, id=ID, timestamp=TIMESTAMP, key=KEY, signatures=None, signed_id=None, signed_timestamp=None, family="webhook"):
    """Makes the three headers. `signed_…` are the values that are signed, if they differ from those of the headers."""
    if signatures is None:
        signatures = signature(body, id if signed_id is None else signed_id, timestamp if signed_timestamp is None else signed_timestamp, key)
    return [[f"{family}-id", header_value(id)], [f"{family}-timestamp", header_value(timestamp)], [f"{family}-signature", header_value(signatures)]]


def without(pairs, name):
    return [pair for pair in pairs if pair[0] != name]


def replaced(pairs, name, value):
    return [[key, value if key == name else old] for key, old in pairs]


def renamed(pairs, rename):
    return [[rename(name), value] for name, value in pairs]


# --- webhook_verify.json ---


class Cases:
    """Collects cases and checks that their names are unique."""

    def __init__(self):
        self.list = []

    def add(self, case):
        assert all(case["name"] != other["name"] for other in self.list), case["name"]
        self.list.append(case)


def event_expectation(body, occurred_at=None):
    """Returns the expected fields of an event. `occurred_at` is the expected time, if the body lacks it or has it in another form."""
    event = json.loads(expand(body))

    def text(name):
        value = event.get(name)
        # A lone surrogate counts as U+FFFD.
        return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else ""

    return {
        "id": text("id") or ID,
        "type": text("type"),
        "occurred_at": occurred_at or event["occurred_at"],
        "organization_id": text("organization_id"),
        "environment_id": text("environment_id"),
    }


def verify_cases():
    cases = Cases()

    def case(name, why, reason=None, call="verify_signature", secrets=(SECRET,), tolerance=None, now=NOW, head=None, body=BODY, occurred_at=None):
        made = {"name": name, "why": why, "call": call, "secrets": list(secrets)}
        if tolerance is not None:
            made["tolerance"] = tolerance
        made["now"] = now
        made["headers"] = headers(body) if head is None else head
        made["body"] = body
        if reason is not None:
            made["expect"] = {"ok": False, "reason": reason}
        elif call == "verify":
            made["expect"] = {"ok": True, "event": event_expectation(body, occurred_at)}
        else:
            made["expect"] = {"ok": True}
        cases.add(made)

    def event(name, why, reason=None, body=BODY, occurred_at=None, **rest):
        case(name, why, reason, call="verify", body=body, occurred_at=occurred_at, **rest)

    plain = headers()

    # Valid messages.
    event("plain", "a signed event, as the vendor sends it")
    case("plain_signature_only", "the signature of the same message, without reading the event")
    for kind in ["organization.created", "organization.directory.group_deleted", "role.created", "connected_account.created"]:
        event(f"event_{kind.replace('.', '_')}", "a published event; some have no organization or display name", body=compact(EVENTS[kind]))

    # Header names.
    styles = {
        "lower": str.lower,
        "upper": str.upper,
        "title": str.title,
        "capital": str.capitalize,
        "mixed": lambda name: "".join(letter.upper() if at % 2 else letter for at, letter in enumerate(name)),
    }
    for style, rename in styles.items():
        case(f"header_names_{style}", "header names are case-insensitive", head=renamed(plain, rename))
    case("header_names_other_order", "headers may be in any order", head=list(reversed(plain)))
    noise = [["Host", "example.com"], ["Content-Type", "application/json"], ["Webhook", "x"], ["webhook-id-2", "x"], ["x-webhook-signature", "x"], ["User-Agent", ""]]
    case("header_names_among_others", "other headers are ignored, even with similar names", head=noise[:3] + plain + noise[3:])
    case("header_names_with_underscores", "underscores in header names are not dashes", "missing_header", head=renamed(plain, lambda name: name.replace("-", "_")))
    case("header_names_svix", "the svix-* headers are not accepted", "missing_header", head=renamed(plain, lambda name: name.replace("webhook", "svix")))

    # Missing and empty headers.
    case("headers_none", "no headers", "missing_header", head=[])
    case("headers_all_empty", "three empty headers", "missing_header", head=[[name, ""] for name, _ in plain])
    for part in ["id", "timestamp", "signature"]:
        case(f"only_{part}", "one of the three headers is not enough", "missing_header", head=[pair for pair in plain if pair[0] == f"webhook-{part}"])
        case(f"missing_{part}", "each of the three headers is required", "missing_header", head=without(plain, f"webhook-{part}"))
        case(f"empty_{part}", "an empty header counts as missing", "missing_header", head=replaced(plain, f"webhook-{part}", ""))
    case("empty_id_signed_so", "an empty id is refused even with a valid signature", "missing_header", head=headers(id=""))

    # Repeated headers.
    case("repeated_id_first_counts", "if the id is repeated, the first one counts", head=plain + [["Webhook-Id", "msg_other"]])
    case("repeated_id_wrong_first", "if the id is repeated, the first one counts, even if it is wrong", "no_match", head=[["Webhook-Id", "msg_other"]] + plain)
    case("repeated_id_twice_the_same", "the same id twice", head=plain + [plain[0]])
    case("repeated_id_many", "a thousand further ids are ignored", head=plain + [["webhook-id", f"msg_{number}"] for number in range(1000)])
    for at, part in enumerate(["id", "timestamp", "signature"]):
        case(f"repeated_{part}_empty_first", "an empty header counts as missing: the next one with the name counts", head=[[f"webhook-{part}", ""]] + plain)
        case(f"repeated_{part}_empty_after", "an empty header counts as missing: the earlier one with the name counts", head=plain + [[f"webhook-{part}", ""]])
        case(f"repeated_{part}_all_empty", "several empty headers count as missing", "missing_header", head=replaced(plain, f"webhook-{part}", "") + [[f"Webhook-{part.title()}", ""]])
    case("repeated_timestamp_malformed_first", "if the timestamp is repeated, the first one counts, even if it is malformed", "invalid_timestamp", head=[["webhook-timestamp", "now"]] + plain)
    case("repeated_timestamp_first_counts", "if the timestamp is repeated, the first one counts", head=plain + [["webhook-timestamp", "1"]])
    case("repeated_timestamp_wrong_first", "if the timestamp is repeated, the first one counts, even if it is wrong", "too_old", head=[["webhook-timestamp", "1"]] + plain)
    wrong = signature(key=OTHER_KEY)
    case("repeated_signature_wrong_first", "every signature header is tried", head=[["webhook-signature", wrong]] + plain)
    case("repeated_signature_right_first", "every signature header is tried", head=plain + [["WEBHOOK-SIGNATURE", wrong]])
    case("repeated_signature_three", "every signature header is tried, and every signature in it", head=[["webhook-signature", wrong], ["webhook-signature", f"v2,x {wrong}"]] + plain)
    case("repeated_signature_all_wrong", "several signature headers without a valid signature", "no_match", head=headers(signatures=wrong) + [["webhook-signature", wrong]])
    case("repeated_signature_not_joined", "a signature split over two headers is not valid", "no_match", head=headers(signatures=signature()[:20]) + [["webhook-signature", signature()[20:]]])

    # The two families of headers: webhook-* and interceptor-*.
    interceptor = headers(family="interceptor")
    case("interceptor_family", "interceptors use the interceptor-* headers", head=interceptor)
    case("interceptor_family_title_case", "interceptor header names are case-insensitive", head=renamed(interceptor, str.title))
    case("interceptor_missing_signature", "each of the three headers is required", "missing_header", head=interceptor[:2])
    bad_interceptor = headers(family="interceptor", key=OTHER_KEY)
    bad_webhook = headers(key=OTHER_KEY)
    case("families_both_webhook_wins", "if both families are complete, webhook-* counts", head=bad_interceptor + plain)
    case("families_both_webhook_wrong", "if both families are complete, webhook-* counts, even if it is wrong", "no_match", head=interceptor + bad_webhook)
    case("families_webhook_incomplete", "if webhook-* is incomplete, a complete interceptor-* counts", head=bad_webhook[:2] + interceptor)
    case("families_webhook_empty_signature", "an empty header makes the family incomplete", head=replaced(plain, "webhook-signature", "") + interceptor)
    case("families_mixed", "headers of one family do not complete the other", "missing_header", head=[plain[0], interceptor[1], plain[2]])
    case("families_both_incomplete", "two incomplete families are not a complete one", "missing_header", head=plain[:2] + interceptor[1:])

    # The id.
    for name, id, why in [
        ("spaces", "msg with  spaces", "spaces inside the id are part of it"),
        ("one_byte", "1", "an id may be short"),
        ("utf8", "msg_\u00e9\u4e2d".encode(), "the bytes of the header are signed: UTF-8"),
        ("latin1", b"msg_\xe9\xff", "the bytes of the header are signed: not UTF-8"),
        ("blank", " ", "a space is a valid id"),
        ("comma", "msg_1,msg_2", "a comma does not separate ids"),
        ("emoji", "msg_\U0001f600".encode(), "the bytes of the header are signed: four-byte UTF-8"),
        ("combining", "msg_e\u0301".encode(), "Unicode is not normalized"),
        ("utf8_of_latin1", "msg_\u00c3\u00a9".encode(), "the bytes of the header are signed: UTF-8 that looks like it was encoded twice"),
        ("cut_utf8", b"msg_\xf0\x9f\x98", "the bytes of the header are signed: incomplete UTF-8"),
        ("control_characters", b"msg_\x01\x1b\x7f", "the bytes of the header are signed: control characters"),
        ("nul", b"msg_\0_1", "a NUL byte does not end the text"),
        ("256_bytes", "m" * 256, "the longest accepted id"),
        ("256_bytes_of_latin1", b"\xe9" * 256, "the limit counts bytes, not characters"),
    ]:
        case(f"id_{name}", why, head=headers(id=id))
    for name, id in [("dots", "msg.1.2"), ("dots_at_the_ends", ".msg."), ("only_dots", "..."), ("dot_and_timestamp", f"msg.{TIMESTAMP}")]:
        case(f"id_{name}", "an id with a dot is refused even with a valid signature, since the signed text could be split elsewhere", "no_match", head=headers(id=id))
    case("id_257_bytes", "an id of more than 256 bytes is refused even with a valid signature", "no_match", head=headers(id="m" * 257))
    case("id_8192_bytes", "a much longer id is refused", "no_match", head=headers(id="m" * 8192))
    case("id_257_bytes_of_utf8", "the limit counts bytes, not characters", "no_match", head=headers(id=("\u00e9" * 128 + "m").encode()))
    case("id_latin1_for_utf8", "the bytes of the header are signed, not their characters", "no_match", head=headers(id=b"msg_\xe9", signed_id="msg_\u00e9"))
    case("id_normalised", "Unicode is not normalized", "no_match", head=headers(id="msg_\u00e9".encode(), signed_id="msg_e\u0301"))
    case("id_cut_at_nul", "a NUL byte does not end the text", "no_match", head=headers(id=b"msg_\0_1", signed_id="msg_"))
    case("id_trimmed", "white space around the id is part of it", "no_match", head=headers(id=ID + " ", signed_id=ID))
    case("id_changed", "the id is signed", "no_match", head=replaced(plain, "webhook-id", ID + "x"))
    case("id_case_changed", "the id is signed, and is case-sensitive", "no_match", head=replaced(plain, "webhook-id", ID.upper()))
    case("id_dot_moved", "an attacker cannot move the dot between id and timestamp", "no_match", head=headers(id="msg", timestamp=TIMESTAMP, signed_id="msg." + TIMESTAMP))

    # The timestamp's form. The signatures are over the bytes of the header, so that only the form is wrong.
    for name, timestamp, why in [
        ("plus_sign", "+1700000000", "a sign is not a digit"),
        ("minus_sign", "-1700000000", "a sign is not a digit"),
        ("fraction", "1700000000.0", "whole seconds only"),
        ("minus_zero", "-0", "a sign is not a digit"),
        ("two_signs", "--1700000000", "a sign is not a digit"),
        ("sign_after", "1700000000-", "a sign is not a digit"),
        ("fraction_after_comma", "1700000000,0", "whole seconds only"),
        ("bare_point_after", "1700000000.", "whole seconds only"),
        ("bare_point_before", ".1700000000", "whole seconds only"),
        ("exponent", "17e8", "digits only"),
        ("exponent_capital", "17E8", "digits only"),
        ("exponent_with_fraction", "1.7e9", "digits only"),
        ("exponent_zero", "1700000000e0", "digits only"),
        ("exponent_huge", "1e400", "digits only"),
        ("hexadecimal", "0x6553f100", "digits only"),
        ("hexadecimal_capital", "0X6553F100", "digits only"),
        ("hexadecimal_bare", "6553f100", "digits only"),
        ("octal", "0o14524770400", "digits only"),
        ("binary", "0b1100101010100111111000100000000", "digits only"),
        ("big_int", "1700000000n", "digits only"),
        ("percent", "%31700000000", "percent-encoding is not decoded"),
        ("quoted", '"1700000000"', "quotes are not digits"),
        ("semicolon", "1700000000;", "digits only"),
        ("underscore", "1_700_000_000", "digits only"),
        ("comma", "1,700,000,000", "digits only"),
        ("leading_space", " 1700000000", "white space is not a digit"),
        ("trailing_space", "1700000000 ", "white space is not a digit"),
        ("trailing_tab", b"1700000000\t", "white space is not a digit"),
        ("leading_tab", b"\t1700000000", "white space is not a digit"),
        ("inner_space", "17000 00000", "white space is not a digit"),
        ("trailing_newline", b"1700000000\n", "white space is not a digit"),
        ("trailing_crlf", b"1700000000\r\n", "white space is not a digit"),
        ("form_feed", b"1700000000\f", "white space is not a digit"),
        ("vertical_tab", b"\v1700000000", "white space is not a digit"),
        ("trailing_nul", b"1700000000\0", "a NUL byte does not end the text"),
        ("only_nul", b"\0", "a NUL byte does not end the text"),
        ("byte_order_mark", b"\xef\xbb\xbf1700000000", "a byte order mark is not a digit"),
        ("zero_width_space", "1700000000\u200b".encode(), "white space outside of ASCII is not a digit"),
        ("devanagari", "\u0967\u096d\u0966\u0966\u0966\u0966\u0966\u0966\u0966\u0966".encode(), "ASCII digits only (in UTF-8)"),
        ("mathematical", "\U0001d7cf\U0001d7d5".encode() + b"00000000", "ASCII digits only (in UTF-8)"),
        ("no_break_space", b"1700000000\xa0", "white space outside of ASCII is not a digit"),
        ("blank", " ", "a space is not a digit"),
        ("arabic_indic", "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660".encode(), "ASCII digits only (in UTF-8)"),
        ("full_width", "\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10".encode(), "ASCII digits only (in UTF-8)"),
        ("superscript", b"170000000\xb2", "ASCII digits only (superscript two in Latin-1)"),
        ("words", "now", "digits only"),
        ("nan", "NaN", "digits only"),
        ("infinity", "Infinity", "digits only"),
        ("null", "null", "digits only"),
        ("true", "true", "digits only"),
        ("iso_date", "2023-11-14T22:13:20Z", "Unix seconds only"),
        ("list", "1700000000,1700000000", "two timestamps joined by a framework are not a number"),
        ("i64_overflow", "9223372036854775808", "one more than the largest i64"),
        ("i64_wrap", "18446744075409551616", "an integer that overflows 64 bits to the current time is refused"),
        ("20_digits", "17000000000000000000", "20 digits overflow an i64"),
        ("u64_largest", "18446744073709551615", "more than the largest i64"),
        ("u64_overflow", "18446744073709551616", "more than the largest u64"),
        ("i64_smallest", "-9223372036854775808", "a sign is not a digit"),
        ("256_nines", "9" * 256, "more than the largest number of any machine word"),
        ("over_long", "0" * 247 + TIMESTAMP, "257 bytes are longer than any real timestamp"),
    ]:
        case(f"timestamp_{name}", why, "invalid_timestamp", head=headers(timestamp=timestamp))
    case("timestamp_i64_largest", "the largest i64", "too_new", head=headers(timestamp="9223372036854775807"))
    for name, seconds in [("i32_largest", 2**31 - 1), ("i32_overflow", 2**31), ("u32_overflow", 2**32), ("u32_wrap", 2**32 + NOW), ("above_2_to_the_53", 2**53 + 1)]:
        case(f"timestamp_{name}", "a time far in the future does not overflow", "too_new", head=headers(timestamp=str(seconds)))
    case("timestamp_i64_largest_with_zeros", "leading zeros do not overflow", "too_new", head=headers(timestamp="000" + str(2**63 - 1)))
    case("timestamp_microseconds", "microseconds are a time far in the future", "too_new", head=headers(timestamp=TIMESTAMP + "000000"))
    case("timestamp_nanoseconds", "nanoseconds are a time far in the future", "too_new", head=headers(timestamp=TIMESTAMP + "000000000"))
    case("timestamp_one", "a time in 1970", "too_old", head=headers(timestamp="1"))
    case("timestamp_only_zeros", "zero is a valid timestamp, also with leading zeros", head=headers(timestamp="0000"), now=0)
    case("timestamp_milliseconds", "milliseconds are a time far in the future", "too_new", head=headers(timestamp=TIMESTAMP + "000"))
    case("timestamp_zero", "a time in 1970", "too_old", head=headers(timestamp="0"))
    case("timestamp_zero_now_zero", "zero is a valid timestamp", head=headers(timestamp="0"), now=0)
    case("timestamp_leading_zeros", "the bytes of the header are signed, with their leading zeros", head=headers(timestamp="000" + TIMESTAMP))
    case("timestamp_leading_zeros_256_bytes", "the longest accepted timestamp", head=headers(timestamp="0" * 246 + TIMESTAMP))

    # Timestamps that another implementation would parse as a number and write again before it computes the signature.
    for name, timestamp in [
        ("letters_after", "1700000000abc"),
        ("underscore", "1700000000_0"),
        ("plus", "+1700000000"),
        ("fraction", "1700000000.9"),
        ("space", " 1700000000"),
        ("exponent", "1.7e9"),
        ("arabic_indic", "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660".encode()),
    ]:
        case(f"reprinted_{name}", "the number is signed, and another form of it is sent", "invalid_timestamp", head=headers(timestamp=timestamp, signed_timestamp=TIMESTAMP))
    case("reprinted_leading_zero", "the number is signed, and sent with a leading zero", "no_match", head=headers(timestamp="0" + TIMESTAMP, signed_timestamp=TIMESTAMP))
    case("reprinted_without_zeros", "the number is signed with leading zeros, and sent without", "no_match", head=headers(timestamp=TIMESTAMP, signed_timestamp="000" + TIMESTAMP))
    case("reprinted_milliseconds", "milliseconds are signed, and seconds are sent", "no_match", head=headers(timestamp=TIMESTAMP, signed_timestamp=TIMESTAMP + "000"))
    case("timestamp_changed", "the timestamp is signed", "no_match", head=headers(timestamp=str(NOW + 1), signed_timestamp=TIMESTAMP))

    # The tolerance.
    for name, seconds, reason in [
        ("old_edge", 300, None),
        ("old_past", 301, "too_old"),
        ("new_edge", -300, None),
        ("new_past", -301, "too_new"),
        ("old_inside", 299, None),
        ("new_inside", -299, None),
    ]:
        case(f"tolerance_{name}", "five minutes in both directions, inclusive", reason, now=NOW + seconds)
    for name, seconds, reason in [("old_edge", 1, None), ("old_past", 2, "too_old"), ("new_edge", -1, None), ("new_past", -2, "too_new")]:
        case(f"tolerance_one_{name}", "a tolerance of one second", reason, tolerance=1, now=NOW + seconds)
    case("tolerance_edge_with_zeros", "leading zeros do not change the time", head=headers(timestamp="000" + TIMESTAMP), now=NOW + 300)
    case("tolerance_past_with_zeros", "leading zeros do not change the time", "too_old", head=headers(timestamp="000" + TIMESTAMP), now=NOW + 301)
    for name, seconds, reason in [("exact", 0, None), ("old", 1, "too_old"), ("new", -1, "too_new")]:
        case(f"tolerance_zero_{name}", "a tolerance of zero accepts the current second only", reason, tolerance=0, now=NOW + seconds)
    case("tolerance_day_edge", "a tolerance of a day", tolerance=86400, now=NOW + 86400)
    case("tolerance_day_past", "a tolerance of a day", "too_old", tolerance=86400, now=NOW + 86401)
    case("tolerance_day_new_edge", "a tolerance of a day", tolerance=86400, now=NOW - 86400)
    case("tolerance_day_new_past", "a tolerance of a day", "too_new", tolerance=86400, now=NOW - 86401)

    # Lists of signatures.
    right = signature()
    raw = mac()
    bare = b64(raw)
    # The last character before the padding has two unused bits. They are zero in canonical base64.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    loose = bare[:-2] + alphabet[alphabet.index(bare[-2]) + 1] + "="
    assert base64.b64decode(loose) == raw and loose != bare
    junk = {
        "empty_tokens": "   ",
        "version_only": "v1",
        "no_signature": "v1,",
        "comma_only": ",",
        "not_base64": "v1,!!!!",
        "asymmetric": "v1a," + b64(key_of("asymmetric", 64)),
        "other_version": "v2," + bare,
        "unpadded": "v1," + b64(key_of("wrong", 32)).rstrip("="),
        "too_short": "v1," + b64(key_of("wrong", 31)),
        "too_long": "v1," + b64(key_of("wrong", 33)),
        "sha512": "v1," + b64(key_of("wrong", 64)),
        "wrong": wrong,
        "non_ascii": "v1,\u00e9\u00e9".encode(),
        "invalid_utf8": b"v1,\xff\xfe",
        "full_width": "\uff561,".encode() + bare.encode(),
        "words": "lorem ipsum",
        "padding_only": "v1,====",
        "commas": "v1,,," + bare,
        "two_versions": "v1,v1," + bare,
        "version_zero": "v0," + bare,
        "bare": b64(key_of("wrong", 32)),
        "json": '{"v1":"' + bare + '"}',
        "percent": "v1%2C" + bare,
        "control_characters": b"v1,\x01\x1b\x7f",
        "nul": b"v1,\0" + bare.encode(),
        "tab": b"v1,\t" + bare.encode(),
        "newline": b"v1,\r\n" + bare.encode(),
        "no_break_space": b"v1,\xa0" + bare.encode(),
        "long": "v1," + "A" * 4000,
    }
    for name, text in junk.items():
        listed = to_bytes(text)
        case(f"junk_before_{name}", "a malformed or wrong signature before the valid one is skipped", head=headers(signatures=listed + b" " + right.encode()))
        case(f"junk_between_{name}", "a malformed or wrong signature between a wrong one and the valid one is skipped", head=headers(signatures=wrong.encode() + b" " + listed + b" " + right.encode()))
        case(f"junk_after_{name}", "a malformed or wrong signature after the valid one is ignored", head=headers(signatures=right.encode() + b" " + listed))
        case(f"junk_around_{name}", "malformed or wrong signatures on both sides of the valid one are skipped", head=headers(signatures=listed + b" " + right.encode() + b" " + listed))
    every = b" ".join(to_bytes(text) for name, text in junk.items() if name != "long")
    case("junk_every_kind_around", "all kinds of malformed signatures around the valid one", head=headers(signatures=every + b" " + right.encode() + b" v1,"))
    case("junk_every_kind_alone", "all kinds of malformed signatures without a valid one", "no_match", head=headers(signatures=every))
    case("signature_blank", "a signature header with spaces only has no signature", "no_match", head=headers(signatures="   "))
    case("signature_twice", "the valid signature twice", head=headers(signatures=f"{right} {right}"))
    for name, text, why in [
        ("without_version", bare, "the version is required"),
        ("other_version", "v2," + bare, "another version is another scheme"),
        ("asymmetric_version", "v1a," + bare, "another version is another scheme"),
        ("capital_version", "V1," + bare, "the version is case-sensitive"),
        ("longer_version", "v11," + bare, "the version has to match exactly"),
        ("version_zero", "v0," + bare, "another version is another scheme"),
        ("version_with_zero", "v01," + bare, "the version has to match exactly"),
        ("version_with_point", "v1.0," + bare, "the version has to match exactly"),
        ("version_without_letter", "1," + bare, "the version has to match exactly"),
        ("version_empty", "," + bare, "the version is required"),
        ("version_full_width", "\uff561,".encode() + bare.encode(), "the version has to be in ASCII"),
        ("version_twice", "v1,v1," + bare, "the version has to appear once"),
        ("semicolon_for_comma", "v1;" + bare, "the version has to be followed by a comma"),
        ("colon_for_comma", "v1:" + bare, "the version has to be followed by a comma"),
        ("blank_for_comma", "v1 " + bare, "the version has to be followed by a comma"),
        ("two_commas", "v1,," + bare, "the version has to be followed by one comma"),
        ("equals_for_comma", "v1=" + bare, "the version has to be followed by a comma"),
        ("space_after_comma", "v1, " + bare, "a signature contains no space"),
        ("with_extra", right + ",extra", "a signature with extra characters is malformed"),
        ("with_extra_padding", right + "=", "a signature with extra characters is malformed"),
        ("without_padding", right.rstrip("="), "base64 without padding is malformed"),
        ("non_canonical", "v1," + loose, "only canonical base64 is accepted"),
        ("junk_inside", "v1," + bare[:20] + "!" + bare[20:], "base64 with other characters inside is malformed"),
        ("nul_inside", right[:20].encode() + b"\0" + right[20:].encode(), "base64 with other characters inside is malformed"),
        ("nul_after", right.encode() + b"\0", "a NUL byte does not end the text"),
        ("tab_after", right.encode() + b"\t", "a signature with extra characters is malformed"),
        ("tab_before", b"\t" + right.encode(), "signatures are separated by spaces only"),
        ("no_break_space_before", b"\xa0" + right.encode(), "signatures are separated by spaces only"),
        ("percent_encoded", right.replace("=", "%3D"), "percent-encoding is not decoded"),
        ("junk_after", right + "!", "a signature with extra characters is malformed"),
        ("doubled", right + bare, "a signature with extra characters is malformed"),
        ("newline_inside", (right[:20] + "\n" + right[20:]).encode(), "base64 with white space inside is malformed"),
        ("tab_separated", f"{wrong}\t{right}".encode(), "signatures are separated by spaces only"),
        ("comma_separated", f"{wrong},{right}", "signatures are separated by spaces only"),
        ("comma_space_separated", f"{right}, {wrong}", "signatures are separated by spaces only"),
        ("newline_after", (right + "\n").encode(), "a signature with extra characters is malformed"),
        ("hexadecimal", "v1," + raw.hex(), "a signature has to be base64"),
        ("truncated", "v1," + b64(raw[:31]), "a signature has 32 bytes, not fewer"),
        ("longer", "v1," + b64(raw + b"\0"), "a signature has 32 bytes, not more"),
        ("one_bit_off", "v1," + b64(raw[:-1] + bytes([raw[-1] ^ 1])), "the last bit is compared"),
        ("first_bit_off", "v1," + b64(bytes([raw[0] ^ 128]) + raw[1:]), "the first bit is compared"),
        ("of_zeros", "v1," + b64(bytes(32)), "a signature of zeros"),
        ("sha1", "v1," + b64(hmac.new(KEY, f"{ID}.{TIMESTAMP}.{BODY}".encode(), hashlib.sha1).digest()), "another hash function"),
        ("sha512", "v1," + b64(hmac.new(KEY, f"{ID}.{TIMESTAMP}.{BODY}".encode(), hashlib.sha512).digest()), "another hash function"),
        ("hash_without_key", "v1," + b64(hashlib.sha256(f"{ID}.{TIMESTAMP}.{BODY}".encode()).digest()), "a plain hash without the key"),
        ("of_body_alone", "v1," + b64(hmac.new(KEY, BODY.encode(), hashlib.sha256).digest()), "the id and the timestamp have to be signed as well"),
        ("lower_case", right.lower(), "base64 is case-sensitive"),
        ("quoted", f'"{right}"', "quotes are not stripped"),
    ]:
        case(f"signature_{name}", why, "no_match", head=headers(signatures=text))
    id = next(id for id in map("msg_{}".format, range(99)) if "+" in signature(id=id) and "/" in signature(id=id))
    case("signature_standard_alphabet", "the standard alphabet has + and /", head=headers(id=id))
    url_safe = signature(id=id).replace("+", "-").replace("/", "_")
    case("signature_url_safe", "the standard alphabet only", "no_match", head=headers(id=id, signatures=url_safe))

    # Limits of the list.
    wrongs = [f"v1,{b64(key_of(f'wrong {number}', 32))}" for number in range(40)]
    case("list_right_32nd", "32 signatures are tried", head=headers(signatures=" ".join(wrongs[:31] + [right])))
    case("list_right_33rd", "only 32 signatures are tried", "no_match", head=headers(signatures=" ".join(wrongs[:32] + [right])))
    case("list_right_first_of_41", "signatures after the 32nd are ignored", head=headers(signatures=" ".join([right] + wrongs)))
    case("list_right_33rd_over_two_headers", "the limit applies to all signature headers together", "no_match", head=headers(signatures=" ".join(wrongs[:20])) + [["webhook-signature", " ".join(wrongs[20:32] + [right])]])
    case("list_right_after_blanks", "spaces do not count as signatures", head=headers(signatures=" " * 100 + right))
    padding = "v1," + "A" * (8192 - len(right) - len("v1, "))
    case("list_8192_bytes", "8192 bytes of signatures are accepted", head=headers(signatures=f"{right} {padding}"))
    case("list_8193_bytes", "more than 8192 bytes of signatures are refused, even with a valid one", "no_match", head=headers(signatures=f"{right} {padding}A"))
    case("list_over_8192_bytes_in_two_headers", "the limit applies to all signature headers together", "no_match", head=headers(signatures=right) + [["webhook-signature", "A" * 5000], ["webhook-signature", "A" * 5000]])

    # Secrets.
    case("secret_other", "signed with another secret", "no_match", head=headers(key=OTHER_KEY))
    case("secret_empty_key", "a message signed with the empty key", "no_match", head=headers(key=b""))
    case("secret_text_as_key", "the secret's text is not the key", "no_match", head=headers(key=SECRET.encode()))
    case("secret_base64_as_key", "the secret's base64 is not the key", "no_match", head=headers(key=b64(KEY).encode()))
    case("rotation_new_signs", "signed with the first of two secrets", secrets=[SECRET, OLD_SECRET])
    case("rotation_old_signs", "signed with the second of two secrets", secrets=[OLD_SECRET, SECRET])
    case("rotation_third_signs", "signed with the last of three secrets", secrets=[OLD_SECRET, OTHER_SECRET, SECRET])
    case("rotation_none_signs", "signed with neither of two secrets", "no_match", secrets=[OLD_SECRET, OTHER_SECRET])
    case("rotation_both_sign", "both sender and receiver have two secrets", secrets=[OLD_SECRET, SECRET], head=headers(signatures=f"{wrong} {signature(key=OLD_KEY)}"))
    case("rotation_in_one_string", "a string may contain two secrets", secrets=[f"{OLD_SECRET} {SECRET}"])
    case("rotation_in_one_string_first", "a string may contain two secrets", secrets=[f"{SECRET} {OLD_SECRET}"])
    case("rotation_in_one_string_neither", "signed with neither of two secrets in one string", "no_match", secrets=[f"{OLD_SECRET}  {OTHER_SECRET}"])
    case("secret_without_prefix", "the prefix is optional", secrets=[b64(KEY)])
    unpadded = key_of("unpadded", 25)
    case("secret_padded", "a secret with padding", secrets=[secret_of(unpadded)], head=headers(key=unpadded))
    case("secret_unpadded", "a secret without its padding", secrets=[secret_of(unpadded).rstrip("=")], head=headers(key=unpadded))
    case("secret_white_space_around", "white space around a secret is removed", secrets=[f" \t{SECRET}\r\n"])
    case("secret_double_quotes", "a pair of quotes around a secret is removed", secrets=[f'"{SECRET}"'])
    case("secret_single_quotes", "quotes and white space around a secret are removed", secrets=[f" '{SECRET}' "])
    for length in [16, 32, 64, 65]:
        key = key_of("length", length) if length <= 64 else key_of("length", 64) + b"!"
        case(f"secret_{length}_bytes", "keys may have any length from 16 bytes, also more than a block of the hash", secrets=[secret_of(key)], head=headers(key=key))

    # Bodies; only the signature is checked.
    for name, body, why in [
        ("empty", "", "an empty body can be signed"),
        ("not_json", "hello", "the signature alone does not need a JSON body"),
        ("binary", binary(bytes(range(256))), "any bytes can be signed"),
        ("invalid_utf8", binary(b'{"a":"\xff\xfe"}'), "any bytes can be signed"),
        ("bom", binary(b"\xef\xbb\xbf" + BODY.encode()), "a byte order mark is part of the body"),
        ("crlf", "{\r\n\t\"a\": 1\r\n}\r\n", "line ends are part of the body"),
        ("nul", binary(b'{"a":1}\0\0'), "a NUL byte does not end the text"),
        ("only_nul", binary(b"\0"), "a NUL byte does not end the text"),
        ("dots", "1700000000..", "dots in the body are part of it"),
        ("unicode", '{"a":"\u00e9\u4e2d\U0001f600\u2028"}', "UTF-8 is not changed"),
        ("64_bytes", {"repeat": "a", "count": 64}, "a body of one block of the hash"),
        ("one_byte", "x", "a body may be short"),
        ("blank", " ", "white space is part of the body"),
        ("lone_cr", binary(b"{\r\"a\": 1\r}\r"), "line ends are part of the body"),
        ("nul_first", binary(b'\0{"a":1}'), "a NUL byte does not end the text"),
        ("nul_inside", binary(b'{"a":\0001}'), "a NUL byte does not end the text"),
        ("only_bom", binary(b"\xef\xbb\xbf"), "a byte order mark is part of the body"),
        ("utf16_bom", binary(b"\xff\xfe{\0}\0"), "any bytes can be signed"),
        ("surrogates_in_utf8", binary(b'{"a":"\xed\xa0\x80"}'), "any bytes can be signed"),
        ("high_bytes", binary(b"\xff" * 100), "any bytes can be signed"),
        ("1_mib_less_1", {"repeat": "a", "count": MIB - 1}, "one byte less than the limit"),
        ("1_mib", {"repeat": "a", "count": MIB}, "the largest accepted body"),
    ]:
        case(f"body_{name}", why, body=body)
    too_large = {"repeat": "a", "count": MIB + 1}
    case("body_1_mib_and_1", "one byte more than the limit", "body_too_large", body=too_large)
    case("body_1_mib_of_two_bytes_each", "the limit counts bytes, not characters", body={"repeat": "\u00e9", "count": MIB // 2})
    case("body_1_mib_and_2_of_two_bytes_each", "the limit counts bytes, not characters", "body_too_large", body={"repeat": "\u00e9", "count": MIB // 2 + 1})
    changed = [
        ("changed", BODY.replace("Flowers", "Flowery") if "Flowers" in BODY else BODY[:-10] + "x" + BODY[-9:], "one byte changed"),
        ("shorter", BODY[:-1], "one byte less"),
        ("newline_added", BODY + "\n", "one byte more"),
        ("reformatted", json.dumps(EVENT, ensure_ascii=False), "the same JSON with blanks"),
        ("bom_added", binary(b"\xef\xbb\xbf" + BODY.encode()), "a byte order mark before the body"),
        ("nul_added", binary(BODY.encode() + b"\0"), "a NUL byte after the body"),
        ("blank_added", " " + BODY, "one byte more"),
        ("crlf_added", BODY + "\r\n", "two bytes more"),
        ("doubled", BODY * 2, "the same body twice"),
        ("cut_to_nothing", "", "an empty body"),
    ]
    for name, body, why in changed:
        assert body != BODY
        case(f"body_{name}", f"{why}: the body is signed", "no_match", head=plain, body=body)

    # Events.
    event("event_1_mib", "the largest accepted body, as an event", body={"prefix": BODY[:-1] + ',"padding":"', "repeat": "a", "count": MIB - len(BODY.encode()) - len(',"padding":""'), "suffix": '"}'})
    assert len(expand(cases.list[-1]["body"])) == MIB
    whole = cases.list[-1]["body"]
    event("event_1_mib_less_1", "one byte less than the limit, as an event", body={**whole, "count": whole["count"] - 1})
    event("event_1_mib_and_1", "one byte more than the limit, as an event", "body_too_large", body={**whole, "count": whole["count"] + 1})

    small = {"id": "evt_1", "type": "organization.directory.user_created", "occurred_at": "2025-01-06T18:44:25.153954Z", "organization_id": "org_1", "environment_id": "env_1", "data": {"id": "diruser_1"}}

    def with_(**fields):
        return compact({**small, **fields})

    def lacking(name):
        return compact({key: value for key, value in small.items() if key != name})

    start, data = compact(small)[: -len('{"id":"diruser_1"}}')], '{"id":"diruser_1"}'
    assert start.endswith('"data":')

    event("event_white_space", "JSON's white space around and inside the event", body="\r\n\t " + json.dumps(small, indent=2) + " \n")
    event("event_unknown_type", "an unknown type is accepted", body=with_(type="galaxy.exploded"))
    event("event_unknown_fields", "unknown fields are ignored", body=with_(something={"new": [1, 2]}, other=None))
    event("event_minimal", "id, type, occurred_at and data are enough", body=compact({key: small[key] for key in ["id", "type", "occurred_at", "data"]}))
    event("event_null_organization", "null counts as absent", body=with_(organization_id=None, environment_id=None))
    event("event_unicode", "UTF-8 and escapes in the envelope", body=start.replace("evt_1", "evt_\u00e9\\u4e2d\\ud83d\\ude00") + data + "}")
    event("event_unicode_data", "UTF-8 and escapes in the data", body=with_(data={"name": "Zo\u00eb \u5f20 \U0001f600 \u2028", "html": "<&>"}))
    event("event_escaped_keys", "keys may be escaped", body=compact(small).replace('"type"', '"\\u0074ype"'))
    event("event_large_integers", "integers larger than any machine word are kept as text", body=start + '{"n":123456789012345678901234567890,"m":-9007199254740993,"e":1e400}}')
    event("event_proto_keys", "__proto__ and similar names are ordinary keys", body=start + '{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":1},"__proto__":{"type":"x","id":"y"}}')
    event("event_duplicate_keys_in_data", "data is not validated", body=start + '{"id":"1","id":"2"}}')
    event("event_proto_first", "__proto__ before the fields that it could replace", body='{"__proto__":{"id":"evt_2","type":"x"},' + compact(small)[1:])
    event("event_proto_of_data", "__proto__ inside data", body=start + '{"__proto__":null,"hasOwnProperty":1,"":2}}')
    event("event_duplicate_unknown_keys", "unknown fields may be repeated", body=compact(small)[:-1] + ',"x":1,"x":2}')
    event("event_floats", "numbers in the data are kept as text", body=start + '{"a":1.0,"b":1e3,"c":-0.0,"d":0.1234567890123456789,"e":1E+2}}')
    event("event_crlf", "line ends of any kind are white space", body=json.dumps(small, indent=2).replace("\n", "\r\n"))
    event("event_nul_escaped", "an escaped NUL is an ordinary character", body=start + '{"name":"a\\u0000b"}}')
    for name, escape in [("high", "\\ud800"), ("low", "\\udc00"), ("in_capitals", "\\uDBFF"), ("reversed_pair", "\\ude00\\ud83d"), ("before_a_pair", "\\ud83d\\ud83d\\ude00")]:
        event(f"event_lone_surrogate_{name}", "a lone surrogate counts as U+FFFD", body=start.replace("evt_1", f"evt_{escape}").replace("org_1", f"org_{escape}") + '{"name":"' + escape + '"}}')
    event("event_lone_surrogate_after_backslash", "a backslash before ud800 is text, not an escape", body=start + '{"name":"\\\\ud800"}}')
    event("event_data_null", "data may be null", body=with_(data=None))
    event("event_data_array", "data may be any JSON", body=with_(data=[1, "2", [3]]))
    event("event_data_string", "data may be any JSON", body=with_(data="text"))
    event("event_brackets_in_strings", "brackets inside strings are not nesting", body=with_(data={"text": "[" * 200 + "\\\"" + "{" * 200}))
    event("event_long_id", "an event's id may be long", body=with_(id="e" * 1000))
    for name, sent, normal in [
        ("no_fraction", "2025-01-06T18:44:25Z", "2025-01-06T18:44:25Z"),
        ("zero_fraction", "2025-01-06T18:44:25.000Z", "2025-01-06T18:44:25Z"),
        ("trailing_zeros", "2025-01-06T18:44:25.120300Z", "2025-01-06T18:44:25.1203Z"),
        ("nanoseconds", "2025-01-06T18:44:25.123456789Z", "2025-01-06T18:44:25.123456789Z"),
        ("offset", "2025-01-07T00:14:25.5+05:30", "2025-01-06T18:44:25.5Z"),
        ("negative_offset", "2025-01-06T10:44:25-08:00", "2025-01-06T18:44:25Z"),
        ("before_1970", "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ("leap_day", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ]:
        event(f"event_time_{name}", "occurred_at in RFC 3339, to the nanosecond", body=with_(occurred_at=sent), occurred_at=normal)

    # Bodies with a valid signature that are not events.
    def malformed(name, why, body, **rest):
        event(f"malformed_{name}", why, "malformed_event", body=body, **rest)

    malformed("empty", "an empty body is not an event", "")
    malformed("blank", "white space is not an event", " \r\n")
    malformed("not_json", "plain text is not an event", "hello")
    for name, root in [("array", [small]), ("array_of_values", list(small.values())), ("empty_array", []), ("string", "evt_1"), ("number", 1), ("null", None), ("true", True)]:
        malformed(f"root_{name}", "an event is an object", compact(root))
    # Any JSON object with a valid signature is an event, unless it repeats a field of an event or is nested too deeply.
    def fallback(name, why, body, occurred_at=None):
        event(f"fallback_{name}", why, body=body, occurred_at=occurred_at)

    sent = "2023-11-14T22:13:20Z"
    assert NOW == 1700000000
    fallback("empty_object", "a body without any field", "{}", sent)
    for name, why in [("id", "the message's id replaces a missing id"), ("type", "a missing type is empty"), ("data", "missing data are null")]:
        fallback(f"without_{name}", why, lacking(name))
    fallback("without_occurred_at", "the message's timestamp replaces a missing time", lacking("occurred_at"), sent)
    for name, why in [("id", "the message's id replaces an id that is not a text"), ("type", "a type that is not a text is empty")]:
        for kind, value in [("empty", ""), ("null", None), ("number", 1), ("array", ["evt_1"]), ("object", {"a": 1}), ("true", True)]:
            fallback(f"{name}_{kind}", why, with_(**{name: value}))
    for name, value in [
        ("empty", ""), ("null", None), ("number", 1736189065), ("words", "yesterday"), ("date_only", "2025-01-06"), ("without_offset", "2025-01-06T18:44:25"),
        ("month_13", "2025-13-06T18:44:25Z"), ("february_30", "2025-02-30T18:44:25Z"), ("hour_25", "2025-01-06T25:44:25Z"), ("letters_after", "2025-01-06T18:44:25Zabc"),
        ("bare_fraction", "2025-01-06T18:44:25.Z"), ("rfc_2822", "Mon, 06 Jan 2025 18:44:25 +0000"),
    ]:
        fallback(f"occurred_at_{name}", "the message's timestamp replaces a time that is not in RFC 3339", with_(occurred_at=value), sent)
    fallback("organization_id_number", "an optional field of the wrong type is empty", with_(organization_id=1))
    fallback("organization_id_huge_number", "an optional field of the wrong type is empty", start.replace('"org_1"', "1e400") + data + "}")
    fallback("keys_of_other_case", "JSON keys are case-sensitive", compact(small).replace('"type"', '"Type"'))
    malformed("truncated", "half a body", compact(small)[:60])
    malformed("truncated_last_byte", "a body without its last bracket", compact(small)[:-1])
    malformed("trailing_garbage", "text after the event", compact(small) + "x")
    malformed("trailing_comma", "a comma after the event", compact(small) + ",")
    malformed("two_events", "two events in one body", compact(small) * 2)
    malformed("trailing_nul", "NUL is not white space", binary(compact(small).encode() + b"\0"))
    malformed("bom", "a byte order mark is not JSON", binary(b"\xef\xbb\xbf" + compact(small).encode()))
    malformed("utf16", "JSON is UTF-8", binary(compact(small).encode("utf-16")))
    malformed("invalid_utf8_in_data", "JSON is UTF-8", binary(start.encode() + b'{"name":"\xff"}}'))
    malformed("invalid_utf8_in_id", "JSON is UTF-8", binary(compact(small).encode().replace(b"evt_1", b"evt_\xe9")))
    malformed("single_quotes", "JSON has double quotes", compact(small).replace('"', "'"))
    malformed("comment", "JSON has no comments", "/* event */" + compact(small))
    malformed("comma_before_bracket", "JSON has no trailing commas", compact(small)[:-1] + ",}")
    malformed("nan_in_data", "JSON has no NaN", start + '{"n":NaN}}')
    malformed("leading_zero_in_data", "JSON's numbers have no leading zeros", start + '{"n":01}}')
    malformed("raw_newline_in_string", "JSON's strings contain no raw control characters", start + '{"n":"\n"}}')
    for name in ["id", "type", "occurred_at", "organization_id", "data"]:
        malformed(f"duplicate_{name}", "a repeated field is ambiguous", compact(small)[:-1] + "," + compact({name: small[name]})[1:])
    malformed("bom_inside", "a byte order mark is not white space", binary(compact(small)[:1].encode() + b"\xef\xbb\xbf" + compact(small)[1:].encode()))
    malformed("nul_before", "NUL is not white space", binary(b"\0" + compact(small).encode()))
    malformed("raw_nul_in_string", "JSON's strings contain no raw control characters", binary(start.encode() + b'{"n":"\0"}}'))
    malformed("no_break_space", "white space outside of ASCII is not JSON's", "\u00a0" + compact(small))
    malformed("duplicate_id_different", "the id is repeated with another value", compact(small)[:-1] + ',"id":"evt_2"}')
    malformed("duplicate_id_escaped", "the id is repeated with an escaped key", '{"\\u0069d":"evt_2",' + compact(small)[1:])

    # Nesting: the root is level 1, so the value of `data` is level 2.
    def nested(levels, open="[", close="]"):
        return {"prefix": start, "repeat": open, "count": levels - 1, "repeat_after": close, "suffix": "}"}

    def deep(name, why, body, reason=None):
        """Adds an event whose body is nested deeply. If it is accepted, its fields are those of `small`."""
        if reason is None:
            made = {"name": name, "why": why, "call": "verify", "secrets": [SECRET], "now": NOW, "headers": headers(body), "body": body}
            made["expect"] = {"ok": True, "event": event_expectation(compact(small))}
            cases.add(made)
        else:
            event(name, why, reason, body=body)

    objects = {"prefix": start, "repeat": '{"a":', "count": 127, "middle": "1", "repeat_after": "}", "suffix": "}"}
    deep("depth_128", "the deepest accepted nesting", nested(128))
    deep("depth_129", "one level more than accepted", nested(129), "malformed_event")
    deep("depth_10000", "deep nesting must not overflow a stack, in any language", nested(10000), "malformed_event")
    deep("depth_500000", "a body of brackets only must not overflow a stack", {"repeat": "[", "count": 500000, "repeat_after": "]"}, "malformed_event")
    deep("depth_unclosed", "unclosed brackets must not overflow a stack", {"repeat": "[", "count": 100000}, "malformed_event")
    deep("depth_128_objects", "objects count as levels like arrays", objects)
    deep("depth_129_objects", "objects count as levels like arrays", {**objects, "count": 128}, "malformed_event")
    deep("depth_10000_unknown_field", "nesting in unknown fields counts", {"prefix": compact(small)[:-1] + ',"x":', "repeat": "[", "count": 10000, "repeat_after": "]", "suffix": "}"}, "malformed_event")
    case("depth_10000_signature_only", "the signature alone does not parse the body", body=nested(10000))

    # Several defects: the order of the checks.
    many_wrong = headers("hello", id="m" * 257, timestamp="abc", key=OTHER_KEY)
    event("order_body_first", "the body's size is checked first", "body_too_large", body=too_large, head=[])
    event("order_body_before_all", "the body's size is checked first", "body_too_large", body=too_large, head=many_wrong)
    event("order_missing_before_timestamp", "a missing header is reported before a malformed timestamp", "missing_header", body="hello", head=without(many_wrong, "webhook-id"))
    event("order_timestamp_before_match", "a malformed timestamp is reported before an overlong id and a wrong signature", "invalid_timestamp", body="hello", head=many_wrong)
    event("order_too_old_before_match", "an old timestamp is reported before a wrong signature", "too_old", body="hello", head=headers("hello", key=OTHER_KEY), now=NOW + 301)
    event("order_too_new_before_match", "a timestamp in the future is reported before a wrong signature", "too_new", body="hello", head=headers("hello", key=OTHER_KEY), now=NOW - 301)
    event("order_too_old_before_long_id", "an old timestamp is reported before an overlong id", "too_old", head=headers(id="m" * 257), now=NOW + 301)
    event("order_match_before_event", "a wrong signature is reported before a malformed event: an unverified body is not parsed", "no_match", body="hello", head=headers("hello", key=OTHER_KEY))
    event("order_match_before_depth", "a wrong signature is reported before deep nesting", "no_match", body=nested(10000), head=headers(key=OTHER_KEY))
    event("order_event_last", "a malformed event is reported last", "malformed_event", body="hello")

    return {
        "about": "Messages, and the expected result of verifying them. Written by generate.py; README.md describes the format.",
        "cases": cases.list,
    }


# --- webhook_secrets.json ---


def secret_cases():
    cases = Cases()

    def case(name, why, secret, ok):
        made = {"name": name, "why": why, "secret": secret, "ok": ok}
        if "\0" in "".join(secret if isinstance(secret, list) else [secret]):
            made["holds_nul"] = True
        cases.add(made)

    plain = b64(KEY)
    url_safe = next(encoded for encoded in (base64.urlsafe_b64encode(key_of(f"url-safe {n}", 24)).decode() for n in range(99)) if "-" in encoded and "_" in encoded)
    slashed = url_safe.replace("-", "+").replace("_", "/")

    case("plain", "a secret as the dashboard shows it", SECRET, True)
    for length in [16, 24, 32, 64]:
        case(f"{length}_bytes", "a key of an accepted length", secret_of(key_of("length", length)), True)
    case("100_bytes", "a key longer than a block of the hash", secret_of(key_of("length", 64) + key_of("more", 36)), True)
    case("plus_and_slash", "the standard base64 alphabet", "whsec_" + slashed, True)
    case("without_prefix", "the prefix is optional", plain, True)
    case("interceptor_prefix", "any prefix of lowercase letters and digits is accepted", "intsec1_" + plain, True)
    case("prefix_cut", "any prefix of lowercase letters and digits is accepted", "hsec_" + plain, True)
    case("padded", "base64 with padding", secret_of(key_of("unpadded", 25)), True)
    case("unpadded", "base64 without padding", secret_of(key_of("unpadded", 25)).rstrip("="), True)
    case("padding_half", "base64 with one of two padding characters", secret_of(key_of("unpadded", 25)).rstrip("=") + "=", True)
    case("unpadded_without_prefix", "neither prefix nor padding", b64(key_of("unpadded", 25)).rstrip("="), True)
    case("white_space_around", "white space around the secret is removed", f" \t{SECRET}\r\n", True)
    case("no_break_space_around", "Unicode white space around the secret is removed", f"\u00a0{SECRET}\u00a0", True)
    case("no_break_space_inside", "a no-break space does not separate secrets", f"{SECRET}\u00a0{OLD_SECRET}", False)
    case("double_quotes", "one pair of quotes is removed", f'"{SECRET}"', True)
    case("single_quotes", "one pair of quotes is removed", f"'{SECRET}'", True)
    case("white_space_around_quotes", "quotes and white space are removed", f' "{SECRET}" \n', True)
    case("white_space_inside_quotes", "quotes and white space are removed", f"' {SECRET} '", True)
    case("two_in_one", "two secrets separated by a space", f"{SECRET} {OLD_SECRET}", True)
    case("two_in_one_many_blanks", "two secrets separated by several white-space characters", f"{SECRET} \t\n {OLD_SECRET}", True)
    case("two_in_quotes", "two secrets in one pair of quotes", f'"{SECRET} {OLD_SECRET}"', True)
    case("list_of_one", "a list of one secret", [SECRET], True)
    case("list_of_two", "a list of two secrets", [SECRET, OLD_SECRET], True)
    case("list_of_two_in_one", "a string of a list may contain several secrets", [f"{SECRET} {OLD_SECRET}", OTHER_SECRET], True)
    case("list_same_twice", "a repeated secret is accepted", [SECRET, SECRET], True)

    case("empty", "the key would be empty", "", False)
    case("blank", "the key would be empty", "   ", False)
    case("newline", "the key would be empty", "\n", False)
    case("empty_quotes", "the key would be empty", '""', False)
    case("blank_in_quotes", "the key would be empty", "' '", False)
    case("one_quote", "a single quote is not removed", f'"{SECRET}', False)
    case("two_pairs_of_quotes", "only one pair of quotes is removed", f"\"'{SECRET}'\"", False)
    case("prefix_only", "the key would be empty", "whsec_", False)
    case("prefix_and_padding", "the key would be empty", "whsec_==", False)
    case("prefix_and_blank", "the key would be empty", "whsec_ ", False)
    case("not_base64", "some decoders return an empty key for it", "whsec_!!!!", False)
    case("dots", "some decoders return an empty key for it", "whsec_........................", False)
    case("placeholder", "a placeholder from an example", "whsec_your-webhook-secret", False)
    case("redacted", "a redacted secret from a log", "whsec_********************************", False)
    case("1_byte", "a key of fewer than 16 bytes is unsafe", secret_of(key_of("length", 1)), False)
    case("15_bytes", "a key of fewer than 16 bytes is unsafe", secret_of(key_of("length", 15)), False)
    case("15_bytes_without_prefix", "a key of fewer than 16 bytes is unsafe", b64(key_of("length", 15)), False)
    case("url_safe", "the URL-safe base64 alphabet is refused", "whsec_" + url_safe, False)
    case("dash", "the URL-safe base64 alphabet is refused", "whsec_" + plain[:10] + "-" + plain[11:], False)
    case("underscore", "the URL-safe base64 alphabet is refused", "whsec_" + plain[:10] + "_" + plain[11:], False)
    case("inner_newline", "a newline inside separates two malformed secrets", f"whsec_{plain[:10]}\n{plain[10:]}", False)
    case("inner_blank", "a space inside separates two malformed secrets", f"whsec_{plain[:10]} {plain[10:]}", False)
    case("inner_comma", "commas do not separate secrets", f"{SECRET},{OLD_SECRET}", False)
    case("padding_inside", "padding is only allowed at the end", "whsec_" + b64(key_of("padding", 16)) + plain, False)
    case("too_much_padding", "three padding characters are malformed", "whsec_" + plain + "===", False)
    case("impossible_length", "base64 cannot have this length", "whsec_" + plain + "A", False)
    case("prefix_twice", "only one prefix is accepted", "whsec_" + SECRET, False)
    for length in [2, 8, 14]:
        case(f"{length}_bytes", "a key of fewer than 16 bytes is unsafe", secret_of(key_of("length", length)), False)
    case("prefix_without_underscore", "only a prefix without underscore", "whsec", False)
    case("prefix_with_dash", "an unknown prefix", "whsec-" + plain, False)
    case("prefix_after", "the prefix has to be before the key", plain + "whsec_", False)
    case("prefix_apart", "a separate prefix is a secret without a key", "whsec_ " + plain, False)
    case("one_padding_sign", "one padding character too many", "whsec_" + plain + "=", False)
    case("padding_only", "padding without a key", "whsec_====", False)
    case("padding_before", "padding is only allowed at the end", "whsec_=" + plain, False)
    loose = b64(key_of("unpadded", 25))[:-3]
    loose += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(b64(key_of("unpadded", 25))[-3]) + 1] + "=="
    assert base64.b64decode(loose) == key_of("unpadded", 25)
    case("loose_bits", "the bits beyond the last byte may have any value", "whsec_" + loose, True)
    case("semicolon_after", "a character that was copied along with the secret", SECRET + ";", False)
    case("comma_after", "a character that was copied along with the secret", SECRET + ",", False)
    case("dot_after", "a character that was copied along with the secret", SECRET + ".", False)
    case("name_before", "a whole line of an .env file", "SCALEKIT_WEBHOOK_SECRET=" + SECRET, False)
    case("bearer", "the value of an Authorization header", "Bearer " + SECRET, False)
    case("json", "a secret as JSON", '{"secret":"' + SECRET + '"}', False)
    case("null", "the text of a variable that is not set", "null", False)
    case("undefined", "the text of a variable that is not set", "undefined", False)
    case("variable", "a variable that was not expanded", "${SCALEKIT_WEBHOOK_SECRET}", False)
    case("backticks", "only ASCII quotes are removed", f"`{SECRET}`", False)
    case("smart_quotes", "only ASCII quotes are removed", f"\u201c{SECRET}\u201d", False)
    case("quotes_inside", "quotes inside are not removed", f'whsec_"{plain}"', False)
    case("percent_encoded", "percent-encoding is not decoded", "whsec_" + b64(key_of("unpadded", 25)).replace("=", "%3D"), False)
    case("escaped_newline", "an escaped newline is not white space", SECRET + "\\n", False)
    case("byte_order_mark", "a byte order mark is not white space", "\ufeff" + SECRET, False)
    case("zero_width_space", "a zero-width space is not white space", SECRET + "\u200b", False)
    case("control_character", "an invisible character is not base64", "whsec_" + plain[:10] + "\x01" + plain[11:], False)
    case("hexadecimal_short", "hexadecimal digits decode to too few bytes as base64", key_of("length", 10).hex(), False)
    case("prefix_capital", "the prefix is case-sensitive", "WHSEC_" + plain, False)
    case("other_prefix", "a public key of an asymmetric signature", "whpk_" + plain, False)
    case("private_prefix", "a private key of an asymmetric signature", "whsk_" + plain, False)
    case("url_safe_without_prefix", "a key in the URL-safe alphabet is not a prefix and a key", "ABCD_" + plain, False)
    case("prefix_empty", "a prefix has at least one character", "_" + plain, False)
    case("non_ascii", "letters outside of ASCII are not base64", "whsec_" + plain[:10] + "\u00e9" + plain[11:], False)
    case("full_width", "letters outside of ASCII are not base64", "whsec_" + "\uff21" * 32, False)
    case("emoji", "emoji are not base64", "\U0001f511" * 8, False)
    case("nul_after", "a NUL byte does not end the text", SECRET + "\0", False)
    case("nul_inside", "a NUL byte does not end the text", f"{SECRET}\0{OLD_SECRET}", False)
    case("good_and_bad", "one malformed secret makes all of them refused", f"{SECRET} whsec_!!!!", False)
    case("good_and_prefix", "one malformed secret makes all of them refused", f"{SECRET} whsec_", False)
    case("list_empty", "an empty list of secrets", [], False)
    case("list_of_empty", "the key would be empty", [""], False)
    case("list_good_and_bad", "one malformed secret makes all of them refused", [SECRET, "whsec_!!!!"], False)
    case("list_bad_and_good", "one malformed secret makes all of them refused", ["whsec_", SECRET], False)
    case("list_good_and_empty", "one malformed secret makes all of them refused", [SECRET, ""], False)
    return {
        "about": "Webhook secrets. Where `ok` is false, making a verifier fails with the reason invalid_secret. Written by generate.py.",
        "cases": cases.list,
    }


# --- webhook_sign.json ---


def sign_cases():
    cases = Cases()

    def case(name, why, body=BODY, id=ID, timestamp=NOW, key=KEY, secret=None):
        sent = headers(body, id=id, timestamp=str(timestamp), key=key)
        cases.add({"name": name, "why": why, "secret": secret or secret_of(key), "id": id, "timestamp": timestamp, "body": body, "headers": dict(sent)})

    case("event", "an event")
    published = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    case("published", "the example that Standard Webhooks publishes", '{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, base64.b64decode(published))
    assert cases.list[-1]["headers"]["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    case("empty_body", "an empty body", "")
    case("binary_body", "a body of all byte values", binary(bytes(range(256))))
    case("unicode_body", "a body in UTF-8", '{"name":"Zo\u00eb \u5f20 \U0001f600"}')
    case("crlf_body", "line ends are not changed", "{\r\n}\r\n")
    case("large_body", "a body of 100 kB", {"prefix": '{"text":"', "repeat": "abcdefghij", "count": 10000, "suffix": '"}'})
    case("id_with_other_marks", "the id is not changed", id="msg-1:2,3")
    case("id_of_256_bytes", "the longest accepted id", id="m" * 256)
    case("timestamp_zero", "a time in 1970", timestamp=0)
    case("timestamp_far", "a time in the year 2286", timestamp=9999999999)
    case("key_of_16_bytes", "the shortest accepted key", key=key_of("length", 16))
    case("key_of_100_bytes", "a key longer than a block of the hash", key=key_of("length", 64) + key_of("more", 36))
    case("secret_without_prefix", "the prefix is optional", secret=b64(KEY))
    case("first_secret_signs", "the first of several secrets signs", secret=f"{SECRET} {OLD_SECRET}")
    return {"about": "Messages, and the expected headers after signing. Written by generate.py.", "cases": cases.list}


# --- webhook_parsed.json ---


def parsed_cases():
    cases = Cases()
    both = ["python", "node"]

    def case(name, why, raw, printed=None, reason=None, languages=(), head=None, now=NOW):
        printed = raw if printed is None else printed
        made = {"name": name, "why": why, "secret": SECRET, "now": now, "headers": headers(raw) if head is None else head, "compact": printed, "raw": raw, "runnable_from_raw": list(languages)}
        made["expect"] = {"ok": False, "reason": reason} if reason else {"ok": True, "event": event_expectation(printed)}
        # This script is Python, so it can check what the case says about Python.
        if "python" in languages:
            assert compact(json.loads(raw)) == printed, name
        cases.add(made)

    def body(data):
        """Returns an event as compact JSON; `data` is JSON text."""
        return '{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25.153954Z","organization_id":"org_1","environment_id":"env_1","data":' + data + "}"

    def go(text, characters="<>&\u2028\u2029"):
        """Escapes characters as Go's encoding/json does."""
        return "".join(f"\\u{ord(letter):04x}" if letter in characters else letter for letter in text)

    case("plain", "the compact form is what was sent", BODY, languages=both)
    case("non_ascii_kept", "UTF-8 is not changed", body('{"name":"Zo\u00eb \u5f20 \U0001f600"}'), languages=both)
    case("key_order_kept", "the order of keys is kept", body('{"z":1,"a":2,"m":{"y":3,"b":4}}'), languages=both)
    case("empty_values", "empty strings, lists and objects, null and false", body('{"a":"","b":[],"c":{},"d":null,"e":false}'), languages=both)
    case("numbers", "integers and short fractions", body('{"a":0,"b":-1,"c":1.5,"d":9007199254740991}'), languages=both)
    html = body('{"name":"<b>Tom & Jerry</b>"}')
    case("html_escaped", "Go's encoder escapes < > & by default", go(html), html, languages=both)
    case("html_not_escaped", "Go's encoder without HTML escapes", html, languages=both)
    lines = body('{"name":"one\u2028two\u2029three"}')
    case("line_separators_escaped", "Go's encoder always escapes U+2028 and U+2029", go(lines), lines, languages=both)
    case("line_separators_not_escaped", "other encoders do not escape U+2028 and U+2029", lines, languages=both)
    mixed = body('{"name":"<one>\u2028 & two"}')
    case("html_and_line_separators_escaped", "all five characters that Go's encoder escapes", go(mixed), mixed, languages=both)
    case("html_kept_line_separators_escaped", "Go's encoder with SetEscapeHTML(false)", go(mixed, "\u2028\u2029"), mixed, languages=both)
    case("html_escaped_in_keys", "keys are escaped like values", go(body('{"a<b":"c>d"}')), body('{"a<b":"c>d"}'), languages=both)
    case("escaped_escape", "a backslash before u003c is text, not an escape", body('{"name":"\\\\u003c"}'), languages=both)
    case("control_characters", "short and long escapes", body('{"name":"\\n\\r\\t\\u0001\\u001f\\"\\\\"}'), languages=both)
    case("proto_key", "__proto__ is an ordinary key", body('{"__proto__":{"admin":true}}'), languages=both)
    case("floats", "fractions that all languages write alike", body('{"a":0.1,"b":-2.5,"c":123.456,"d":0.001,"e":1e+21}'), languages=both)
    case("short_escapes", "all short escapes", body('{"a":"\\b\\f\\n\\r\\t"}'), languages=both)
    case("unicode_everywhere", "characters outside of the BMP, combining marks, a byte order mark and U+007F are not changed", body('{"a\u0301\U0001f600":"\u0085\u00a0\ufeff\uffff\u007f\U0010ffff"}'), languages=both)
    case("empty_key", "a key may be empty", body('{"":{"":1}}'), languages=both)
    case("keys_of_the_runtime", "keys that are also properties of JavaScript objects", body('{"toJSON":1,"constructor":{"prototype":2},"hasOwnProperty":null,"length":3}'), languages=both)
    case("numbers_as_text", "strings of digits stay strings", body('{"a":"1.0","b":"9007199254740993"}'), languages=both)
    case("html_escaped_everywhere", "escapes in all strings of the event", go(body('"&"').replace("org_1", "org_<1>")), body('"&"').replace("org_1", "org_<1>"), languages=both)
    case("depth_128", "the deepest accepted nesting", body("[" * 127 + "]" * 127), languages=both)
    case("interceptor", "the interceptor-* headers", BODY, head=headers(family="interceptor"), languages=both)

    case("html_escaped_in_part", "no encoder escapes only some of the < characters", body('{"name":"\\u003cb>"}'), body('{"name":"<b>"}'), "no_match", languages=both)
    case("html_escaped_upper_case", "Go writes escapes in lower case", body('{"name":"\\u003Cb\\u003E"}'), body('{"name":"<b>"}'), "no_match", languages=both)
    case("html_escaped_apart", "no encoder escapes < but not &", body('{"name":"\\u003cb> & \\u003cb>"}'), body('{"name":"<b> & <b>"}'), "no_match", languages=both)
    case("line_separators_escaped_in_part", "no encoder escapes U+2028 but not U+2029", body('{"name":"\\u2028\u2029"}'), body('{"name":"\u2028\u2029"}'), "no_match", languages=both)
    case("surrogates_escaped", "parsing loses which characters were escaped", body('{"name":"\\ud83d\\ude00"}'), body('{"name":"\U0001f600"}'), "no_match", languages=both)
    case("control_character_in_capitals", "parsing loses the case of an escape", body('{"a":"\\u001F"}'), body('{"a":"\\u001f"}'), "no_match", languages=both)
    case("backspace_by_number", "parsing loses the form of an escape", body('{"a":"\\u0008"}'), body('{"a":"\\b"}'), "no_match", languages=both)
    case("negative_zero", "parsing loses the sign of an integer zero", body('{"a":-0}'), body('{"a":0}'), "no_match", languages=both)
    case("float_of_many_digits", "parsing loses digits beyond a float's precision", body('{"a":0.1234567890123456789}'), body('{"a":0.12345678901234568}'), "no_match", languages=both)
    case("exponent_in_capitals", "parsing loses the form of an exponent", body('{"a":1E+21}'), body('{"a":1e+21}'), "no_match", languages=both)
    case("depth_129", "a parsed body may be nested too deeply", body("[" * 128 + "]" * 128), None, "malformed_event", languages=both)
    event = json.loads(BODY)
    case("pretty_printed", "parsing loses white space: pass the raw body", json.dumps(event, indent=2, ensure_ascii=False), BODY, "no_match", languages=both)
    case("blanks_after_separators", "parsing loses white space: pass the raw body", json.dumps(event, ensure_ascii=False), BODY, "no_match", languages=both)
    case("trailing_newline", "parsing loses white space: pass the raw body", BODY + "\n", BODY, "no_match", languages=both)
    case("non_ascii_escaped", "parsing loses which characters were escaped", body('{"name":"Zo\\u00eb"}'), body('{"name":"Zo\u00eb"}'), "no_match", languages=both)
    case("slash_escaped", "parsing loses which characters were escaped", body('{"url":"https:\\/\\/example.com"}'), body('{"url":"https://example.com"}'), "no_match", languages=both)
    case("duplicate_keys", "parsing loses the first of two equal keys", body('{"a":1,"a":2}'), body('{"a":2}'), "no_match", languages=both)
    case("float_without_fraction_node", "JavaScript writes 1.0 as 1", body('{"a":1.0}'), body('{"a":1}'), "no_match", languages=["node"])
    case("float_without_fraction_python", "Python keeps the form", body('{"a":1.0}'), languages=["python"])
    case("large_integer_node", "JavaScript rounds integers above 2^53", body('{"a":9007199254740993}'), body('{"a":9007199254740992}'), "no_match", languages=["node"])
    case("large_integer_python", "Python keeps all digits", body('{"a":9007199254740993}'), languages=["python"])
    case("exponent_node", "JavaScript writes 1e3 as 1000", body('{"a":1e3}'), body('{"a":1000}'), "no_match", languages=["node"])
    case("exponent_python", "Python writes 1e3 as 1000.0", body('{"a":1e3}'), body('{"a":1000.0}'), "no_match", languages=["python"])
    case("small_float_node", "JavaScript keeps 1e-7", body('{"a":1e-7}'), languages=["node"])
    case("small_float_python", "Python writes 1e-7 as 1e-07", body('{"a":1e-7}'), body('{"a":1e-07}'), "no_match", languages=["python"])
    case("negative_zero_with_fraction_node", "JavaScript writes -0.0 as 0", body('{"a":-0.0}'), body('{"a":0}'), "no_match", languages=["node"])
    case("negative_zero_with_fraction_python", "Python keeps the form", body('{"a":-0.0}'), languages=["python"])
    case("huge_integer_node", "JavaScript converts a huge integer to a float", body('{"a":123456789012345678901234567890}'), body('{"a":1.2345678901234568e+29}'), "no_match", languages=["node"])
    case("huge_integer_python", "Python keeps all digits", body('{"a":123456789012345678901234567890}'), languages=["python"])
    case("lone_surrogate_node", "JavaScript writes a lone surrogate as an escape", body('{"a":"\\ud800"}'), languages=["node"])
    case("integer_keys_node", "JavaScript moves integer keys to the front", body('{"b":1,"1":2}'), body('{"1":2,"b":1}'), "no_match", languages=["node"])
    case("integer_keys_python", "Python keeps the order of keys", body('{"b":1,"1":2}'), languages=["python"])
    case("other_secret", "signed with another secret", BODY, None, "no_match", head=headers(key=OTHER_KEY), languages=both)
    case("value_changed", "another value than the signed one", BODY, None, "no_match", head=headers(body("{}")), languages=both)
    case("too_old", "the timestamp is checked for parsed bodies too", BODY, None, "too_old", now=NOW + 301, languages=both)
    case("too_new", "the timestamp is checked for parsed bodies too", BODY, None, "too_new", now=NOW - 301, languages=both)
    case("missing_header", "the headers are checked for parsed bodies too", BODY, None, "missing_header", head=headers()[:2], languages=both)
    case("root_array", "a parsed body that is not an event", "[1]", None, "malformed_event", languages=both)
    case("without_type", "a parsed body without a type", '{"id":"evt_1","occurred_at":"2025-01-06T18:44:25Z"}', languages=both)
    return {
        "about": "Bodies that a framework has parsed: `compact` is the compact JSON of the parsed body, `raw` is what was signed. Written by generate.py.",
        "cases": cases.list,
    }


# --- webhook_interceptors.json ---


def interceptor_cases():
    cases = Cases()

    def case(name, why, *families, reason=None, call="interceptor"):
        made = {"name": name, "why": why, "call": call, "secret": SECRET, "body": BODY, "headers": list(families)}
        made["expect"] = {"ok": False, "reason": reason} if reason else {"ok": True}
        cases.add(made)

    def of(family, secret=SECRET, parts=("id", "timestamp", "signature")):
        """Makes a member of `headers`; README.md describes it."""
        return {"family": family, "signed_with": secret, "parts": list(parts)}

    right, wrong, part = of("interceptor"), of("interceptor", OTHER_SECRET), of("interceptor", parts=("id", "timestamp"))
    webhook, wrong_webhook, part_webhook = of("webhook"), of("webhook", OTHER_SECRET), of("webhook", parts=("timestamp", "signature"))
    case("interceptor_alone", "interceptors use the interceptor-* headers", right)
    case("interceptor_preferred", "if both families are complete, the function for interceptors prefers interceptor-*", right, wrong_webhook)
    case("interceptor_preferred_after_webhook", "the order of the headers does not matter", wrong_webhook, right)
    case("interceptor_preferred_wrong", "if both families are complete, interceptor-* counts, even if it is wrong", wrong, webhook, reason="no_match")
    case("interceptor_preferred_wrong_after_webhook", "the order of the headers does not matter", webhook, wrong, reason="no_match")
    case("interceptor_absent", "without interceptor-*, webhook-* counts", webhook)
    case("interceptor_incomplete", "if interceptor-* is incomplete, a complete webhook-* counts", part, webhook)
    case("interceptor_both_incomplete", "two incomplete families are not a complete one", part, part_webhook, reason="missing_header")
    case("interceptor_no_headers", "no headers", reason="missing_header")
    case("webhook_preferred", "if both families are complete, the function for webhooks prefers webhook-*", wrong, webhook, call="webhook")
    case("webhook_preferred_wrong", "if both families are complete, webhook-* counts, even if it is wrong", right, wrong_webhook, reason="no_match", call="webhook")
    case("webhook_incomplete", "if webhook-* is incomplete, a complete interceptor-* counts", part_webhook, right, call="webhook")
    return {
        "about": "Which of two families of headers the functions that verify in one call use. Their clock is the system's, so the runner signs. Written by generate.py.",
        "cases": cases.list,
    }


# --- webhook_replay.json ---


def replay_cases():
    cases = Cases()
    day = 86400

    def case(name, why, *steps, retention=3 * day, capacity=None):
        """A step is ("check", id, expected result), ("commit", id) or ("advance", seconds)."""
        made = {"name": name, "why": why, "now": NOW, "retention": retention}
        if capacity is not None:
            made["capacity"] = capacity
        made["steps"] = [dict(zip([step[0], "expect"], step[1:])) for step in steps]
        cases.add(made)

    def check(id, expect):
        return ("check", id, expect)

    def first(id=ID):
        return check(id, "first")

    def again(id=ID):
        return check(id, "again")

    def commit(id=ID):
        return ("commit", id)

    def advance(seconds):
        return ("advance", seconds)

    case("unseen", "a new id is first", first())
    case("handled", "a committed id is recognized", first(), commit(), again(), again())
    case("checked_only", "a check records nothing, so a message whose handling failed is accepted again", first(), first(), first())
    case("failed_then_handled", "an id is recognized after the attempt that was committed", first(), advance(5), first(), commit(), advance(300), again())
    case("committed_unchecked", "an id may be committed without a check", commit(), again())
    case("committed_twice", "two concurrent deliveries may both be handled and committed", first(), first(), commit(), commit(), again())
    case("other_id", "ids are independent of each other", commit("msg_1"), again("msg_1"), first("msg_2"), first("msg_"), first("msg_11"))
    case("case_of_letters", "ids are case-sensitive", commit("msg_a"), first("MSG_A"), first("msg_A"), again("msg_a"))
    case("blanks_inside", "spaces are part of an id", commit("msg  1"), first("msg 1"), again("msg  1"))
    for name, id in [("quotes", "'; DROP TABLE message; --\"\\"), ("pattern", "msg_%"), ("non_ascii", "msg_\u00e9\u4e2d\U0001f600"), ("256_bytes", "m" * 256), ("number", "17"), ("padded_number", "017")]:
        case(f"id_{name}", "any text is a valid id", first(id), commit(id), again(id), first("msg_1"), first("7"))
    case("decomposed", "Unicode is not normalized", commit("msg_\u00e9"), first("msg_e\u0301"))

    case("retention_edge", "an id is recognized until the retention ends, exclusive", commit(), advance(3 * day - 1), again(), advance(1), first())
    case("retention_of_ten_minutes", "the shortest retention: twice the tolerance", commit(), advance(599), again(), advance(1), first(), retention=600)
    case("retention_renewed", "a second commit restarts the retention", commit(), advance(2 * day), commit(), advance(2 * day), again(), advance(day), first())
    case("forgotten_then_handled", "an expired id is first again", commit(), advance(3 * day), first(), commit(), again())
    attempts = [5, 300, 1800, 7200, 18000, 36000, 36000]
    case("vendors_schedule", "all attempts of the vendor's schedule are within the retention", commit(), *[step for wait in attempts for step in (advance(wait), again())])
    case("vendors_schedule_failing", "every attempt of the vendor's schedule is first until one is committed", *[step for wait in attempts for step in (first(), advance(wait))], commit(), again())
    case("clock_set_back", "setting the clock back expires nothing", commit(), advance(-3600), again(), advance(3600), again())

    # Guards in memory only: they keep the last `capacity` ids.
    case("capacity_oldest_goes", "a full guard removes the oldest id", commit("a"), commit("b"), commit("c"), first("a"), again("b"), again("c"), capacity=2)
    case("capacity_not_full", "a guard removes nothing before it is full", commit("a"), commit("b"), again("a"), again("b"), capacity=2)
    case("capacity_checks_take_no_room", "a check uses no capacity", commit("a"), first("b"), first("c"), again("a"), capacity=1)
    case("capacity_renewed_is_youngest", "a second commit makes an id the newest", commit("a"), commit("b"), commit("a"), commit("c"), again("a"), first("b"), again("c"), capacity=2)
    case("capacity_renewed_takes_no_room", "a second commit uses no capacity", commit("a"), *[commit("b")] * 10, again("a"), again("b"), capacity=2)
    case("capacity_expired_go_first", "expired ids are removed first", commit("a"), advance(500), commit("b"), advance(200), commit("c"), first("a"), again("b"), again("c"), retention=600, capacity=2)
    case("capacity_of_one", "a capacity of one keeps the last id", commit("a"), again("a"), commit("b"), first("a"), again("b"), capacity=1)
    return {"about": "Steps, and the expected results of a replay guard. Written by generate.py.", "cases": cases.list}


# --- writing ---


def render(document):
    """Writes one case per line, so that a diff shows the changed cases. ASCII only."""
    if "cases" not in document:
        return json.dumps(document, indent=1) + "\n"
    lines = ",\n".join("  " + json.dumps(case) for case in document["cases"])
    return '{\n "about": ' + json.dumps(document["about"]) + ',\n "cases": [\n' + lines + "\n ]\n}\n"


def check_coverage(files):
    """Checks that README.md's table names only existing cases, and covers all cases of webhook_verify.json and webhook_parsed.json."""
    _, table = (HERE / "README.md").read_text(encoding="utf-8").split("\n## What is covered\n")
    patterns = [pattern for row in table.splitlines() if row.startswith("| ") for pattern in re.findall(r"`([a-z0-9_*]+)`", row.rsplit("|", 2)[1])]
    names = {case["name"] for name in ["webhook_verify.json", "webhook_secrets.json", "webhook_parsed.json"] for case in files[name]["cases"]}
    unknown = [pattern for pattern in patterns if not fnmatch.filter(names, pattern)]
    assert not unknown, f"README.md names cases that do not exist: {unknown}"
    rest = names - {case["name"] for case in files["webhook_secrets.json"]["cases"]}
    missing = sorted(name for name in rest if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns))
    assert not missing, f"README.md's table lacks {missing}"


def main():
    files = {
        "webhook_verify.json": verify_cases(),
        "webhook_secrets.json": secret_cases(),
        "webhook_sign.json": sign_cases(),
        "webhook_parsed.json": parsed_cases(),
        "webhook_interceptors.json": interceptor_cases(),
        "webhook_events.json": EVENTS,
        "webhook_replay.json": replay_cases(),
    }
    check_coverage(files)
    stale = []
    for name, document in files.items():
        text = render(document)
        assert json.loads(text) == document, name
        path = HERE / name
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{name}: {len(document.get('cases', document))}")
    if stale:
        print(f"stale: {', '.join(stale)} (run tests/vectors/generate.py)", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
