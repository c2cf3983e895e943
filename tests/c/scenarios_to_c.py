#!/usr/bin/env python3
"""Writes tests/scenarios/*.json as C: `scenarios_to_c.py FOLDER > scenarios.h`. Unknown steps and values are errors."""

import json
import sys
from pathlib import Path

from vectors_to_c import text, texts

NONE = -1  # HC_SANDBOX_NONE and HC_GUARD_NOBODY, for the number 0. In C's options, 0 means the default.
STEPS = ("create_user", "update_user", "delete_user", "create_group", "update_group", "delete_group", "add_member", "remove_member",
         "delete_users", "sync", "plan", "moment", "at", "history", "export", "reconcile", "receive", "forge", "role_map", "role_map_entries", "unmatched_roles", "pending", "runs", "event", "explain", "link", "protect", "unprotect", "erase_user", "enable_directory", "disable_directory", "retire", "forget_organization", "sync_all", "wait_for_deletion", "status", "hold", "approve", "dismiss", "feed", "poll_groups", "skip",
         "start_workers", "stop_workers", "lose_partition")


# Each of the following functions returns the C expression or initializer of a value in a scenario.
def yes_or_no(value):
    return "1" if value else "-1"


def count(value):
    return f"{{true, {value}}}"


def listed(values):
    return f"{{true, {texts(values)}}}"


def optional_text(value):
    """Returns a maybe_text that is set; `None` becomes NULL."""
    return f"{{true, {text(value)}}}"


def pairs(values):
    items = ", ".join(f"{{{text(group)}, {text(role)}}}" for group, role in values)
    return f"{{(const hc_role_pair[]){{{items or '{NULL, NULL}'}}}, {len(values)}}}"


def entries(values):
    items = ", ".join(fields(ENTRY, value) for value in values)
    return f"{{(const role_entry[]){{{items}}}, {len(values)}}}"


def kinds(values):
    items = ", ".join(f"{{{text(kind)}, {number}}}" for kind, number in values.items())
    return f"{{(const kind_count[]){{{items or '{NULL, 0}'}}}, {len(values)}}}"


def changes(values):
    items = ", ".join(fields(CHANGE, value) for value in values)
    return f"{{(const expected_change[]){{{items or '{.kind = NULL}'}}}, {len(values)}}}"


def names(values):
    """Returns the array of the option `fields`, and the initializer of `fields_len`. The array of an empty list is not NULL."""
    items = ", ".join(map(text, values))
    return f"(const char *const[]){{{items or 'NULL'}}}, .fields_len = {len(values)}"


# The fields of each struct, with the function that writes their values.
CHANGE = {
    "kind": text, "user": optional_text, "group": optional_text, "fields": listed, "roles": listed, "active": yes_or_no,
    "linked_id": optional_text, "cause": text, "rehire": yes_or_no, "rehire_linked_id": optional_text,
}
ENTRY = {"key": lambda value: {"id": "HC_ROLE_BY_ID", "name": "HC_ROLE_BY_NAME"}[value], "group": text, "id_of": text, "role": text, "organization": text}
STEP = {
    **dict.fromkeys(("do", "as", "user", "group", "email", "given_name", "family_name", "display_name", "account_id", "consumer", "mode",
                     "outcome", "error", "hold", "reason", "moment", "since", "until", "role", "format", "state"), text),
    **dict.fromkeys(("created", "updated", "deactivated", "deleted", "events", "erased"), count),
    **dict.fromkeys(("users", "count", "delivery", "limit", "partitions", "grants", "holds"), str),
    "groups": lambda value: listed(value) if isinstance(value, list) else f"{{.len = {value}}}",
    "held": text, "active": yes_or_no, "approve_removals": yes_or_no, "pairs": pairs, "entries": entries, "changes": changes,
    "types": listed, "outcomes": listed, "causes": listed, "settled": yes_or_no, "was_mirrored": yes_or_no, "explained": yes_or_no, "roles": listed, "reasons": listed, "kinds": listed, "emails": listed, "known": listed, "contains": listed, "absent": listed, "counts": kinds,
}
SANDBOX = {"users": lambda value: str(value or NONE), "groups": lambda value: str(value or NONE), "seed": str}
MIRROR = {"guard_users": lambda value: str(value or NONE), "guard_share": lambda value: str(value or NONE), "guard_events": yes_or_no, "fields": names, "deletion_grace": str}


def fields(known, values):
    """Returns a struct initializer with `values` by field name. The step's "do", a C keyword, becomes the field `what`."""
    unknown = values.keys() - known.keys()
    if unknown:
        raise SystemExit(f"test_scenarios.c reads no such field: {', '.join(sorted(unknown))}")
    return "{" + ", ".join(f".{'what' if name == 'do' else name} = {known[name](value)}" for name, value in values.items()) + "}"


def options(type_, known, values):
    """Returns an initializer of the options struct `type_` of headcount.h, with `values` by field name."""
    return f"{{.struct_size = sizeof({type_}), {fields(known, values)[1:-1]}}}"


def main():
    scenarios = []
    print("/* Written by scenarios_to_c.py from tests/scenarios. */\n")
    for number, path in enumerate(sorted(Path(sys.argv[1]).glob("*.json"))):
        scenario = json.loads(path.read_text(encoding="utf-8"))
        print(f"static const step steps_{number}[] = {{")
        for one in scenario["steps"]:
            if one["do"] not in STEPS:
                raise SystemExit(f"test_scenarios.c has no step {one['do']}")
            print(f"    {fields(STEP, one)},")
        print("};\n")
        sandbox = options("hc_sandbox_options", SANDBOX, scenario.get("sandbox", {}))
        mirror = options("hc_mirror_options", MIRROR, scenario.get("mirror", {})).replace(".deletion_grace =", ".deletion_grace_seconds =")
        scenarios.append(f"    {{{text(path.stem)}, {sandbox}, {mirror}, steps_{number}, sizeof steps_{number} / sizeof *steps_{number}}},")
    print("static const scenario scenarios[] = {", *scenarios, "};", sep="\n")


main()
