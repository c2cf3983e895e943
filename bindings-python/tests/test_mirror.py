"""The mirror, blocking and with asyncio, over a sandbox: syncs, webhooks, the feed, the guard; forks, threads, Ctrl-C and cancellation."""

import asyncio
import gc
import json
import multiprocessing
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from forking import results_in_a_child

import headcount


@pytest.fixture
def environment():
    with headcount.Sandbox(users=12, groups=3, seed=1) as sandbox:
        # No server listens there: the tests read the webhooks from `deliveries`.
        sandbox.register_endpoint("http://127.0.0.1:9/")
        yield sandbox


def opened(sandbox, path=":memory:", **settings):
    return headcount.Mirror(path, client=sandbox.client(), webhook_secret=sandbox.webhook_secret, **settings)


def opened_async(sandbox, path=":memory:", **settings):
    return headcount.AsyncMirror(path, client=sandbox.async_client(), webhook_secret=sandbox.webhook_secret, **settings)


def ids(sandbox):
    return sandbox.organization_id, sandbox.directory_id


def signed(sandbox, delivery=-1):
    """Returns the body of one of the sandbox's deliveries, and headers with its signature."""
    body = sandbox.deliveries()[delivery]["body"].encode()
    return body, headcount.Webhook(sandbox.webhook_secret).sign(body)


def test_a_sync_fills_the_mirror(environment, tmp_path):
    org, directory = ids(environment)
    before = datetime.now(timezone.utc)
    with opened(environment, tmp_path / "mirror.db") as mirror:
        assert repr(mirror) == "<headcount.Mirror>"
        (report,) = mirror.sync(org)
        assert isinstance(report, headcount.SyncReport)
        assert (report.organization_id, report.directory_id, report.mode, report.outcome) == (org, directory, "full", "done")
        assert (report.users, report.groups, report.created, report.updated, report.deleted) == (12, 3, 12, 0, 0)
        assert before <= report.started_at <= report.ended_at <= datetime.now(timezone.utc)
        assert (report.held, report.incomplete, report.error) == (None, None, None)
        assert report.to_dict()["created"] == 12 and report == report and report != mirror.sync(org)[0]
        assert "created=12" in repr(report) and hash(report) == hash(report)
        again = mirror.sync(org, directory)
        assert (again.mode, again.created, again.changes) == ("incremental", 0, 0)
        assert mirror.sync(organization_id=org, directory_id=directory, mode="full", wait=False).outcome == "done"
        assert [one.outcome for one in mirror.sync_all(concurrency=2, mode="incremental")] == ["done"]

        users = list(mirror.users(org))
        assert len(users) == len({user.id for user in users}) == 12 and len(list(mirror.users(org, directory))) == 12
        listed = {user.id: user for user in environment.client().directory.users(org, directory, include_detail=True)}
        for user in users:
            one = listed[user.id]
            assert (user.email, user.given_name, user.family_name) == (one.email, one.given_name, one.family_name)
            assert user.group_ids == sorted(group.id for group in one.groups) and user.detail == one.user_detail
            assert user.active and user.linked_id is None and user.roles == [] and user.attributes is None
            assert user.updated_at.tzinfo is not None
        groups = mirror.groups(org)
        assert len(groups) == 3 == len(mirror.groups(org, directory)) and mirror.groups(org, "dir_0") == []
        assert mirror.group(groups[0].id) == groups[0] and mirror.group("dirgroup_0") is None
        members = list(mirror.users(org, group_id=groups[0].id))
        assert {user.id for user in members} == {user.id for user in users if groups[0].id in user.group_ids}
        assert mirror.user(users[0].id) == users[0] and mirror.user("diruser_0") is None
        assert mirror.find_users(email=users[0].email.upper()) == [users[0]]
        assert mirror.directories() == mirror.directories(org) != mirror.directories("org_0") == []
        (status,) = mirror.status()
        assert status.directory == mirror.directories()[0] and status.directory.id == directory and status.directory.enabled
        assert (status.users, status.groups, status.held, status.pending_events) == (12, 3, None, 0)
        assert status.last_full_sync > before and status.last_incremental_sync > before and status.watermark is not None
        assert status.to_dict()["users"] == 12 and "users=12" in repr(status) and status == mirror.status()[0]

        # Compared by value, pickled, and shown without personal data.
        for thing in (users[0], groups[0], status.directory):
            same = pickle.loads(pickle.dumps(thing))
            assert same == thing and hash(same) == hash(thing) and type(same) is type(thing) and same.to_dict() == thing.to_dict()
        assert users[0].email not in repr(users[0]) and users[0].family_name not in repr(users[0]) and users[0].id in repr(users[0])
        assert users[0] != users[1] and users[0] != "x" and len(set(users)) == 12
        with pytest.raises(AttributeError):
            users[0].email = "x"
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        mirror.status()
    mirror.close()
    assert repr(mirror) == "<headcount.Mirror, closed>"
    # The file is read again, without a client.
    with headcount.Mirror(str(tmp_path / "mirror.db")) as mirror:
        assert list(mirror.users(org)) == users
        with pytest.raises(headcount.ConfigError, match="client"):
            mirror.sync(org)


