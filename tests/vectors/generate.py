#!/usr/bin/env python3
"""Writes the webhook test vectors that all four languages run. README.md describes the files.

    python3 tests/vectors/generate.py            write the files
    python3 tests/vectors/generate.py --check    exit 1 if the committed files are stale

Python 3.9 or newer, standard library only. The signatures come from Python's own `hmac` and `hashlib`, so that the vectors
do not agree with headcount's code by construction. Nothing here reads a clock or a random source.
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
    """A key's bytes, made from a name."""
    return hashlib.sha512(f"headcount test vectors: {name}".encode()).digest()[:length]


def b64(data):
    return base64.b64encode(data).decode()


def secret_of(key):
    return "whsec_" + b64(key)


KEY, OLD_KEY, OTHER_KEY = key_of("current"), key_of("old"), key_of("other")
SECRET, OLD_SECRET, OTHER_SECRET = secret_of(KEY), secret_of(OLD_KEY), secret_of(OTHER_KEY)


def compact(value):
    """JSON as `JSON.stringify` prints it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


EVENT = EVENTS["organization.directory.user_created"]
BODY = compact(EVENT)


# --- the forms of a body and of a header's value (described in README.md) ---


def expand(form):
    """The bytes of a body in one of its three forms."""
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
    """Printable ASCII as a string, anything else as hex."""
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
    """The three headers; `signed_…` is what was hashed where that is not what the header says."""
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
    """Collects cases; names are unique."""

    def __init__(self):
        self.list = []

    def add(self, case):
        assert all(case["name"] != other["name"] for other in self.list), case["name"]
        self.list.append(case)


def event_expectation(body, occurred_at=None):
    event = json.loads(expand(body))
    return {
        "id": event["id"],
        "type": event["type"],
        "occurred_at": occurred_at or event["occurred_at"],
        "organization_id": event.get("organization_id") or "",
        "environment_id": event.get("environment_id") or "",
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

    # What works, and the official shape of an event.
    event("plain", "a signed event, as the vendor sends it")
    case("plain_signature_only", "the signature alone, of the same message")
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
        case(f"header_names_{style}", "header names match whatever their case", head=renamed(plain, rename))
    case("header_names_other_order", "the order of headers means nothing", head=list(reversed(plain)))
    noise = [["Host", "example.com"], ["Content-Type", "application/json"], ["Webhook", "x"], ["webhook-id-2", "x"], ["x-webhook-signature", "x"], ["User-Agent", ""]]
    case("header_names_among_others", "other headers are ignored, those of similar name too", head=noise[:3] + plain + noise[3:])
    case("header_names_with_underscores", "underscores are not dashes", "missing_header", head=renamed(plain, lambda name: name.replace("-", "_")))
    case("header_names_svix", "the svix-* family is none of ours", "missing_header", head=renamed(plain, lambda name: name.replace("webhook", "svix")))

    # Missing and empty.
    case("headers_none", "no header at all", "missing_header", head=[])
    case("headers_all_empty", "three empty headers", "missing_header", head=[[name, ""] for name, _ in plain])
    for part in ["id", "timestamp", "signature"]:
        case(f"only_{part}", "one of the three is not enough", "missing_header", head=[pair for pair in plain if pair[0] == f"webhook-{part}"])
        case(f"missing_{part}", "each of the three is needed", "missing_header", head=without(plain, f"webhook-{part}"))
        case(f"empty_{part}", "an empty header counts as missing", "missing_header", head=replaced(plain, f"webhook-{part}", ""))
    case("empty_id_signed_so", "an empty id is refused even where the signature is right for it", "missing_header", head=headers(id=""))

    # Repeated headers.
    case("repeated_id_first_counts", "of a repeated id the first counts", head=plain + [["Webhook-Id", "msg_other"]])
    case("repeated_id_wrong_first", "of a repeated id the first counts, right or wrong", "no_match", head=[["Webhook-Id", "msg_other"]] + plain)
    case("repeated_id_twice_the_same", "a repeated id that is the same both times", head=plain + [plain[0]])
    case("repeated_id_many", "a thousand more ids change nothing", head=plain + [["webhook-id", f"msg_{number}"] for number in range(1000)])
    for at, part in enumerate(["id", "timestamp", "signature"]):
        case(f"repeated_{part}_empty_first", "an empty header counts as missing: the next of its name counts", head=[[f"webhook-{part}", ""]] + plain)
        case(f"repeated_{part}_empty_behind", "an empty header counts as missing: the one before it counts", head=plain + [[f"webhook-{part}", ""]])
        case(f"repeated_{part}_all_empty", "empty however often", "missing_header", head=replaced(plain, f"webhook-{part}", "") + [[f"Webhook-{part.title()}", ""]])
    case("repeated_timestamp_malformed_first", "of a repeated timestamp the first counts, malformed or not", "invalid_timestamp", head=[["webhook-timestamp", "now"]] + plain)
    case("repeated_timestamp_first_counts", "of a repeated timestamp the first counts", head=plain + [["webhook-timestamp", "1"]])
    case("repeated_timestamp_wrong_first", "of a repeated timestamp the first counts, right or wrong", "too_old", head=[["webhook-timestamp", "1"]] + plain)
    wrong = signature(key=OTHER_KEY)
    case("repeated_signature_wrong_first", "every signature header is tried", head=[["webhook-signature", wrong]] + plain)
    case("repeated_signature_right_first", "every signature header is tried", head=plain + [["WEBHOOK-SIGNATURE", wrong]])
    case("repeated_signature_three", "every signature header is tried, lists in them too", head=[["webhook-signature", wrong], ["webhook-signature", f"v2,x {wrong}"]] + plain)
    case("repeated_signature_all_wrong", "several signature headers without the right one", "no_match", head=headers(signatures=wrong) + [["webhook-signature", wrong]])
    case("repeated_signature_not_joined", "one signature cut in two headers is none", "no_match", head=headers(signatures=signature()[:20]) + [["webhook-signature", signature()[20:]]])

    # The two families.
    interceptor = headers(family="interceptor")
    case("interceptor_family", "interceptors sign with headers of their own", head=interceptor)
    case("interceptor_family_title_case", "their names match whatever their case too", head=renamed(interceptor, str.title))
    case("interceptor_missing_signature", "each of the three is needed", "missing_header", head=interceptor[:2])
    bad_interceptor = headers(family="interceptor", key=OTHER_KEY)
    bad_webhook = headers(key=OTHER_KEY)
    case("families_both_webhook_wins", "where both are complete webhook-* counts", head=bad_interceptor + plain)
    case("families_both_webhook_wrong", "where both are complete webhook-* counts, right or wrong", "no_match", head=interceptor + bad_webhook)
    case("families_webhook_incomplete", "an incomplete webhook-* gives way to a complete interceptor-*", head=bad_webhook[:2] + interceptor)
    case("families_webhook_empty_signature", "an empty header makes the family incomplete", head=replaced(plain, "webhook-signature", "") + interceptor)
    case("families_mixed", "one family is not completed from the other", "missing_header", head=[plain[0], interceptor[1], plain[2]])
    case("families_both_incomplete", "two incomplete families are none", "missing_header", head=plain[:2] + interceptor[1:])

    # The id.
    for name, id, why in [
        ("dots", "msg.1.2", "dots in the id are part of it"),
        ("spaces", "msg with  spaces", "inner blanks are part of the id"),
        ("one_byte", "1", "an id may be short"),
        ("utf8", "msg_\u00e9\u4e2d".encode(), "the header's own bytes are hashed: UTF-8"),
        ("latin1", b"msg_\xe9\xff", "the header's own bytes are hashed: bytes that are not UTF-8"),
        ("dots_at_the_ends", ".msg.", "dots in the id are part of it"),
        ("only_dots", "...", "dots in the id are part of it"),
        ("blank", " ", "a blank is a byte like others"),
        ("comma", "msg_1,msg_2", "a comma is a byte like others: an id is no list"),
        ("emoji", "msg_\U0001f600".encode(), "the header's own bytes are hashed: UTF-8 of four bytes"),
        ("combining", "msg_e\u0301".encode(), "nothing is normalised"),
        ("utf8_of_latin1", "msg_\u00c3\u00a9".encode(), "UTF-8 that looks decoded twice is still bytes"),
        ("cut_utf8", b"msg_\xf0\x9f\x98", "the header's own bytes are hashed: a letter cut off in the middle"),
        ("control_characters", b"msg_\x01\x1b\x7f", "the header's own bytes are hashed: control characters"),
        ("nul", b"msg_\0_1", "NUL ends nothing"),
        ("256_bytes", "m" * 256, "the longest id"),
        ("256_bytes_of_latin1", b"\xe9" * 256, "bytes are counted, not letters"),
    ]:
        case(f"id_{name}", why, head=headers(id=id))
    case("id_257_bytes", "an id longer than any real one is refused though rightly signed", "no_match", head=headers(id="m" * 257))
    case("id_8192_bytes", "far longer", "no_match", head=headers(id="m" * 8192))
    case("id_257_bytes_of_utf8", "bytes are counted, not letters", "no_match", head=headers(id=("\u00e9" * 128 + "m").encode()))
    case("id_latin1_for_utf8", "the header's own bytes are hashed, not the letters they stand for", "no_match", head=headers(id=b"msg_\xe9", signed_id="msg_\u00e9"))
    case("id_normalised", "nothing is normalised", "no_match", head=headers(id="msg_\u00e9".encode(), signed_id="msg_e\u0301"))
    case("id_cut_at_nul", "NUL ends nothing", "no_match", head=headers(id=b"msg_\0_1", signed_id="msg_"))
    case("id_trimmed", "white space around the id is part of it", "no_match", head=headers(id=ID + " ", signed_id=ID))
    case("id_changed", "the id is signed", "no_match", head=replaced(plain, "webhook-id", ID + "x"))
    case("id_case_changed", "the id is signed, its case too", "no_match", head=replaced(plain, "webhook-id", ID.upper()))
    case("id_dot_moved", "the dot between id and timestamp cannot be moved by an attacker", "no_match", head=headers(id="msg", timestamp=TIMESTAMP, signed_id="msg." + TIMESTAMP))

    # The timestamp's form. All of these are signed over the header's own bytes, so that nothing but the form is wrong.
    for name, timestamp, why in [
        ("plus_sign", "+1700000000", "a sign is no digit"),
        ("minus_sign", "-1700000000", "a sign is no digit"),
        ("fraction", "1700000000.0", "whole seconds only"),
        ("minus_zero", "-0", "a sign is no digit"),
        ("two_signs", "--1700000000", "a sign is no digit"),
        ("sign_behind", "1700000000-", "a sign is no digit"),
        ("fraction_behind_comma", "1700000000,0", "whole seconds only"),
        ("bare_point_behind", "1700000000.", "whole seconds only"),
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
        ("percent", "%31700000000", "nothing is decoded"),
        ("quoted", '"1700000000"', "quotes are no digits"),
        ("semicolon", "1700000000;", "digits only"),
        ("underscore", "1_700_000_000", "digits only"),
        ("comma", "1,700,000,000", "digits only"),
        ("leading_space", " 1700000000", "white space is no digit"),
        ("trailing_space", "1700000000 ", "white space is no digit"),
        ("trailing_tab", b"1700000000\t", "white space is no digit"),
        ("leading_tab", b"\t1700000000", "white space is no digit"),
        ("inner_space", "17000 00000", "white space is no digit"),
        ("trailing_newline", b"1700000000\n", "white space is no digit"),
        ("trailing_crlf", b"1700000000\r\n", "white space is no digit"),
        ("form_feed", b"1700000000\f", "white space is no digit"),
        ("vertical_tab", b"\v1700000000", "white space is no digit"),
        ("trailing_nul", b"1700000000\0", "NUL ends nothing"),
        ("only_nul", b"\0", "NUL ends nothing"),
        ("byte_order_mark", b"\xef\xbb\xbf1700000000", "a byte order mark is no digit"),
        ("zero_width_space", "1700000000\u200b".encode(), "white space of other alphabets is no digit"),
        ("devanagari", "\u0967\u096d\u0966\u0966\u0966\u0966\u0966\u0966\u0966\u0966".encode(), "ASCII digits only (in UTF-8)"),
        ("mathematical", "\U0001d7cf\U0001d7d5".encode() + b"00000000", "ASCII digits only (in UTF-8)"),
        ("no_break_space", b"1700000000\xa0", "white space of other alphabets is no digit"),
        ("blank", " ", "a blank is no digit"),
        ("arabic_indic", "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660".encode(), "ASCII digits only (in UTF-8)"),
        ("full_width", "\uff11\uff17\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10".encode(), "ASCII digits only (in UTF-8)"),
        ("superscript", b"170000000\xb2", "ASCII digits only (superscript two in Latin-1)"),
        ("words", "now", "digits only"),
        ("nan", "NaN", "digits only"),
        ("infinity", "Infinity", "digits only"),
        ("null", "null", "digits only"),
        ("true", "true", "digits only"),
        ("iso_date", "2023-11-14T22:13:20Z", "Unix seconds only"),
        ("list", "1700000000,1700000000", "two headers joined by a framework are no number"),
        ("i64_overflow", "9223372036854775808", "one more than an i64 holds"),
        ("i64_wrap", "18446744075409551616", "an integer that wraps around 64 bits to now must not pass"),
        ("20_digits", "17000000000000000000", "20 digits overflow an i64"),
        ("u64_largest", "18446744073709551615", "more than an i64 holds"),
        ("u64_overflow", "18446744073709551616", "more than a u64 holds"),
        ("i64_smallest", "-9223372036854775808", "a sign is no digit"),
        ("256_nines", "9" * 256, "more than any machine word holds"),
        ("over_long", "0" * 247 + TIMESTAMP, "257 bytes are longer than any real timestamp"),
    ]:
        case(f"timestamp_{name}", why, "invalid_timestamp", head=headers(timestamp=timestamp))
    case("timestamp_i64_largest", "19 digits that an i64 holds", "too_new", head=headers(timestamp="9223372036854775807"))
    for name, seconds in [("i32_largest", 2**31 - 1), ("i32_overflow", 2**31), ("u32_overflow", 2**32), ("u32_wrap", 2**32 + NOW), ("above_2_to_the_53", 2**53 + 1)]:
        case(f"timestamp_{name}", "a time far ahead does not wrap around", "too_new", head=headers(timestamp=str(seconds)))
    case("timestamp_i64_largest_with_zeros", "leading zeros do not overflow", "too_new", head=headers(timestamp="000" + str(2**63 - 1)))
    case("timestamp_microseconds", "microseconds are a time far ahead", "too_new", head=headers(timestamp=TIMESTAMP + "000000"))
    case("timestamp_nanoseconds", "nanoseconds are a time far ahead", "too_new", head=headers(timestamp=TIMESTAMP + "000000000"))
    case("timestamp_one", "1970", "too_old", head=headers(timestamp="1"))
    case("timestamp_only_zeros", "nothing is special about zero, however it is written", head=headers(timestamp="0000"), now=0)
    case("timestamp_milliseconds", "milliseconds are a time far ahead", "too_new", head=headers(timestamp=TIMESTAMP + "000"))
    case("timestamp_zero", "1970", "too_old", head=headers(timestamp="0"))
    case("timestamp_zero_now_zero", "nothing is special about zero", head=headers(timestamp="0"), now=0)
    case("timestamp_leading_zeros", "the header's own bytes are hashed, leading zeros too", head=headers(timestamp="000" + TIMESTAMP))
    case("timestamp_leading_zeros_256_bytes", "the longest timestamp", head=headers(timestamp="0" * 246 + TIMESTAMP))

    # A timestamp that another implementation would parse to a number and print again before hashing.
    for name, timestamp in [
        ("letters_behind", "1700000000abc"),
        ("underscore", "1700000000_0"),
        ("plus", "+1700000000"),
        ("fraction", "1700000000.9"),
        ("space", " 1700000000"),
        ("exponent", "1.7e9"),
        ("arabic_indic", "\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660".encode()),
    ]:
        case(f"reprinted_{name}", "signed over the number, sent as something else", "invalid_timestamp", head=headers(timestamp=timestamp, signed_timestamp=TIMESTAMP))
    case("reprinted_leading_zero", "signed over the number, sent with a zero before it", "no_match", head=headers(timestamp="0" + TIMESTAMP, signed_timestamp=TIMESTAMP))
    case("reprinted_without_zeros", "signed with leading zeros, sent without", "no_match", head=headers(timestamp=TIMESTAMP, signed_timestamp="000" + TIMESTAMP))
    case("reprinted_milliseconds", "signed over milliseconds, sent in seconds", "no_match", head=headers(timestamp=TIMESTAMP, signed_timestamp=TIMESTAMP + "000"))
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
        case(f"tolerance_{name}", "five minutes either way, the edge included", reason, now=NOW + seconds)
    for name, seconds, reason in [("old_edge", 1, None), ("old_past", 2, "too_old"), ("new_edge", -1, None), ("new_past", -2, "too_new")]:
        case(f"tolerance_one_{name}", "a tolerance of one second", reason, tolerance=1, now=NOW + seconds)
    case("tolerance_edge_with_zeros", "leading zeros are no part of the time", head=headers(timestamp="000" + TIMESTAMP), now=NOW + 300)
    case("tolerance_past_with_zeros", "leading zeros are no part of the time", "too_old", head=headers(timestamp="000" + TIMESTAMP), now=NOW + 301)
    for name, seconds, reason in [("exact", 0, None), ("old", 1, "too_old"), ("new", -1, "too_new")]:
        case(f"tolerance_zero_{name}", "a tolerance of zero takes the very second only", reason, tolerance=0, now=NOW + seconds)
    case("tolerance_day_edge", "a tolerance of a day", tolerance=86400, now=NOW + 86400)
    case("tolerance_day_past", "a tolerance of a day", "too_old", tolerance=86400, now=NOW + 86401)
    case("tolerance_day_new_edge", "a tolerance of a day", tolerance=86400, now=NOW - 86400)
    case("tolerance_day_new_past", "a tolerance of a day", "too_new", tolerance=86400, now=NOW - 86401)

    # Lists of signatures.
    right = signature()
    raw = mac()
    bare = b64(raw)
    # The last letter before the padding carries two bits that are cut off. Canonical base64 has zeros there.
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
        case(f"junk_before_{name}", "a malformed or wrong signature does not spoil the right one behind it", head=headers(signatures=listed + b" " + right.encode()))
        case(f"junk_between_{name}", "nor one that stands between a wrong one and the right one", head=headers(signatures=wrong.encode() + b" " + listed + b" " + right.encode()))
        case(f"junk_after_{name}", "nor the right one before it", head=headers(signatures=right.encode() + b" " + listed))
        case(f"junk_around_{name}", "nor the right one between two", head=headers(signatures=listed + b" " + right.encode() + b" " + listed))
    every = b" ".join(to_bytes(text) for name, text in junk.items() if name != "long")
    case("junk_every_kind_around", "every kind of junk around the right one", head=headers(signatures=every + b" " + right.encode() + b" v1,"))
    case("junk_every_kind_alone", "every kind of junk without the right one", "no_match", head=headers(signatures=every))
    case("signature_blank", "a signature header of blanks holds no signature", "no_match", head=headers(signatures="   "))
    case("signature_twice", "the right one twice", head=headers(signatures=f"{right} {right}"))
    for name, text, why in [
        ("without_version", bare, "the version is needed"),
        ("other_version", "v2," + bare, "another version is another scheme"),
        ("asymmetric_version", "v1a," + bare, "another version is another scheme"),
        ("capital_version", "V1," + bare, "the version's case counts"),
        ("longer_version", "v11," + bare, "the version counts whole"),
        ("version_zero", "v0," + bare, "another version is another scheme"),
        ("version_with_zero", "v01," + bare, "the version counts whole"),
        ("version_with_point", "v1.0," + bare, "the version counts whole"),
        ("version_without_letter", "1," + bare, "the version counts whole"),
        ("version_empty", "," + bare, "the version is needed"),
        ("version_full_width", "\uff561,".encode() + bare.encode(), "the version in ASCII"),
        ("version_twice", "v1,v1," + bare, "one version"),
        ("semicolon_for_comma", "v1;" + bare, "a comma stands behind the version"),
        ("colon_for_comma", "v1:" + bare, "a comma stands behind the version"),
        ("blank_for_comma", "v1 " + bare, "a comma stands behind the version"),
        ("two_commas", "v1,," + bare, "one comma stands behind the version"),
        ("equals_for_comma", "v1=" + bare, "a comma stands behind the version"),
        ("space_behind_comma", "v1, " + bare, "a token is whole"),
        ("with_extra", right + ",extra", "a signature counts whole or not at all"),
        ("with_extra_padding", right + "=", "a signature counts whole or not at all"),
        ("without_padding", right.rstrip("="), "padded base64 only"),
        ("non_canonical", "v1," + loose, "one signature has one spelling"),
        ("junk_inside", "v1," + bare[:20] + "!" + bare[20:], "base64 with junk inside is none"),
        ("nul_inside", right[:20].encode() + b"\0" + right[20:].encode(), "base64 with junk inside is none"),
        ("nul_behind", right.encode() + b"\0", "NUL ends nothing"),
        ("tab_behind", right.encode() + b"\t", "a signature counts whole or not at all"),
        ("tab_before", b"\t" + right.encode(), "spaces separate, nothing else"),
        ("no_break_space_before", b"\xa0" + right.encode(), "spaces separate, nothing else"),
        ("percent_encoded", right.replace("=", "%3D"), "nothing is decoded"),
        ("junk_behind", right + "!", "a signature counts whole or not at all"),
        ("doubled", right + bare, "a signature counts whole or not at all"),
        ("newline_inside", (right[:20] + "\n" + right[20:]).encode(), "base64 with white space inside is none"),
        ("tab_separated", f"{wrong}\t{right}".encode(), "spaces separate, nothing else"),
        ("comma_separated", f"{wrong},{right}", "spaces separate, nothing else"),
        ("comma_space_separated", f"{right}, {wrong}", "spaces separate, nothing else"),
        ("newline_behind", (right + "\n").encode(), "a signature counts whole or not at all"),
        ("hexadecimal", "v1," + raw.hex(), "base64 only"),
        ("truncated", "v1," + b64(raw[:31]), "all 32 bytes count"),
        ("longer", "v1," + b64(raw + b"\0"), "32 bytes and no more"),
        ("one_bit_off", "v1," + b64(raw[:-1] + bytes([raw[-1] ^ 1])), "the last bit counts"),
        ("first_bit_off", "v1," + b64(bytes([raw[0] ^ 128]) + raw[1:]), "the first bit counts"),
        ("of_zeros", "v1," + b64(bytes(32)), "a guess"),
        ("sha1", "v1," + b64(hmac.new(KEY, f"{ID}.{TIMESTAMP}.{BODY}".encode(), hashlib.sha1).digest()), "another hash"),
        ("sha512", "v1," + b64(hmac.new(KEY, f"{ID}.{TIMESTAMP}.{BODY}".encode(), hashlib.sha512).digest()), "another hash"),
        ("hash_without_key", "v1," + b64(hashlib.sha256(f"{ID}.{TIMESTAMP}.{BODY}".encode()).digest()), "a hash without the key"),
        ("of_body_alone", "v1," + b64(hmac.new(KEY, BODY.encode(), hashlib.sha256).digest()), "id and timestamp are signed too"),
        ("lower_case", right.lower(), "base64's case counts"),
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
    case("list_right_33rd", "32 signatures are tried, not one more", "no_match", head=headers(signatures=" ".join(wrongs[:32] + [right])))
    case("list_right_first_of_41", "what comes behind the 32nd is ignored", head=headers(signatures=" ".join([right] + wrongs)))
    case("list_right_33rd_over_two_headers", "the limit counts over all signature headers", "no_match", head=headers(signatures=" ".join(wrongs[:20])) + [["webhook-signature", " ".join(wrongs[20:32] + [right])]])
    case("list_right_behind_blanks", "blanks are not signatures", head=headers(signatures=" " * 100 + right))
    padding = "v1," + "A" * (8192 - len(right) - len("v1, "))
    case("list_8192_bytes", "8192 bytes of signatures are looked at", head=headers(signatures=f"{right} {padding}"))
    case("list_8193_bytes", "more bytes of signatures are refused, right or not", "no_match", head=headers(signatures=f"{right} {padding}A"))
    case("list_over_8192_bytes_in_two_headers", "the limit counts over all signature headers", "no_match", head=headers(signatures=right) + [["webhook-signature", "A" * 5000], ["webhook-signature", "A" * 5000]])

    # Secrets.
    case("secret_other", "rightly signed with another secret", "no_match", head=headers(key=OTHER_KEY))
    case("secret_empty_key", "a message signed with the empty key", "no_match", head=headers(key=b""))
    case("secret_text_as_key", "the secret's text is not the key", "no_match", head=headers(key=SECRET.encode()))
    case("secret_base64_as_key", "the secret's base64 is not the key", "no_match", head=headers(key=b64(KEY).encode()))
    case("rotation_new_signs", "one of two secrets", secrets=[SECRET, OLD_SECRET])
    case("rotation_old_signs", "the other of two secrets", secrets=[OLD_SECRET, SECRET])
    case("rotation_third_signs", "the last of three secrets", secrets=[OLD_SECRET, OTHER_SECRET, SECRET])
    case("rotation_none_signs", "none of two secrets", "no_match", secrets=[OLD_SECRET, OTHER_SECRET])
    case("rotation_both_sign", "sender and receiver rotate at once", secrets=[OLD_SECRET, SECRET], head=headers(signatures=f"{wrong} {signature(key=OLD_KEY)}"))
    case("rotation_in_one_string", "one string may hold two secrets", secrets=[f"{OLD_SECRET} {SECRET}"])
    case("rotation_in_one_string_first", "one string may hold two secrets", secrets=[f"{SECRET} {OLD_SECRET}"])
    case("rotation_in_one_string_neither", "neither of two in one string", "no_match", secrets=[f"{OLD_SECRET}  {OTHER_SECRET}"])
    case("secret_without_prefix", "the prefix is optional", secrets=[b64(KEY)])
    unpadded = key_of("unpadded", 25)
    case("secret_padded", "a secret with padding", secrets=[secret_of(unpadded)], head=headers(key=unpadded))
    case("secret_unpadded", "a secret without its padding", secrets=[secret_of(unpadded).rstrip("=")], head=headers(key=unpadded))
    case("secret_white_space_around", "white space around a secret is stripped", secrets=[f" \t{SECRET}\r\n"])
    case("secret_double_quotes", "a pair of quotes around a secret is stripped", secrets=[f'"{SECRET}"'])
    case("secret_single_quotes", "a pair of quotes around a secret is stripped, white space too", secrets=[f" '{SECRET}' "])
    for length in [16, 32, 64, 65]:
        key = key_of("length", length) if length <= 64 else key_of("length", 64) + b"!"
        case(f"secret_{length}_bytes", "keys of any length from 16 bytes, longer than a block of the hash too", secrets=[secret_of(key)], head=headers(key=key))

    # Bodies, the signature alone.
    for name, body, why in [
        ("empty", "", "an empty body can be signed"),
        ("not_json", "hello", "nothing is asked of the body"),
        ("binary", binary(bytes(range(256))), "any bytes can be signed"),
        ("invalid_utf8", binary(b'{"a":"\xff\xfe"}'), "any bytes can be signed"),
        ("bom", binary(b"\xef\xbb\xbf" + BODY.encode()), "a byte order mark is part of the body"),
        ("crlf", "{\r\n\t\"a\": 1\r\n}\r\n", "line ends are part of the body"),
        ("nul", binary(b'{"a":1}\0\0'), "NUL ends nothing"),
        ("only_nul", binary(b"\0"), "NUL ends nothing"),
        ("dots", "1700000000..", "dots in the body are part of it"),
        ("unicode", '{"a":"\u00e9\u4e2d\U0001f600\u2028"}', "UTF-8 stays as it is"),
        ("64_bytes", {"repeat": "a", "count": 64}, "one block of the hash"),
        ("one_byte", "x", "a body may be short"),
        ("blank", " ", "white space is part of the body"),
        ("lone_cr", binary(b"{\r\"a\": 1\r}\r"), "line ends are part of the body"),
        ("nul_first", binary(b'\0{"a":1}'), "NUL ends nothing"),
        ("nul_inside", binary(b'{"a":\0001}'), "NUL ends nothing"),
        ("only_bom", binary(b"\xef\xbb\xbf"), "a byte order mark is part of the body"),
        ("utf16_bom", binary(b"\xff\xfe{\0}\0"), "any bytes can be signed"),
        ("surrogates_in_utf8", binary(b'{"a":"\xed\xa0\x80"}'), "any bytes can be signed"),
        ("high_bytes", binary(b"\xff" * 100), "any bytes can be signed"),
        ("1_mib_less_1", {"repeat": "a", "count": MIB - 1}, "one byte less than the limit"),
        ("1_mib", {"repeat": "a", "count": MIB}, "the largest body"),
    ]:
        case(f"body_{name}", why, body=body)
    too_large = {"repeat": "a", "count": MIB + 1}
    case("body_1_mib_and_1", "one byte more than the limit", "body_too_large", body=too_large)
    case("body_1_mib_of_two_bytes_each", "bytes are counted, not letters", body={"repeat": "\u00e9", "count": MIB // 2})
    case("body_1_mib_and_2_of_two_bytes_each", "bytes are counted, not letters", "body_too_large", body={"repeat": "\u00e9", "count": MIB // 2 + 1})
    changed = [
        ("changed", BODY.replace("Flowers", "Flowery") if "Flowers" in BODY else BODY[:-10] + "x" + BODY[-9:], "one byte changed"),
        ("shorter", BODY[:-1], "one byte less"),
        ("newline_added", BODY + "\n", "one byte more"),
        ("reformatted", json.dumps(EVENT, ensure_ascii=False), "the same JSON with blanks"),
        ("bom_added", binary(b"\xef\xbb\xbf" + BODY.encode()), "a byte order mark before it"),
        ("nul_added", binary(BODY.encode() + b"\0"), "a NUL behind it"),
        ("blank_added", " " + BODY, "one byte more"),
        ("crlf_added", BODY + "\r\n", "two bytes more"),
        ("doubled", BODY * 2, "the same body twice"),
        ("cut_to_nothing", "", "nothing is left"),
    ]
    for name, body, why in changed:
        assert body != BODY
        case(f"body_{name}", f"{why}: the body is signed", "no_match", head=plain, body=body)

    # Events.
    event("event_1_mib", "the largest body, an event", body={"prefix": BODY[:-1] + ',"padding":"', "repeat": "a", "count": MIB - len(BODY.encode()) - len(',"padding":""'), "suffix": '"}'})
    assert len(expand(cases.list[-1]["body"])) == MIB
    whole = cases.list[-1]["body"]
    event("event_1_mib_less_1", "one byte less, an event", body={**whole, "count": whole["count"] - 1})
    event("event_1_mib_and_1", "one byte more, an event", "body_too_large", body={**whole, "count": whole["count"] + 1})

    small = {"id": "evt_1", "type": "organization.directory.user_created", "occurred_at": "2025-01-06T18:44:25.153954Z", "organization_id": "org_1", "environment_id": "env_1", "data": {"id": "diruser_1"}}

    def with_(**fields):
        return compact({**small, **fields})

    def lacking(name):
        return compact({key: value for key, value in small.items() if key != name})

    start, data = compact(small)[: -len('{"id":"diruser_1"}}')], '{"id":"diruser_1"}'
    assert start.endswith('"data":')

    event("event_white_space", "white space around and inside is JSON's own", body="\r\n\t " + json.dumps(small, indent=2) + " \n")
    event("event_unknown_type", "an unknown type is fine", body=with_(type="galaxy.exploded"))
    event("event_unknown_fields", "unknown fields are fine", body=with_(something={"new": [1, 2]}, other=None))
    event("event_minimal", "id, type, occurred_at and data are enough", body=compact({key: small[key] for key in ["id", "type", "occurred_at", "data"]}))
    event("event_null_organization", "null counts as absent", body=with_(organization_id=None, environment_id=None))
    event("event_unicode", "UTF-8 and escapes in the envelope", body=start.replace("evt_1", "evt_\u00e9\\u4e2d\\ud83d\\ude00") + data + "}")
    event("event_unicode_data", "UTF-8 and escapes in the data", body=with_(data={"name": "Zo\u00eb \u5f20 \U0001f600 \u2028", "html": "<&>"}))
    event("event_escaped_keys", "keys may be escaped", body=compact(small).replace('"type"', '"\\u0074ype"'))
    event("event_large_integers", "integers larger than any machine word are kept as text", body=start + '{"n":123456789012345678901234567890,"m":-9007199254740993,"e":1e400}}')
    event("event_proto_keys", "__proto__ and its kind are keys like others", body=start + '{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":1},"__proto__":{"type":"x","id":"y"}}')
    event("event_duplicate_keys_in_data", "what is inside data is not read", body=start + '{"id":"1","id":"2"}}')
    event("event_proto_first", "__proto__ before the fields it might hide", body='{"__proto__":{"id":"evt_2","type":"x"},' + compact(small)[1:])
    event("event_proto_of_data", "__proto__ for data's own value", body=start + '{"__proto__":null,"hasOwnProperty":1,"":2}}')
    event("event_duplicate_unknown_keys", "fields that nobody reads may stand twice", body=compact(small)[:-1] + ',"x":1,"x":2}')
    event("event_floats", "numbers in the data are kept as text", body=start + '{"a":1.0,"b":1e3,"c":-0.0,"d":0.1234567890123456789,"e":1E+2}}')
    event("event_crlf", "line ends of any kind are white space", body=json.dumps(small, indent=2).replace("\n", "\r\n"))
    event("event_nul_escaped", "NUL as an escape is a letter like others", body=start + '{"name":"a\\u0000b"}}')
    event("event_lone_surrogate_in_data", "what is inside data is not read", body=start + '{"name":"\\ud800"}}')
    event("event_data_null", "data is there", body=with_(data=None))
    event("event_data_array", "data may be any JSON", body=with_(data=[1, "2", [3]]))
    event("event_data_string", "data may be any JSON", body=with_(data="text"))
    event("event_brackets_in_strings", "brackets inside strings are no nesting", body=with_(data={"text": "[" * 200 + "\\\"" + "{" * 200}))
    event("event_long_id", "an event's id has no limit of its own", body=with_(id="e" * 1000))
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

    # Bodies that are signed and no events.
    def malformed(name, why, body, **rest):
        event(f"malformed_{name}", why, "malformed_event", body=body, **rest)

    malformed("empty", "an empty body is no event", "")
    malformed("blank", "white space is no event", " \r\n")
    malformed("not_json", "words are no event", "hello")
    for name, root in [("array", [small]), ("string", "evt_1"), ("number", 1), ("null", None), ("true", True), ("empty_object", {})]:
        malformed(f"root_{name}", "an event is an object with fields", compact(root))
    for name in ["id", "type", "occurred_at", "data"]:
        malformed(f"without_{name}", "a field that every event has", lacking(name))
    for name in ["id", "type"]:
        for kind, value in [("empty", ""), ("null", None), ("number", 1), ("array", ["evt_1"]), ("object", {"a": 1}), ("true", True)]:
            malformed(f"{name}_{kind}", "id and type are strings with something in them", with_(**{name: value}))
    malformed("id_lone_surrogate", "half a surrogate pair is no text", compact(small).replace("evt_1", "evt_\\ud800"))
    for name, value in [
        ("empty", ""), ("null", None), ("number", 1736189065), ("words", "yesterday"), ("date_only", "2025-01-06"), ("without_offset", "2025-01-06T18:44:25"),
        ("month_13", "2025-13-06T18:44:25Z"), ("february_30", "2025-02-30T18:44:25Z"), ("hour_25", "2025-01-06T25:44:25Z"), ("letters_behind", "2025-01-06T18:44:25Zabc"),
        ("bare_fraction", "2025-01-06T18:44:25.Z"), ("rfc_2822", "Mon, 06 Jan 2025 18:44:25 +0000"),
    ]:
        malformed(f"occurred_at_{name}", "occurred_at is RFC 3339", with_(occurred_at=value))
    malformed("organization_id_number", "an optional field of another type", with_(organization_id=1))
    malformed("keys_of_other_case", "JSON's keys have a case", compact(small).replace('"type"', '"Type"'))
    malformed("truncated", "half a body", compact(small)[:60])
    malformed("truncated_last_byte", "a body without its last bracket", compact(small)[:-1])
    malformed("trailing_garbage", "something behind the event", compact(small) + "x")
    malformed("trailing_comma", "a comma behind the event", compact(small) + ",")
    malformed("two_events", "two events in one body", compact(small) * 2)
    malformed("trailing_nul", "NUL is no white space", binary(compact(small).encode() + b"\0"))
    malformed("bom", "a byte order mark is not JSON", binary(b"\xef\xbb\xbf" + compact(small).encode()))
    malformed("utf16", "JSON is UTF-8", binary(compact(small).encode("utf-16")))
    malformed("invalid_utf8_in_data", "JSON is UTF-8", binary(start.encode() + b'{"name":"\xff"}}'))
    malformed("invalid_utf8_in_id", "JSON is UTF-8", binary(compact(small).encode().replace(b"evt_1", b"evt_\xe9")))
    malformed("single_quotes", "JSON has double quotes", compact(small).replace('"', "'"))
    malformed("comment", "JSON has no comments", "/* event */" + compact(small))
    malformed("comma_before_bracket", "JSON has no trailing commas", compact(small)[:-1] + ",}")
    malformed("nan_in_data", "JSON has no NaN", start + '{"n":NaN}}')
    malformed("leading_zero_in_data", "JSON's numbers have no leading zeros", start + '{"n":01}}')
    malformed("raw_newline_in_string", "JSON's strings hold no raw control characters", start + '{"n":"\n"}}')
    for name in ["id", "type", "occurred_at", "organization_id", "data"]:
        malformed(f"duplicate_{name}", "one parser takes the first, another the last: neither is right", compact(small)[:-1] + "," + compact({name: small[name]})[1:])
    malformed("bom_inside", "a byte order mark is no white space", binary(compact(small)[:1].encode() + b"\xef\xbb\xbf" + compact(small)[1:].encode()))
    malformed("nul_before", "NUL is no white space", binary(b"\0" + compact(small).encode()))
    malformed("raw_nul_in_string", "JSON's strings hold no raw control characters", binary(start.encode() + b'{"n":"\0"}}'))
    malformed("no_break_space", "white space of other alphabets is not JSON's", "\u00a0" + compact(small))
    malformed("duplicate_id_different", "two ids", compact(small)[:-1] + ',"id":"evt_2"}')
    malformed("duplicate_id_escaped", "the same key in another spelling", '{"\\u0069d":"evt_2",' + compact(small)[1:])

    # Nesting: the root counts as 1, so that data's value starts at 2.
    def nested(levels, open="[", close="]"):
        return {"prefix": start, "repeat": open, "count": levels - 1, "repeat_after": close, "suffix": "}"}

    def deep(name, why, body, reason=None):
        if reason is None:
            made = {"name": name, "why": why, "call": "verify", "secrets": [SECRET], "now": NOW, "headers": headers(body), "body": body}
            made["expect"] = {"ok": True, "event": event_expectation(compact(small))}
            cases.add(made)
        else:
            event(name, why, reason, body=body)

    objects = {"prefix": start, "repeat": '{"a":', "count": 127, "middle": "1", "repeat_after": "}", "suffix": "}"}
    deep("depth_128", "the deepest nesting", nested(128))
    deep("depth_129", "one level more", nested(129), "malformed_event")
    deep("depth_10000", "deep nesting must not overflow a stack, in any language", nested(10000), "malformed_event")
    deep("depth_500000", "nor must a body of nothing but brackets", {"repeat": "[", "count": 500000, "repeat_after": "]"}, "malformed_event")
    deep("depth_unclosed", "nor brackets that nobody closes", {"repeat": "[", "count": 100000}, "malformed_event")
    deep("depth_128_objects", "objects count like arrays", objects)
    deep("depth_129_objects", "objects count like arrays", {**objects, "count": 128}, "malformed_event")
    deep("depth_10000_unknown_field", "fields that nobody reads count too", {"prefix": compact(small)[:-1] + ',"x":', "repeat": "[", "count": 10000, "repeat_after": "]", "suffix": "}"}, "malformed_event")
    case("depth_10000_signature_only", "the signature alone asks nothing of the body", body=nested(10000))

    # Several things wrong: the order of the checks.
    many_wrong = headers("hello", id="m" * 257, timestamp="abc", key=OTHER_KEY)
    event("order_body_first", "the body's size is judged before anything else", "body_too_large", body=too_large, head=[])
    event("order_body_before_all", "the body's size is judged before anything else", "body_too_large", body=too_large, head=many_wrong)
    event("order_missing_before_timestamp", "a missing header before a bad timestamp", "missing_header", body="hello", head=without(many_wrong, "webhook-id"))
    event("order_timestamp_before_match", "a bad timestamp before an over-long id and a wrong signature", "invalid_timestamp", body="hello", head=many_wrong)
    event("order_too_old_before_match", "an old timestamp before a wrong signature", "too_old", body="hello", head=headers("hello", key=OTHER_KEY), now=NOW + 301)
    event("order_too_new_before_match", "a timestamp ahead before a wrong signature", "too_new", body="hello", head=headers("hello", key=OTHER_KEY), now=NOW - 301)
    event("order_too_old_before_long_id", "an old timestamp before an over-long id", "too_old", head=headers(id="m" * 257), now=NOW + 301)
    event("order_match_before_event", "a wrong signature before a malformed event: nothing unverified is parsed", "no_match", body="hello", head=headers("hello", key=OTHER_KEY))
    event("order_match_before_depth", "a wrong signature before deep nesting", "no_match", body=nested(10000), head=headers(key=OTHER_KEY))
    event("order_event_last", "a malformed event is the last thing that can be wrong", "malformed_event", body="hello")

    return {
        "about": "Messages, and what verifying them must say. Made by generate.py; the forms are described in README.md.",
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

    case("plain", "as the dashboard shows it", SECRET, True)
    for length in [16, 24, 32, 64]:
        case(f"{length}_bytes", "long enough", secret_of(key_of("length", length)), True)
    case("100_bytes", "longer than a block of the hash", secret_of(key_of("length", 64) + key_of("more", 36)), True)
    case("plus_and_slash", "the standard alphabet", "whsec_" + slashed, True)
    case("without_prefix", "the prefix is optional", plain, True)
    case("padded", "with padding", secret_of(key_of("unpadded", 25)), True)
    case("unpadded", "without padding", secret_of(key_of("unpadded", 25)).rstrip("="), True)
    case("padding_half", "with one of two signs of padding: it carries nothing", secret_of(key_of("unpadded", 25)).rstrip("=") + "=", True)
    case("unpadded_without_prefix", "without either", b64(key_of("unpadded", 25)).rstrip("="), True)
    case("white_space_around", "stripped", f" \t{SECRET}\r\n", True)
    case("no_break_space_around", "stripped, as white space of any alphabet", f"\u00a0{SECRET}\u00a0", True)
    case("no_break_space_inside", "but it separates nothing", f"{SECRET}\u00a0{OLD_SECRET}", False)
    case("double_quotes", "one pair is stripped", f'"{SECRET}"', True)
    case("single_quotes", "one pair is stripped", f"'{SECRET}'", True)
    case("white_space_around_quotes", "both are stripped", f' "{SECRET}" \n', True)
    case("white_space_inside_quotes", "both are stripped", f"' {SECRET} '", True)
    case("two_in_one", "two separated by a blank", f"{SECRET} {OLD_SECRET}", True)
    case("two_in_one_many_blanks", "two separated by several blanks", f"{SECRET} \t\n {OLD_SECRET}", True)
    case("two_in_quotes", "two in one pair of quotes", f'"{SECRET} {OLD_SECRET}"', True)
    case("list_of_one", "a list", [SECRET], True)
    case("list_of_two", "a list while a secret is rotated", [SECRET, OLD_SECRET], True)
    case("list_of_two_in_one", "strings of a list may hold several", [f"{SECRET} {OLD_SECRET}", OTHER_SECRET], True)
    case("list_same_twice", "a repeated secret does no harm", [SECRET, SECRET], True)

    case("empty", "nothing would key the HMAC", "", False)
    case("blank", "nothing would key the HMAC", "   ", False)
    case("newline", "nothing would key the HMAC", "\n", False)
    case("empty_quotes", "nothing would key the HMAC", '""', False)
    case("blank_in_quotes", "nothing would key the HMAC", "' '", False)
    case("one_quote", "half a pair of quotes is not stripped", f'"{SECRET}', False)
    case("two_pairs_of_quotes", "one pair is stripped, not two", f"\"'{SECRET}'\"", False)
    case("prefix_only", "nothing would key the HMAC", "whsec_", False)
    case("prefix_and_padding", "nothing would key the HMAC", "whsec_==", False)
    case("prefix_and_blank", "nothing would key the HMAC", "whsec_ ", False)
    case("not_base64", "some decoders make nothing of it", "whsec_!!!!", False)
    case("dots", "some decoders make nothing of it", "whsec_........................", False)
    case("placeholder", "what stands in examples", "whsec_your-webhook-secret", False)
    case("redacted", "what stands in logs", "whsec_********************************", False)
    case("1_byte", "too few bytes to be safe", secret_of(key_of("length", 1)), False)
    case("15_bytes", "too few bytes to be safe", secret_of(key_of("length", 15)), False)
    case("15_bytes_without_prefix", "too few bytes to be safe", b64(key_of("length", 15)), False)
    case("url_safe", "another alphabet", "whsec_" + url_safe, False)
    case("dash", "another alphabet", "whsec_" + plain[:10] + "-" + plain[11:], False)
    case("underscore", "another alphabet", "whsec_" + plain[:10] + "_" + plain[11:], False)
    case("inner_newline", "a secret cut in two by a newline is two bad ones", f"whsec_{plain[:10]}\n{plain[10:]}", False)
    case("inner_blank", "a secret cut in two by a blank is two bad ones", f"whsec_{plain[:10]} {plain[10:]}", False)
    case("inner_comma", "commas do not separate", f"{SECRET},{OLD_SECRET}", False)
    case("padding_inside", "padding stands at the end", "whsec_" + b64(key_of("padding", 16)) + plain, False)
    case("too_much_padding", "three signs of padding are no padding", "whsec_" + plain + "===", False)
    case("impossible_length", "no base64 has this length", "whsec_" + plain + "A", False)
    case("prefix_twice", "one prefix", "whsec_" + SECRET, False)
    for length in [2, 8, 14]:
        case(f"{length}_bytes", "too few bytes to be safe", secret_of(key_of("length", length)), False)
    case("prefix_without_underscore", "whsec and nothing", "whsec", False)
    case("prefix_with_dash", "another prefix", "whsec-" + plain, False)
    case("prefix_cut", "another prefix", "hsec_" + plain, False)
    case("prefix_behind", "the prefix stands before the key", plain + "whsec_", False)
    case("prefix_apart", "a prefix and a key apart are two secrets, one of them bad", "whsec_ " + plain, False)
    case("one_padding_sign", "one sign of padding too many", "whsec_" + plain + "=", False)
    case("padding_only", "no key", "whsec_====", False)
    case("padding_before", "padding stands at the end", "whsec_=" + plain, False)
    loose = b64(key_of("unpadded", 25))[:-3]
    loose += "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(b64(key_of("unpadded", 25))[-3]) + 1] + "=="
    assert base64.b64decode(loose) == key_of("unpadded", 25)
    case("loose_bits", "one key has one spelling: the bits behind the last byte are zero", "whsec_" + loose, False)
    case("semicolon_behind", "what was copied with it", SECRET + ";", False)
    case("comma_behind", "what was copied with it", SECRET + ",", False)
    case("dot_behind", "what was copied with it", SECRET + ".", False)
    case("name_before", "a line of an .env file", "SCALEKIT_WEBHOOK_SECRET=" + SECRET, False)
    case("bearer", "a header's value", "Bearer " + SECRET, False)
    case("json", "a secret as JSON", '{"secret":"' + SECRET + '"}', False)
    case("null", "a variable that was never set", "null", False)
    case("undefined", "a variable that was never set", "undefined", False)
    case("variable", "a variable that nobody replaced", "${SCALEKIT_WEBHOOK_SECRET}", False)
    case("backticks", "quotes of another kind", f"`{SECRET}`", False)
    case("smart_quotes", "quotes of another kind", f"\u201c{SECRET}\u201d", False)
    case("quotes_inside", "a pair of quotes in the middle", f'whsec_"{plain}"', False)
    case("percent_encoded", "nothing is decoded", "whsec_" + b64(key_of("unpadded", 25)).replace("=", "%3D"), False)
    case("escaped_newline", "a newline that was written as an escape", SECRET + "\\n", False)
    case("byte_order_mark", "a byte order mark is no white space", "\ufeff" + SECRET, False)
    case("zero_width_space", "it is no white space", SECRET + "\u200b", False)
    case("control_character", "letters that nobody sees", "whsec_" + plain[:10] + "\x01" + plain[11:], False)
    case("hexadecimal_short", "thirty digits are too few, whatever they were meant to be", key_of("length", 10).hex(), False)
    case("prefix_capital", "the prefix has a case", "WHSEC_" + plain, False)
    case("other_prefix", "the key of an asymmetric signature", "whpk_" + plain, False)
    case("non_ascii", "letters of other alphabets", "whsec_" + plain[:10] + "\u00e9" + plain[11:], False)
    case("full_width", "letters of other alphabets", "whsec_" + "\uff21" * 32, False)
    case("emoji", "no letters at all", "\U0001f511" * 8, False)
    case("nul_behind", "NUL ends nothing", SECRET + "\0", False)
    case("nul_inside", "NUL ends nothing", f"{SECRET}\0{OLD_SECRET}", False)
    case("good_and_bad", "one bad secret is one too many", f"{SECRET} whsec_!!!!", False)
    case("good_and_prefix", "one bad secret is one too many", f"{SECRET} whsec_", False)
    case("list_empty", "nobody could sign", [], False)
    case("list_of_empty", "nothing would key the HMAC", [""], False)
    case("list_good_and_bad", "one bad secret is one too many", [SECRET, "whsec_!!!!"], False)
    case("list_bad_and_good", "one bad secret is one too many", ["whsec_", SECRET], False)
    case("list_good_and_empty", "one bad secret is one too many", [SECRET, ""], False)
    return {
        "about": "Webhook secrets. Where `ok` is false, constructing fails with the reason invalid_secret. Made by generate.py.",
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
    case("empty_body", "nothing to say", "")
    case("binary_body", "every byte", binary(bytes(range(256))))
    case("unicode_body", "UTF-8", '{"name":"Zo\u00eb \u5f20 \U0001f600"}')
    case("crlf_body", "line ends stay", "{\r\n}\r\n")
    case("large_body", "100 kB", {"prefix": '{"text":"', "repeat": "abcdefghij", "count": 10000, "suffix": '"}'})
    case("id_with_dots", "dots stay", id="msg.1.2")
    case("id_of_256_bytes", "the longest id", id="m" * 256)
    case("timestamp_zero", "1970", timestamp=0)
    case("timestamp_far", "the year 2286", timestamp=9999999999)
    case("key_of_16_bytes", "the shortest key", key=key_of("length", 16))
    case("key_of_100_bytes", "a key longer than a block of the hash", key=key_of("length", 64) + key_of("more", 36))
    case("secret_without_prefix", "the prefix is optional", secret=b64(KEY))
    case("first_secret_signs", "of several secrets the first signs", secret=f"{SECRET} {OLD_SECRET}")
    return {"about": "What signing must give, header by header. Made by generate.py.", "cases": cases.list}


# --- webhook_parsed.json ---


def parsed_cases():
    cases = Cases()
    both = ["python", "node"]

    def case(name, why, raw, printed=None, reason=None, languages=(), head=None, now=NOW):
        printed = raw if printed is None else printed
        made = {"name": name, "why": why, "secret": SECRET, "now": now, "headers": headers(raw) if head is None else head, "compact": printed, "raw": raw, "runnable_from_raw": list(languages)}
        made["expect"] = {"ok": False, "reason": reason} if reason else {"ok": True, "event": event_expectation(printed)}
        # Python's parser and printer are at hand, so what is claimed of them is tested here.
        if "python" in languages:
            assert compact(json.loads(raw)) == printed, name
        cases.add(made)

    def body(data):
        """An event's compact text around `data`, which is JSON text itself."""
        return '{"id":"evt_1","type":"organization.directory.user_created","occurred_at":"2025-01-06T18:44:25.153954Z","organization_id":"org_1","environment_id":"env_1","data":' + data + "}"

    def go(text, characters="<>&\u2028\u2029"):
        """Escapes as Go's encoding/json does."""
        return "".join(f"\\u{ord(letter):04x}" if letter in characters else letter for letter in text)

    case("plain", "what was sent is what is printed", BODY, languages=both)
    case("non_ascii_kept", "UTF-8 stays as it is", body('{"name":"Zo\u00eb \u5f20 \U0001f600"}'), languages=both)
    case("key_order_kept", "keys stay in their order", body('{"z":1,"a":2,"m":{"y":3,"b":4}}'), languages=both)
    case("empty_values", "empty strings, lists and objects, null and false", body('{"a":"","b":[],"c":{},"d":null,"e":false}'), languages=both)
    case("numbers", "integers and short fractions", body('{"a":0,"b":-1,"c":1.5,"d":9007199254740991}'), languages=both)
    html = body('{"name":"<b>Tom & Jerry</b>"}')
    case("html_escaped", "Go's encoder escapes < > & unless told not to", go(html), html, languages=both)
    case("html_not_escaped", "and leaves them alone where told so", html, languages=both)
    lines = body('{"name":"one\u2028two\u2029three"}')
    case("line_separators_escaped", "Go's encoder always escapes U+2028 and U+2029", go(lines), lines, languages=both)
    case("line_separators_not_escaped", "others do not", lines, languages=both)
    mixed = body('{"name":"<one>\u2028 & two"}')
    case("html_and_line_separators_escaped", "all five", go(mixed), mixed, languages=both)
    case("html_kept_line_separators_escaped", "Go's encoder with SetEscapeHTML(false)", go(mixed, "\u2028\u2029"), mixed, languages=both)
    case("html_escaped_in_keys", "keys are escaped too", go(body('{"a<b":"c>d"}')), body('{"a<b":"c>d"}'), languages=both)
    case("escaped_escape", "a backslash before u003c is text, not an escape", body('{"name":"\\\\u003c"}'), languages=both)
    case("control_characters", "short escapes and long ones", body('{"name":"\\n\\r\\t\\u0001\\u001f\\"\\\\"}'), languages=both)
    case("proto_key", "__proto__ is a key like others", body('{"__proto__":{"admin":true}}'), languages=both)
    case("floats", "fractions that every printer prints alike", body('{"a":0.1,"b":-2.5,"c":123.456,"d":0.001,"e":1e+21}'), languages=both)
    case("short_escapes", "the short escapes", body('{"a":"\\b\\f\\n\\r\\t"}'), languages=both)
    case("unicode_everywhere", "letters beyond the first plane, marks, a byte order mark and U+007F stay as they are", body('{"a\u0301\U0001f600":"\u0085\u00a0\ufeff\uffff\u007f\U0010ffff"}'), languages=both)
    case("empty_key", "a key may be empty", body('{"":{"":1}}'), languages=both)
    case("keys_of_the_runtime", "keys that JavaScript's objects have of their own", body('{"toJSON":1,"constructor":{"prototype":2},"hasOwnProperty":null,"length":3}'), languages=both)
    case("numbers_as_text", "text stays text", body('{"a":"1.0","b":"9007199254740993"}'), languages=both)
    case("html_escaped_everywhere", "every string of the event, the envelope's too", go(body('"&"').replace("org_1", "org_<1>")), body('"&"').replace("org_1", "org_<1>"), languages=both)
    case("depth_128", "the deepest nesting", body("[" * 127 + "]" * 127), languages=both)
    case("interceptor", "the other family of headers", BODY, head=headers(family="interceptor"), languages=both)

    case("html_escaped_in_part", "no encoder escapes one < and not the next", body('{"name":"\\u003cb>"}'), body('{"name":"<b>"}'), "no_match", languages=both)
    case("html_escaped_upper_case", "Go's escapes are lower-case", body('{"name":"\\u003Cb\\u003E"}'), body('{"name":"<b>"}'), "no_match", languages=both)
    case("html_escaped_apart", "no encoder escapes < and not &", body('{"name":"\\u003cb> & \\u003cb>"}'), body('{"name":"<b> & <b>"}'), "no_match", languages=both)
    case("line_separators_escaped_in_part", "no encoder escapes U+2028 and not U+2029", body('{"name":"\\u2028\u2029"}'), body('{"name":"\u2028\u2029"}'), "no_match", languages=both)
    case("surrogates_escaped", "which letters were escaped is lost", body('{"name":"\\ud83d\\ude00"}'), body('{"name":"\U0001f600"}'), "no_match", languages=both)
    case("control_character_in_capitals", "which case an escape had is lost", body('{"a":"\\u001F"}'), body('{"a":"\\u001f"}'), "no_match", languages=both)
    case("backspace_by_number", "which escape it was is lost", body('{"a":"\\u0008"}'), body('{"a":"\\b"}'), "no_match", languages=both)
    case("negative_zero", "an integer has no sign at zero", body('{"a":-0}'), body('{"a":0}'), "no_match", languages=both)
    case("float_of_many_digits", "digits that no float holds are lost", body('{"a":0.1234567890123456789}'), body('{"a":0.12345678901234568}'), "no_match", languages=both)
    case("exponent_in_capitals", "how an exponent was written is lost", body('{"a":1E+21}'), body('{"a":1e+21}'), "no_match", languages=both)
    case("depth_129", "a parsed body may nest too deep", body("[" * 128 + "]" * 128), None, "malformed_event", languages=both)
    event = json.loads(BODY)
    case("pretty_printed", "white space is lost: pass the raw body", json.dumps(event, indent=2, ensure_ascii=False), BODY, "no_match", languages=both)
    case("blanks_behind_separators", "white space is lost: pass the raw body", json.dumps(event, ensure_ascii=False), BODY, "no_match", languages=both)
    case("trailing_newline", "white space is lost: pass the raw body", BODY + "\n", BODY, "no_match", languages=both)
    case("non_ascii_escaped", "which letters were escaped is lost", body('{"name":"Zo\\u00eb"}'), body('{"name":"Zo\u00eb"}'), "no_match", languages=both)
    case("slash_escaped", "which letters were escaped is lost", body('{"url":"https:\\/\\/example.com"}'), body('{"url":"https://example.com"}'), "no_match", languages=both)
    case("duplicate_keys", "the first of two equal keys is lost", body('{"a":1,"a":2}'), body('{"a":2}'), "no_match", languages=both)
    case("float_without_fraction_node", "JavaScript prints 1.0 as 1", body('{"a":1.0}'), body('{"a":1}'), "no_match", languages=["node"])
    case("float_without_fraction_python", "Python keeps it", body('{"a":1.0}'), languages=["python"])
    case("large_integer_node", "JavaScript rounds integers above 2^53", body('{"a":9007199254740993}'), body('{"a":9007199254740992}'), "no_match", languages=["node"])
    case("large_integer_python", "Python keeps them", body('{"a":9007199254740993}'), languages=["python"])
    case("exponent_node", "JavaScript prints 1e3 as 1000", body('{"a":1e3}'), body('{"a":1000}'), "no_match", languages=["node"])
    case("exponent_python", "Python prints 1e3 as 1000.0", body('{"a":1e3}'), body('{"a":1000.0}'), "no_match", languages=["python"])
    case("small_float_node", "JavaScript keeps 1e-7", body('{"a":1e-7}'), languages=["node"])
    case("small_float_python", "Python prints 1e-7 as 1e-07", body('{"a":1e-7}'), body('{"a":1e-07}'), "no_match", languages=["python"])
    case("negative_zero_with_fraction_node", "JavaScript prints -0.0 as 0", body('{"a":-0.0}'), body('{"a":0}'), "no_match", languages=["node"])
    case("negative_zero_with_fraction_python", "Python keeps it", body('{"a":-0.0}'), languages=["python"])
    case("huge_integer_node", "JavaScript makes a float of it", body('{"a":123456789012345678901234567890}'), body('{"a":1.2345678901234568e+29}'), "no_match", languages=["node"])
    case("huge_integer_python", "Python keeps them", body('{"a":123456789012345678901234567890}'), languages=["python"])
    case("lone_surrogate_node", "JavaScript prints half a surrogate pair as the escape that it was", body('{"a":"\\ud800"}'), languages=["node"])
    case("integer_keys_node", "JavaScript puts keys that are integers first", body('{"b":1,"1":2}'), body('{"1":2,"b":1}'), "no_match", languages=["node"])
    case("integer_keys_python", "Python keeps their order", body('{"b":1,"1":2}'), languages=["python"])
    case("other_secret", "signed with another secret", BODY, None, "no_match", head=headers(key=OTHER_KEY), languages=both)
    case("value_changed", "a value is not what was signed", BODY, None, "no_match", head=headers(body("{}")), languages=both)
    case("too_old", "the timestamp is judged as ever", BODY, None, "too_old", now=NOW + 301, languages=both)
    case("too_new", "the timestamp is judged as ever", BODY, None, "too_new", now=NOW - 301, languages=both)
    case("missing_header", "the headers are judged as ever", BODY, None, "missing_header", head=headers()[:2], languages=both)
    case("root_array", "a parsed body may be no event", "[1]", None, "malformed_event", languages=both)
    case("without_type", "a parsed body may be no event", '{"id":"evt_1"}', None, "malformed_event", languages=both)
    return {
        "about": "Bodies that a framework has parsed: `compact` is what printing them again gives, `raw` is what was signed. Made by generate.py.",
        "cases": cases.list,
    }


