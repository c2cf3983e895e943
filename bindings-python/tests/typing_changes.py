"""Checked by mypy, never run: a test of a change's kind narrows the types of its other fields."""

from __future__ import annotations

import headcount


def handle(change: headcount.Change) -> str:
    match change.kind:
        case "user.created":
            change.before.email  # type: ignore[attr-defined]
            return change.user.email + change.after.email
        case "user.updated" | "user.deactivated" | "user.reactivated" | "roles.changed":
            return change.user.email + change.before.email + change.after.email
        case "user.deleted":
            change.after.email  # type: ignore[attr-defined]
            return change.user.email + change.before.email
        case "group.created":
            change.user.email  # type: ignore[attr-defined]
            return change.group.display_name + change.after.display_name
        case "group.updated":
            return change.group.display_name + change.before.display_name + change.after.display_name
        case "group.deleted":
            return change.group.display_name + change.before.display_name
        case "membership.added" | "membership.removed":
            change.after.email  # type: ignore[attr-defined]
            return change.user.email + change.group.display_name
        case "directory.enabled" | "directory.disabled" | "directory.missing" | "directory.found":
            change.user.email  # type: ignore[attr-defined]
            return change.directory_id
        case "organization.missing" | "organization.found":
            change.group.display_name  # type: ignore[attr-defined]
            return change.organization_id
        case "organization.forgotten":
            change.user.email  # type: ignore[attr-defined]
            return change.cause


def new_address(change: headcount.Change) -> str:
    change.user.email  # type: ignore[union-attr]
    if change.kind == "user.created":
        return change.after.email
    if change.kind == "user.creatd":  # type: ignore[comparison-overlap]
        return ""
    if change.kind in ("user.updated", "roles.changed"):
        return change.after.email
    return ""


def only_changes(values: list[object]) -> list[headcount.Change]:
    return [value for value in values if isinstance(value, headcount.Change)]


def poll(mirror: headcount.Mirror) -> None:
    batch: list[headcount.Change] = mirror.poll("provisioner")
    for change in batch:
        handle(change)
    groups: list[list[headcount.Change]] = mirror.poll("provisioner", group_by_user=True)
    for group in groups:
        print([change.user.email for change in group if change.kind == "user.created"])
        group[-1].ack()
    ungrouped: list[headcount.Change] = mirror.poll("provisioner", 10, group_by_user=False)
    handle(ungrouped[0])
    mirror.poll("provisioner", 10, True)  # type: ignore[call-overload]
    for parked in mirror.parked_changes("provisioner"):
        handle(parked.change)
    with mirror.consumer("provisioner") as worker:
        for change in worker:
            handle(change)
            change.ack()


async def follow(mirror: headcount.AsyncMirror) -> None:
    batch: list[headcount.AsyncChange] = await mirror.poll("provisioner")
    print([change.user.email for change in batch if change.kind == "user.created"])
    groups: list[list[headcount.AsyncChange]] = await mirror.poll("provisioner", group_by_user=True)
    await groups[0][-1].ack()
    async for change in mirror.changes("provisioner"):
        handle(change)
        if change.kind == "membership.added":
            print(change.user.email, change.group.display_name)
        await change.ack()
        change.ack()  # type: ignore[unused-coroutine]