def test_the_feed_returns_acknowledges_and_parks_changes(environment):
    org, directory = ids(environment)
    with opened(environment) as mirror:
        mirror.sync(org)
        batch = mirror.poll("app", limit=5)
        assert [change.seq for change in batch] == sorted(change.seq for change in batch) and len(batch) == 5
        assert mirror.poll("app", 5) == batch
        mirror.ack("app", batch[1].seq)
        assert mirror.poll("app", 3) == batch[2:]
        batch[2].ack()
        everything = mirror.poll("app")
        assert everything[:2] == batch[3:]
        kinds = {change.kind for change in everything}
        assert {"user.created"} <= kinds <= {"group.created", "user.created", "membership.added"}
        created = next(change for change in everything if change.kind == "user.created")
        assert isinstance(created, headcount.Change) and isinstance(created.user, headcount.MirrorUser)
        assert created.before is None and created.after == created.user == mirror.user(created.user.id)
        assert created.user is created.user and (created.organization_id, created.directory_id) == (org, directory)
        assert created.cause.startswith("sync:") and created.at.tzinfo is not None and created.group is None
        assert created.user.email not in repr(created) and created.user.id in repr(created)
        same = pickle.loads(pickle.dumps(created))
        assert same == created and hash(same) == hash(created) and same.to_dict() == created.to_dict()
        assert created.to_dict()["after"]["email"] == created.user.email
        with pytest.raises(headcount.InvalidArgumentError, match="no consumer"):
            same.ack()
        with pytest.raises(headcount.InvalidArgumentError, match="poll before"):
            mirror.ack("unknown", 1)

        # A change that cannot be handled is parked, and later changes are returned.
        created.park("no seat is left")
        (parked,) = mirror.parked_changes("app")
        assert parked.change == created and parked.reason == "no seat is left" and parked.at.tzinfo is not None
        assert parked.to_dict()["change"]["seq"] == created.seq and "Change(" in repr(parked)
        (consumer,) = mirror.consumers()
        assert (consumer.name, consumer.cursor, consumer.parked) == ("app", created.seq, 1) and consumer.lag > 0
        assert consumer.to_dict()["name"] == "app" and consumer == mirror.consumers()[0] and consumer.seen_at.tzinfo
        assert mirror.drop_parked("app", created.seq) is True and mirror.drop_parked("app", created.seq) is False

        seen = []
        for change in mirror.changes("app", timeout=0.01):
            seen.append(change.seq)
            change.ack()
        assert seen == [change.seq for change in everything if change.seq > created.seq]
        assert mirror.poll("app") == mirror.wait("app", timeout=timedelta(0)) == []

        environment.update_user(created.user.id, family_name="Changed")
        assert mirror.receive(*signed(environment)) == "applied"
        (change,) = mirror.wait("app")
        assert change.kind == "user.updated" and "family_name" in change.fields and change.cause.startswith("event:")
        assert (change.before.family_name, change.after.family_name) == (created.user.family_name, "Changed")
        mirror.ack("app", change.seq)
        group = mirror.groups(org)[0]
        environment.update_group(group.id, "Renamed")
        mirror.receive(*signed(environment))
        change = next(mirror.changes("app"))
        assert isinstance(change.before, headcount.MirrorGroup) and change.after == change.group
        assert (change.before.display_name, change.after.display_name) == (group.display_name, "Renamed")
        change.ack()

        mirror.start_from_snapshot("late")
        snapshot = list(zip(range(15), mirror.changes("late")))
        assert {change.cause for _, change in snapshot} == {"snapshot"} and all(change.seq < 0 for _, change in snapshot)
        assert mirror.drop_consumer("late") is True and mirror.drop_consumer("late") is False
        mirror.trim()
        for limit in (0, 10_001):
            with pytest.raises(headcount.InvalidArgumentError, match="limit"):
                mirror.poll("app", limit)