# --- webhook_replay.json ---


def replay_cases():
    cases = Cases()
    day = 86400

    def case(name, why, *steps, retention=3 * day, capacity=None):
        """A step is ("check", id, answer), ("commit", id) or ("advance", seconds)."""
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

    case("unseen", "nothing was handled yet", first())
    case("handled", "what was handled is known", first(), commit(), again(), again())
    case("checked_only", "looking records nothing: a message whose handling failed is let through again", first(), first(), first())
    case("failed_then_handled", "the attempt that succeeds counts", first(), advance(5), first(), commit(), advance(300), again())
    case("committed_unchecked", "a commit needs no check before it", commit(), again())
    case("committed_twice", "two deliveries at one moment may both be handled, and both commit", first(), first(), commit(), commit(), again())
    case("other_id", "ids do not answer for each other", commit("msg_1"), again("msg_1"), first("msg_2"), first("msg_"), first("msg_11"))
    case("case_of_letters", "an id is its bytes: upper and lower case differ", commit("msg_a"), first("MSG_A"), first("msg_A"), again("msg_a"))
    case("blanks_inside", "blanks are part of an id", commit("msg  1"), first("msg 1"), again("msg  1"))
    for name, id in [("quotes", "'; DROP TABLE message; --\"\\"), ("pattern", "msg_%"), ("non_ascii", "msg_\u00e9\u4e2d\U0001f600"), ("256_bytes", "m" * 256), ("number", "17"), ("padded_number", "017")]:
        case(f"id_{name}", "an id is text, whatever is in it", first(id), commit(id), again(id), first("msg_1"), first("7"))
    case("decomposed", "letters that look the same are not", commit("msg_\u00e9"), first("msg_e\u0301"))

    case("retention_edge", "remembered until the retention has passed, and not at its end", commit(), advance(3 * day - 1), again(), advance(1), first())
    case("retention_of_a_minute", "a retention of one's own", commit(), advance(59), again(), advance(1), first(), retention=60)
    case("retention_of_nothing", "remembers nothing", commit(), first(), retention=0)
    case("retention_renewed", "the last commit counts", commit(), advance(2 * day), commit(), advance(2 * day), again(), advance(day), first())
    case("forgotten_then_handled", "a forgotten id is like a new one", commit(), advance(3 * day), first(), commit(), again())
    attempts = [5, 300, 1800, 7200, 18000, 36000, 36000]
    case("vendors_schedule", "all of the vendor's attempts lie within the retention", commit(), *[step for wait in attempts for step in (advance(wait), again())])
    case("vendors_schedule_failing", "and each of them gets through until one is handled", *[step for wait in attempts for step in (first(), advance(wait))], commit(), again())
    case("clock_set_back", "a clock that is set back forgets nothing", commit(), advance(-3600), again(), advance(3600), again())

    # In memory alone: the last `capacity` ids are kept.
    case("capacity_oldest_goes", "where it is full the oldest goes", commit("a"), commit("b"), commit("c"), first("a"), again("b"), again("c"), capacity=2)
    case("capacity_not_full", "nothing goes before it is full", commit("a"), commit("b"), again("a"), again("b"), capacity=2)
    case("capacity_checks_take_no_room", "looking takes no room", commit("a"), first("b"), first("c"), again("a"), capacity=1)
    case("capacity_renewed_is_youngest", "a commit makes an id the youngest", commit("a"), commit("b"), commit("a"), commit("c"), again("a"), first("b"), again("c"), capacity=2)
    case("capacity_renewed_takes_no_room", "and takes no room", commit("a"), *[commit("b")] * 10, again("a"), again("b"), capacity=2)
    case("capacity_expired_go_first", "an expired id goes before one that is not", commit("a"), advance(50), commit("b"), advance(20), commit("c"), first("a"), again("b"), again("c"), retention=60, capacity=2)
    case("capacity_of_one", "the last one", commit("a"), again("a"), commit("b"), first("a"), again("b"), capacity=1)
    return {"about": "What a replay guard must answer, step by step. Made by generate.py.", "cases": cases.list}


