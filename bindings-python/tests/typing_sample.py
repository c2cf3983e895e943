"""Checked by mypy, never run: what a user may write, and what the checker must refuse."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Optional

import headcount
from headcount import events, testing


def listing(client: headcount.Client, organization_id: str) -> list[str]:
    directory: headcount.Directory = client.directory.get_primary_directory_by_organization_id(organization_id)
    page: headcount.UserPage = client.directory.list_directory_users(
        organization_id, directory.id, page_size=30, updated_after=datetime.now(timezone.utc)
    )
    page.users[0].mail  # type: ignore[attr-defined]
    client.directory.users(organization_id, directory.id, pagesize=30)  # type: ignore[call-arg]
    moment: Optional[datetime] = page[0].updated_at
    print(moment, len(page), page.total_size, [group.display_name for group in page[0].groups])
    return [user.email for user in client.directory.users(organization_id, directory.id, include_detail=True)]


def receive(body: bytes, headers: dict[str, str]) -> int:
    try:
        event: headcount.Event = headcount.Webhook(["whsec_1", "whsec_2"], tolerance=60).verify(body, headers)
    except headcount.WebhookVerificationError as error:
        print(error.reason)
        return 400
    except headcount.ApiError as error:
        print(error.status, error.code, error.details)
        raise
    print(event.type, event.data["email"])
    return 201


def own_tests(guard: headcount.ReplayGuard) -> bool:
    with headcount.Sandbox(users=3, token_ttl=60) as sandbox:
        user: headcount.User = sandbox.create_user("ada@example.com", groups=["Engineering"])
        sandbox.fault("429", None, every=2)
        sandbox.fault(429)  # type: ignore[arg-type]
        sandbox.advance(timedelta(hours=6))
        client: headcount.Client = sandbox.client(timeout=5)
        print(user.id, client, sandbox.deliveries()[0]["state"])
        body: bytes = testing.event(events.RoleCreated, data={"id": "role_1"}, organization_id="org_1")
        testing.event(events.RoleCreated, organisation_id="org_1")  # type: ignore[call-arg]
        status: int = testing.deliver("http://127.0.0.1:1/", body, secret=sandbox.webhook_secret)
        testing.deliver("http://127.0.0.1:1/", "role.created", organisation_id="org_1")  # type: ignore[call-arg]
    headcount.ReplayGuard.custom(contains=lambda id: False, record=lambda id, until: print(id, until.isoformat()), retention=60)
    return status == 201 and guard.check_id("msg_1")


def provision(client: headcount.Client, body: bytes, headers: dict[str, str]) -> None:
    with headcount.Mirror("headcount.db", client=client, webhook_secret=["whsec_1"], full_every=timedelta(days=1)) as mirror:
        report: headcount.SyncReport = mirror.sync("org_1", "dir_1", mode="full", on_progress=lambda progress: print(progress.rate))
        reports: list[headcount.SyncReport] = mirror.sync("org_1")
        with mirror.plan("org_1", "dir_1", mode="full") as plan:
            print(plan.outcome == "held", plan.counts.get("user.deleted", 0), plan.holds[0].reason, plan.error)
            planned: list[headcount.Change] = list(plan.changes)
        mirror.sync("org_1", mode="half")  # type: ignore[call-overload]
        mirror.sync_all(mode="full", concurrency=2, on_progress="tell")  # type: ignore[arg-type]
        if mirror.receive(body, headers) == "aplied":  # type: ignore[comparison-overlap]
            print(report.error, reports[0].held)
        mirror.receive({"id": "evt_1"}, headers)  # type: ignore[arg-type]
        mirror.set_role_map([("Engineering", "developer")])
        mirror.set_role_map({"Engineering": "developer"})
        entry: headcount.RoleMapEntry = headcount.RoleMapEntry.by_name("Eng*", "developer", organization_id="org_1")
        mirror.set_role_map([("Engineering", "developer"), entry, headcount.RoleMapEntry.by_id("dirgroup_1", "owner")])
        mirror.set_role_map(mirror.role_map_entries())
        mirror.set_role_map([("Engineering",)])  # type: ignore[list-item]
        headcount.RoleMapEntry.by_id("dirgroup_1")  # type: ignore[call-arg]
        unmatched: list[headcount.RoleMapEntry] = mirror.unmatched_roles()
        approvals: list[headcount.Approval] = mirror.approvals("org_1")
        retirements: list[headcount.Retirement] = mirror.retirements()
        pending: list[headcount.PendingEvent] = mirror.pending_events("org_1")
        runs: list[headcount.Run] = mirror.runs("dir_1", limit=10, before=5)
        why: headcount.Explanation = mirror.explain("diruser_1")
        print(why.text(personal=True), why.state == "removed", why.changes[0].run, why.changes[0].entry.kinds, why.roles[0].group_id)
        received: headcount.ReceivedEvent | None = mirror.event("evt_1")
        about: list[headcount.ReceivedEvent] = mirror.events(subject_id="diruser_1")
        print(runs[0].ended_at, received and received.why, about[0].outcome == "stale")
        settings: headcount.MirrorSettings = mirror.settings()
        print(unmatched[0].organization_id, approvals[0].by, retirements[0].ended_at, pending[0].why)
        print(settings.guard.window + 1, settings.consumer_expiry or 0.0, settings.ignored[0].asked)
        mirror.configure(guard_users=5, consumer_expiry=timedelta(days=3))
        mirror.configure(guard_user=5)  # type: ignore[call-arg]
        mirror.unbind_environment()
        headcount.Mirror("postgresql://app@db.example.com/app", connections=20, lock_timeout=timedelta(seconds=5), statement_timeout=30, prepared_statements=True)
        headcount.Mirror("postgresql://app@db.example.com/app", pool_size=20)  # type: ignore[call-arg]
        copied: headcount.CopyReport = mirror.copy_to("copy.db", schema=None)
        mirror.backup("backup.db")
        erasure: headcount.Erasure = mirror.erase_user("diruser_1")
        print(erasure.at, erasure.changes + erasure.history)
        forgotten: headcount.OrganizationErasure = mirror.forget_organization("org_1")
        print(forgotten.at, forgotten.directories + forgotten.users)
        metrics: tuple[str, str] = (mirror.metrics(organizations=True), headcount.METRICS_CONTENT_TYPE)
        print(metrics)
        absent: list[str] = mirror.reconcile({"diruser_1"}, organization_id="org_1", since=1.0)
        print(copied.checksum, copied.tables[0].name)
        user: Optional[headcount.MirrorUser] = mirror.user("diruser_1")
        emails: list[str] = [one.email for one in mirror.users("org_1", group_id="dirgroup_1")]
        print(emails, user and user.linked_id, mirror.groups("org_1")[0].display_name, mirror.status()[0].held)
        for change in mirror.changes("provisioner", timeout=5):
            if change.kind == "user.created" and change.user is not None:
                mirror.link(change.user.id, "acct_1")
            elif change.kind == "user.creatd":  # type: ignore[comparison-overlap]
                continue
            change.ack()
        with mirror.consumer("provisioner", partitions=16, lease=timedelta(minutes=2), timeout=5) as feed:
            worker: headcount.Worker = feed
            held: list[int] = worker.partitions
            for change in worker:
                print(change.kind, held)
            worker.ack_all()
            mirror.consumer("provisioner", partition=16)  # type: ignore[call-arg]
        try:
            mirror.sync_all()
        except headcount.MassRemovalError as error:
            print(error.count, error.limit, error.user_ids)


async def follow(client: headcount.AsyncClient) -> None:
    async with headcount.AsyncMirror(":memory:", client=client) as mirror:
        report: headcount.SyncReport = await mirror.sync("org_1", "dir_1")
        async with await mirror.plan("org_1") as plan:
            planned: list[headcount.Change] = [change async for change in plan.changes]
        groups: list[headcount.MirrorGroup] = await mirror.groups("org_1")
        async for group in mirror.groups("org_1"):
            print(group.display_name, report, groups)
        async for user in mirror.users("org_1"):
            print(user.roles)
        events: list[headcount.PendingEvent] = await mirror.pending_events("org_1")
        async for run in mirror.runs():
            print(run.outcome == "interrupted", await mirror.event("evt_1"))
        async for approval in mirror.approvals():
            print(approval.note, events)
        settings: headcount.MirrorSettings = await mirror.settings()
        await mirror.configure(retention=settings.retention)
        batch: list[headcount.AsyncChange] = await mirror.poll("provisioner", limit=10)
        handled: list[headcount.Change] = [*batch]
        print(handled)
        async for change in mirror.changes("provisioner"):
            await change.ack()
            await change.park("cannot be handled")
            change.ack()  # type: ignore[unused-coroutine]
        async with mirror.consumer("provisioner", partitions=1) as feed:
            worker: headcount.AsyncWorker = feed
            async for change in worker:
                await change.ack()
            await worker.ack_all()
            worker.close()  # type: ignore[unused-coroutine]


with headcount.Client.from_env() as shared:
    listing(shared, "org_1")