def test_a_poll_by_user_returns_the_changes_of_each_user_together(environment):
    org, _ = ids(environment)
    with opened(environment) as mirror:
        mirror.sync(org)
        groups = mirror.poll("app", 1000, group_by_user=True)
        assert [change for group in groups for change in group] == mirror.poll("app", 1000) == mirror.poll("app", 1000, group_by_user=False)
        hires = [group for group in groups if group[0].kind == "user.created"]
        assert len(hires) == 12 and max(map(len, hires)) > 1
        for group in hires:
            assert {change.user.id for change in group} == {group[0].user.id}
            assert {change.kind for change in group[1:]} <= {"membership.added"}
        # A group is not divided, and an acknowledgement of its last change acknowledges it.
        assert mirror.poll("app", limit=1, group_by_user=True) == groups[:1]
        groups[0][-1].ack()
        assert mirror.poll("app", limit=1, group_by_user=True) == groups[1:2]


def test_a_poll_by_user_with_asyncio_returns_groups_of_async_changes(environment):
    org, _ = ids(environment)

    async def main():
        async with opened_async(environment) as mirror:
            await mirror.sync(org)
            groups = await mirror.poll("app", limit=10, group_by_user=True)
            assert [change for group in groups for change in group] == await mirror.poll("app", sum(map(len, groups)))
            assert all(isinstance(change, headcount.AsyncChange) for group in groups for change in group)
            await groups[-1][-1].ack()
            assert (await mirror.poll("app", limit=1))[0].seq == groups[-1][-1].seq + 1

    asyncio.run(main())


def test_an_iterator_returns_each_change_once_whatever_is_acknowledged():
    with headcount.Sandbox(users=130, groups=0) as sandbox, opened(sandbox) as mirror:
        mirror.sync(sandbox.organization_id)
        changes = list(mirror.changes("app", timeout=0))
        assert len(changes) == 131 and len({change.seq for change in changes}) == 131  # 130 users and the directory
        # Acknowledging a change does not acknowledge earlier ones: the next iterator returns the earlier ones again.
        changes[104].ack()
        assert [change.seq for change in mirror.changes("app", timeout=0)] == [change.seq for change in changes]
        for change in changes[:104]:
            change.ack()
        assert [change.seq for change in mirror.changes("app", timeout=0)] == [change.seq for change in changes[105:]]
        mirror.start_from_snapshot("app")
        assert len({change.seq for change in mirror.changes("app", timeout=0)}) == 130

        async def main():
            async with opened_async(sandbox) as mirror:
                await mirror.sync(sandbox.organization_id)
                assert [change.seq async for change in mirror.changes("app", timeout=0)] == [change.seq for change in changes]

        asyncio.run(main())


def test_webhooks_are_verified_and_applied(environment, monkeypatch):
    org, _ = ids(environment)
    user = environment.create_user("ada@example.com", given_name="Ada")
    body, headers = signed(environment)
    with opened(environment) as mirror:
        with pytest.raises(headcount.WebhookVerificationError) as caught:
            mirror.receive(body + b" ", headers)
        assert caught.value.reason == "no_match"
        # Pending: until the first sync the mirror has no record of the user's directory.
        assert mirror.receive(body, headers) == "pending" and mirror.receive(bytearray(body), list(headers.items())) == "duplicate"
        assert mirror.sync(org)[0].events == 1
        assert mirror.user(user.id).given_name == "Ada"
        environment.update_user(user.id, given_name="Augusta")
        environment.update_user(user.id, given_name="Ada Augusta")
        first, second = signed(environment, -2), signed(environment, -1)
        assert mirror.receive(second[0].decode(), second[1]) == "applied"
        assert mirror.receive(memoryview(first[0]), first[1]) == "stale"
        assert mirror.user(user.id).given_name == "Ada Augusta"
        for parsed in ({"id": "evt_1"}, [1]):
            with pytest.raises(TypeError, match="raw body"):
                mirror.receive(parsed, headers)
        for wrong in (None, 5):
            with pytest.raises(TypeError):
                mirror.receive(wrong, headers)
            with pytest.raises(TypeError):
                mirror.receive(body, wrong)
        environment.delete_user(user.id)
        event = headcount.Webhook(environment.webhook_secret).verify(*signed(environment))
        assert mirror.apply(event) == "applied" and mirror.apply(event) == "duplicate" and mirror.user(user.id) is None
        with pytest.raises(TypeError):
            mirror.apply(event.to_dict())
    # The secret is read when the first webhook arrives.
    monkeypatch.delenv("SCALEKIT_WEBHOOK_SECRET", raising=False)
    with headcount.Mirror(":memory:") as mirror, pytest.raises(headcount.ConfigError, match="SCALEKIT_WEBHOOK_SECRET"):
        mirror.receive(body, headers)
    monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", environment.webhook_secret)
    with headcount.Mirror(":memory:") as mirror:
        assert mirror.receive(body, headers) == "pending"
    for given in ([environment.webhook_secret], headcount.Webhook(environment.webhook_secret, tolerance=60)):
        with headcount.Mirror(":memory:", webhook_secret=given) as mirror:
            assert mirror.receive(body, headers) == "pending"