# --- writing ---


def render(document):
    """One case a line: a change shows as the case that changed. ASCII only."""
    if "cases" not in document:
        return json.dumps(document, indent=1) + "\n"
    lines = ",\n".join("  " + json.dumps(case) for case in document["cases"])
    return '{\n "about": ' + json.dumps(document["about"]) + ',\n "cases": [\n' + lines + "\n ]\n}\n"


def check_coverage(files):
    """README.md's table names cases that there are, and no case is missing from it."""
    _, table = (HERE / "README.md").read_text(encoding="utf-8").split("\n## What is covered\n")
    patterns = [pattern for row in table.splitlines() if row.startswith("| ") for pattern in re.findall(r"`([a-z0-9_*]+)`", row.rsplit("|", 2)[1])]
    names = {case["name"] for name in ["webhook_verify.json", "webhook_secrets.json", "webhook_parsed.json"] for case in files[name]["cases"]}
    unknown = [pattern for pattern in patterns if not fnmatch.filter(names, pattern)]
    assert not unknown, f"README.md names cases that there are not: {unknown}"
    rest = names - {case["name"] for case in files["webhook_secrets.json"]["cases"]}
    missing = sorted(name for name in rest if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns))
    assert not missing, f"README.md's table lacks {missing}"


def main():
    files = {
        "webhook_verify.json": verify_cases(),
        "webhook_secrets.json": secret_cases(),
        "webhook_sign.json": sign_cases(),
        "webhook_parsed.json": parsed_cases(),
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