def test_links_and_roles_are_stored_and_reported(environment):
    org, _ = ids(environment)
    with opened(environment) as mirror:
        mirror.sync(org)
        list(acknowledged(mirror))
        user = next(user for user in mirror.users(org) if user.group_ids)
        assert mirror.link(user.id, "acct_42") is None and mirror.user(user.id).linked_id == "acct_42"
        with pytest.raises(headcount.NotFoundError):
            mirror.link("diruser_0", "acct_1")
        mirror.set_role_map({user.group_ids[0]: "developer", "*": "member"})
        assert mirror.role_map() == [(user.group_ids[0], "developer"), ("*", "member")]
        assert mirror.user(user.id).roles == ["developer", "member"]
        change = next(change for change in acknowledged(mirror) if change.user.id == user.id)
        assert (change.kind, change.cause, change.fields, change.user.linked_id) == ("roles.changed", "roles", ["roles"], "acct_42")
        assert (change.before.roles, change.after.roles) == ([], ["developer", "member"])
        for pairs in ([["*", "all"]], [("*", "all")], iter([("*", "all")])):
            mirror.set_role_map(pairs)
            assert mirror.role_map() == [("*", "all")]
        for wrong in ("ab", ["ab"], [("a",)], [("a", 1)], 5, None):
            with pytest.raises(TypeError):
                mirror.set_role_map(wrong)
        mirror.set_role_map([])
        mirror.link(user.id, None)
        assert mirror.user(user.id).linked_id is None and mirror.user(user.id).roles == []


def test_a_protection_needs_a_reason_and_a_mirrored_user(environment):
    org, _ = ids(environment)
    with opened(environment) as mirror:
        mirror.sync(org)
        user = next(iter(mirror.users(org)))
        assert mirror.protect(user.id, reason="last admin") is None and mirror.user(user.id).protection == "last admin"
        for reason in ("", " ", "x" * 2001):
            with pytest.raises(headcount.InvalidArgumentError, match=f"the reason has {len(reason)} bytes"):
                mirror.protect(user.id, reason=reason)
        for call in (lambda: mirror.protect("diruser_0", reason="last admin"), lambda: mirror.unprotect("diruser_0")):
            with pytest.raises(headcount.NotFoundError):
                call()
        assert mirror.unprotect(user.id) is None and mirror.user(user.id).protection is None


def test_a_leaver_is_deactivated_and_returns_with_the_same_account(environment):
    org, _ = ids(environment)
    webhook = headcount.Webhook(environment.webhook_secret)

    def received(mirror, user, event_id, action, **data):
        body = {
            "id": event_id,
            "type": f"organization.directory.user_{action}",
            "occurred_at": datetime.now(timezone.utc).isoformat(),
            "organization_id": org,
            "data": {"id": user.id, "organization_id": org, **data},
        }
        body = json.dumps(body)
        return mirror.receive(body, webhook.sign(body))

    with opened(environment, deletion_grace=timedelta(days=7)) as mirror:
        assert mirror.settings().deletion_grace == 604_800
        mirror.sync(org)
        user = next(iter(mirror.users(org)))
        assert user.deletes_at is None
        mirror.link(user.id, "acct_42")
        list(acknowledged(mirror))
        assert received(mirror, user, "evt_left", "deleted") == "applied"
        (change,) = acknowledged(mirror)
        assert (change.kind, change.user.active, change.user.linked_id) == ("user.deactivated", False, "acct_42")
        assert change.before.deletes_at is None
        assert timedelta(days=6) < change.after.deletes_at - datetime.now(timezone.utc) <= timedelta(days=7)
        assert mirror.user(user.id) == change.user
        assert mirror.status()[0].leaving == 1
        assert "headcount_leaving_users" in mirror.metrics()

        assert received(mirror, user, "evt_back", "updated", active=True) == "applied"
        (change,) = acknowledged(mirror)
        assert (change.kind, change.user.active, change.user.linked_id) == ("user.reactivated", True, "acct_42")
        assert mirror.user(user.id).deletes_at is None
        assert mirror.status()[0].leaving == 0


def acknowledged(mirror, consumer="app"):
    """Yields the changes that a consumer has not acknowledged, and acknowledges each."""
    for change in mirror.changes(consumer, timeout=0):
        yield change
        change.ack()


def test_a_mass_removal_is_held_until_it_is_approved(environment):
    org, directory = ids(environment)
    with opened(environment, guard_users=2, guard_share=0.1) as mirror:
        mirror.sync(org)
        gone = sorted(user.id for user in list(mirror.users(org))[:5])
        for id in gone:
            environment.delete_user(id)
        with pytest.raises(headcount.MassRemovalError) as caught:
            mirror.sync(org, directory, mode="full")
        error = caught.value
        assert (error.count, error.limit, error.directory_id, error.user_ids) == (5, 2, directory, tuple(gone))
        again = pickle.loads(pickle.dumps(error))
        assert (again.count, again.user_ids, str(again)) == (5, tuple(gone), str(error))
        (status,) = mirror.status()
        assert (status.users, status.held.reason, status.held.count, status.held.limit) == (12, "mass_removal", 5, 2)
        assert status.held.causes[0].startswith("sync:") and status.held.since.tzinfo is not None
        assert status.holds == [status.held] == mirror.holds(org, directory) == mirror.holds(org)
        assert pickle.loads(pickle.dumps(status.held)) == status.held and status.held.to_dict()["count"] == 5
        assert mirror.held_removals(directory) == gone
        # `sync_all` does not raise the error of a directory whose removals are held: the directory's report has it.
        (report,) = mirror.sync_all(mode="full")
        assert report.outcome == "held" and report.holds == mirror.holds(org) and isinstance(report.error, headcount.MassRemovalError) and report.error.count == 5
        assert report.to_dict()["error"] == str(report.error)
        report = mirror.sync(org, directory, mode="full", approve_removals=True)
        assert (report.outcome, report.deleted) == ("done", 5)
        assert mirror.status()[0].held is None and mirror.held_removals(directory) == []


def test_a_directory_is_retired_only_when_it_is_missing_or_disabled(environment):
    org, directory = ids(environment)
    with opened(environment) as mirror:
        mirror.sync(org)
        with pytest.raises(headcount.InvalidArgumentError):
            mirror.retire(directory, by="ops")
        with pytest.raises(headcount.NotFoundError):
            mirror.retire("dir_0", by="ops")
        with environment.client() as client:
            client.directory.disable_directory(org, directory)
        mirror.sync(org)
        assert mirror.retire(directory, by="ops", note="the customer left") == 12
        assert list(mirror.users(org)) == []


def test_reports_statuses_and_consumers_are_pickled_by_value(environment):
    org, directory = ids(environment)
    progress = []
    with opened(environment, guard_users=2, guard_share=0.1) as mirror:
        (report,) = mirror.sync(org, on_progress=progress.append)
        mirror.poll("app")[0].park("cannot be handled")
        for record in (report, mirror.status()[0], mirror.consumers()[0], mirror.parked_changes("app")[0], progress[0]):
            same = pickle.loads(pickle.dumps(record))
            assert same == record
            assert hash(same) == hash(record)
            assert type(same) is type(record)
            assert same.to_dict() == record.to_dict()


def test_a_pickled_report_keeps_its_error(environment):
    org, _ = ids(environment)
    with opened(environment, guard_users=2, guard_share=0.1) as mirror:
        mirror.sync(org)
        for user in list(mirror.users(org))[:5]:
            environment.delete_user(user.id)
        (report,) = mirror.sync_all(mode="full")
        same = pickle.loads(pickle.dumps(report))
        assert same == report
        assert hash(same) == hash(report)
        assert type(same.error) is headcount.MassRemovalError
        assert same.error.user_ids == report.error.user_ids
        assert str(same.error) == report.to_dict()["error"]


def test_on_progress_is_called_and_its_exceptions_are_raised(environment):
    org, directory = ids(environment)
    with opened(environment) as mirror:
        reported = []
        mirror.sync(org, directory, on_progress=reported.append)
        assert isinstance(reported[0], headcount.Progress) and {one.phase for one in reported} >= {"groups", "users"}
        last = [one for one in reported if one.phase == "users"][-1]
        assert (last.organization_id, last.directory_id, last.items, last.total) == (org, directory, 12, 12)
        assert last.pages >= 1 and last.rate >= 0 and last.to_dict()["items"] == 12 and "items=12" in repr(last)
        assert last == last and last != reported[0] and hash(last) == hash(last)

        def stop(progress):
            raise LookupError("enough")

        for sync in (mirror.sync, lambda org, **options: mirror.sync_all(**options)):
            with pytest.raises(LookupError, match="enough"):
                sync(org, mode="full", on_progress=stop)
        # The failed sync has released its lease on the directory. Otherwise the next sync would wait until the lease expires.
        assert mirror.sync(org, mode="full")[0].outcome == "done"
        with pytest.raises(TypeError, match="on_progress"):
            mirror.sync(org, on_progress="tell")

        async def coroutine(progress):
            raise AssertionError("never run")

        with pytest.warns(RuntimeWarning, match="never awaited"), pytest.raises(TypeError, match="not a coroutine function"):
            mirror.sync(org, mode="full", on_progress=coroutine)
            gc.collect()


def test_files_and_arguments_that_cannot_be_used_are_errors(environment, tmp_path):
    other = tmp_path / "other.db"
    other.write_text("this text is not a database, and is longer than the header of one" * 20)
    with pytest.raises(headcount.StoreError):
        headcount.Mirror(other)
    with pytest.raises(headcount.StoreError):
        headcount.Mirror(tmp_path / "no" / "such" / "folder.db")
    with pytest.raises(headcount.ConfigError, match="PostgreSQL"):
        headcount.Mirror(tmp_path / "mirror.db", schema="directories")
    with pytest.raises(headcount.ConfigError):
        headcount.Mirror(":memory:", webhook_secret="short")
    for options in ({"client": "client"}, {"webhook_secret": b"whsec_"}, {"guard_share": "all"}, {"full_every": "1h"}):
        with pytest.raises(TypeError):
            headcount.Mirror(":memory:", **options)
    with pytest.raises(TypeError):
        headcount.Mirror(5)
    with pytest.raises(headcount.InvalidArgumentError):
        headcount.Mirror(":memory:", guard_users=-1)
    closed = environment.client()
    closed.close()
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        headcount.Mirror(":memory:", client=closed)
    org, directory = ids(environment)
    with opened(environment, guard_events=False, full_every=timedelta(hours=1), retention=60) as mirror:
        with pytest.raises(headcount.InvalidArgumentError, match="expected auto, full or incremental"):
            mirror.sync(org, mode="half")
        with pytest.raises(headcount.InvalidArgumentError, match="concurrency"):
            mirror.sync_all(concurrency=0)
        with pytest.raises(headcount.NotFoundError):
            mirror.sync(org, "dir_0")
        with pytest.raises(headcount.NotFoundError):
            mirror.sync("org_0")
        with pytest.raises(headcount.InvalidArgumentError):
            mirror.user("\ud800")


def test_threads_can_share_a_mirror(environment, tmp_path):
    org, directory = ids(environment)
    with opened(environment, tmp_path / "mirror.db") as mirror, ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: mirror.sync(org, directory, mode="full"), range(8)))
        assert sum(report.created for report in reports) == 12 and {report.outcome for report in reports} == {"done"}
        users = mirror.users(org)
        shared = [pool.submit(list, users) for _ in range(8)]
        assert len({user.id for one in shared for user in one.result()}) == 12
        everything = [change.seq for change in mirror.poll("app", 1000)]
        feed = mirror.changes("app", timeout=0)
        given = [pool.submit(lambda: [change.seq for change in feed]) for _ in range(4)]
        assert sorted(seq for one in given for seq in one.result()) == everything
        # One thread waits for a change while another writes one.
        mirror.ack("app", everything[-1])
        waiting = pool.submit(mirror.wait, "app", timeout=60)
        mirror.set_role_map({"*": "member"})
        assert {change.kind for change in waiting.result()} == {"roles.changed"}


def in_child(mirror, sandbox_ids, id, answers):
    org, directory = sandbox_ids
    before = len(list(mirror.users(org)))
    mirror.link(id, "acct_of_the_child")
    report = mirror.sync(org, directory, mode="full")
    changes = [change.kind for change in mirror.poll("child", 1000)]
    mirror.close()
    answers.put((before, report.outcome, changes.count("user.created"), changes.count("membership.added") > 0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_use_its_parents_mirror(environment, tmp_path):
    org, directory = ids(environment)
    mirror = opened(environment, tmp_path / "mirror.db")
    mirror.sync(org)
    begun = mirror.users(org)
    user = next(begun)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=in_child, args=(mirror, (org, directory), user.id, answers)) for _ in range(3)]
    for child in children:
        child.start()
    assert [answers.get(timeout=60) for _ in children] == [(12, "done", 12, True)] * 3
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert mirror.user(user.id).linked_id == "acct_of_the_child" and {one.name for one in mirror.consumers()} == {"child"}
    # The child can use neither iterators that the parent began nor mirrors in memory.
    in_memory = opened(environment)
    results = results_in_a_child(lambda: next(begun), in_memory.status)
    assert [line.split(":")[0] for line in results] == ["invalid_argument", "store"] and all("fork" in line for line in results)
    assert len(list(begun)) == 11 and in_memory.status() == []
    in_memory.close()
    mirror.close()


def test_wait_returns_changes_of_another_process(environment, tmp_path):
    org, _ = ids(environment)
    path = tmp_path / "mirror.db"
    with opened(environment, path) as mirror:
        mirror.sync(org)
        user = next(mirror.users(org))
        list(acknowledged(mirror))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(mirror.wait, "app", timeout=60)
            code = "import headcount, sys; headcount.Mirror(sys.argv[1]).set_role_map({'*': 'everybody'})"
            subprocess.run([sys.executable, "-c", code, str(path)], check=True)
            assert waiting.result()[0].kind == "roles.changed"
        assert mirror.user(user.id) is not None
    assert sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("call", ["mirror.wait('app')", "next(mirror.changes('app'))", "mirror.sync(org)"])
def test_ctrl_c_ends_a_running_call(environment, tmp_path, call):
    environment.fault("latency:30s")
    code = f"""if True:
        import headcount, os
        mirror = headcount.Mirror(os.environ["DATABASE"], client=headcount.Client.from_env())
        org = os.environ["ORG"]
        try:
            {call}
        except KeyboardInterrupt:
            print("interrupted", len(mirror.status()), flush=True)
    """
    env = {
        **os.environ,
        "SCALEKIT_ENVIRONMENT_URL": environment.environment_url,
        "SCALEKIT_CLIENT_ID": environment.client_id,
        "SCALEKIT_CLIENT_SECRET": environment.client_secret,
        "ORG": environment.organization_id,
        "DATABASE": str(tmp_path / "mirror.db"),
    }
    with headcount.Mirror(tmp_path / "mirror.db") as mirror:
        process = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        # Waits until the call is running: a sync has sent a request, the other calls have registered their consumer.
        while not (environment.requests() if "sync" in call else mirror.consumers()):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=25)
    assert (process.returncode, out) == (0, "interrupted 0\n")


def test_an_async_mirror_syncs_reads_and_returns_changes(environment, tmp_path):
    org, directory = ids(environment)

    async def main():
        async with opened_async(environment, tmp_path / "mirror.db") as mirror:
            assert repr(mirror) == "<headcount.AsyncMirror>"
            reported, loop_thread = [], threading.get_ident()
            (report,) = await mirror.sync(org, on_progress=lambda progress: reported.append((progress.phase, threading.get_ident())))
            assert report.created == 12 and {phase for phase, _ in reported} >= {"groups", "users"}
            assert {thread for _, thread in reported} == {loop_thread}
            assert (await mirror.sync(org, directory)).mode == "incremental"
            assert [one.outcome for one in await asyncio.create_task(mirror.sync_all(mode="full"))] == ["done"]
            users = [user async for user in mirror.users(org)]
            assert len(users) == 12 and await mirror.user(users[0].id) == users[0] and await mirror.user("diruser_0") is None
            groups = await mirror.groups(org)
            assert groups == [group async for group in mirror.groups(org, directory)] and len(groups) == 3
            assert await mirror.group(groups[0].id) == groups[0] and await mirror.group("dirgroup_0") is None
            assert [one.id for one in await mirror.directories()] == [directory] == [one.id async for one in mirror.directories(org)]
            assert await mirror.find_users(users[0].email) == [users[0]]
            assert (await mirror.status())[0].users == 12 and await mirror.held_removals(directory) == []
            assert await mirror.link(users[0].id, "acct_1") is None
            assert await mirror.set_role_map([("*", "all")]) is None and await mirror.role_map() == [("*", "all")]

            batch = await mirror.poll("app", limit=3)
            assert isinstance(batch[0], headcount.AsyncChange) and isinstance(batch[0], headcount.Change)
            assert await mirror.ack("app", batch[0].seq) is None and await batch[1].ack() is None
            assert (await mirror.poll("app"))[0] == batch[2]
            await batch[2].park("why")
            assert [one.change for one in await mirror.parked_changes("app")] == [batch[2]]
            await mirror.park("app", batch[2].seq, "why else")
            assert await mirror.drop_parked("app", batch[2].seq) is True
            seen = 0
            async for change in mirror.changes("app", timeout=0.01):
                seen += 1
                await change.ack()
            assert seen > 9 and await mirror.wait("app", timeout=0) == []
            assert type(pickle.loads(pickle.dumps(batch[0]))) is headcount.Change

            environment.update_user(users[0].id, given_name="Other")
            body, headers = signed(environment)
            assert await mirror.receive(body, headers) == "applied" and await mirror.receive(body, headers) == "duplicate"
            event = headcount.Webhook(environment.webhook_secret).verify(body, headers)
            assert await mirror.apply(event) == "duplicate"
            await mirror.start_from_snapshot("late")
            assert (await mirror.poll("late"))[0].cause == "snapshot"
            assert [one.name for one in await mirror.consumers()] == ["app", "late"] and await mirror.drop_consumer("late") is True
            assert await mirror.trim() is None
        with pytest.raises(headcount.InvalidArgumentError, match="closed"):
            await mirror.status()
        with pytest.raises(headcount.InvalidArgumentError, match="closed"):
            await mirror.groups(org)
        await mirror.close()

        def stop(progress):
            raise LookupError("enough")

        async with opened_async(environment) as mirror:
            with pytest.raises(LookupError):
                await mirror.sync(org, on_progress=stop)
            # The event loop is blocked until the sync has ended: the callback is called, and raises, after that.
            running = asyncio.create_task(mirror.sync(org, mode="full", on_progress=stop))
            await asyncio.sleep(0)
            time.sleep(0.2)
            with pytest.raises(LookupError):
                await running

    asyncio.run(main())


def test_a_cancelled_task_loses_no_change(environment):
    org, _ = ids(environment)

    async def main():
        async with opened_async(environment) as mirror:
            changes = mirror.changes("app")
            waiting = asyncio.create_task(anext_of(changes))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(mirror.wait("app"), 0.01)
            # Cancels tasks after 0 to 6 turns of the event loop: a change that a cancelled task did not return is returned to the
            # next task.
            await mirror.sync(org)
            expected = [change.seq for change in await mirror.poll("app", 1000)]
            seen, turns = [], 0
            while len(seen) < len(expected):
                task = asyncio.create_task(anext_of(changes))
                for _ in range(turns % 7):
                    await asyncio.sleep(0)
                turns += 1
                task.cancel()
                try:
                    seen.append((await task).seq)
                except asyncio.CancelledError:
                    # Every seventh time, takes a change without cancellation, so that the loop ends.
                    if turns % 7 == 0:
                        seen.append((await anext_of(changes)).seq)
            assert seen == expected
            # A task that runs a sync can be cancelled.
            environment.fault("latency:30s")
            task = asyncio.create_task(mirror.sync(org, mode="full"))
            while not any("users" in route or "directories" in route for route in environment.requests()):
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())


async def anext_of(iterator):
    return await iterator.__anext__()


def test_tasks_can_share_a_mirror_and_its_iterators(environment):
    org, directory = ids(environment)

    async def main():
        async with opened_async(environment) as mirror:
            reports = await asyncio.gather(*(mirror.sync(org, directory, mode="full") for _ in range(4)))
            assert sum(report.created for report in reports) == 12

            async def gather(iterator):
                return [item.id async for item in iterator]

            users = mirror.users(org)
            shared = await asyncio.gather(*(gather(users) for _ in range(5)))
            assert len({id for one in shared for id in one}) == sum(map(len, shared)) == 12
            # The event loop runs other tasks while one task waits for changes.
            async for change in mirror.changes("app", timeout=0.01):
                await change.ack()
            waiting = asyncio.create_task(mirror.wait("app", timeout=60))
            await asyncio.sleep(0)
            await mirror.set_role_map({"*": "all"})
            assert {change.kind for change in await waiting} == {"roles.changed"}

    asyncio.run(main())


def test_a_mirror_that_was_dropped_leaves_no_file_open(environment, tmp_path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        descriptors = Path("/dev/fd")

    def files():
        gc.collect()
        return len(list(descriptors.iterdir()))

    opened(environment, tmp_path / "0.db").sync(environment.organization_id)
    before = files()
    for number in range(1, 6):
        mirror = opened(environment, tmp_path / f"{number}.db")
        mirror.poll("app")
        del mirror
    assert files() <= before + 1
