"""What an operator reads and sets through a mirror: pending events, decisions, retirements, settings, the role map; and iterators that are shared."""

import asyncio
import contextlib
import itertools
import json
import os
import pickle
import re
import sqlite3
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from forking import results_in_a_child
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import headcount

# Seconds after which a test stops waiting for a thread or task, and fails.
LIMIT = 60


@pytest.fixture
def environment():
    with headcount.Sandbox(users=12, groups=3, seed=1) as sandbox:
        # No server listens there: the tests read the webhooks from `deliveries`.
        sandbox.register_endpoint("http://127.0.0.1:9/")
        yield sandbox


class Blocking:
    """A ``Mirror`` whose calls are awaited, so that each test runs with both classes."""

    def __init__(self, mirror):
        self.mirror = mirror

    @property
    def id(self):
        return self.mirror.id

    def __getattr__(self, name):
        async def call(*arguments, **options):
            return getattr(self.mirror, name)(*arguments, **options)

        return call

    def changes(self, *arguments, **options):
        return BlockingChanges(self.mirror.changes(*arguments, **options))


class BlockingChanges:
    """The iterator of a ``Mirror``'s changes, for ``async for``."""

    def __init__(self, changes):
        self.changes = changes

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return BlockingChange(await asyncio.to_thread(next, self.changes, None))
        except AttributeError:
            # At the end `next` returns None, which has no `seq`.
            raise StopAsyncIteration from None


class BlockingChange:
    """A change of a ``Mirror`` whose calls are awaited."""

    def __init__(self, change):
        self.seq, self.cause, self.change = change.seq, change.cause, change

    async def ack(self):
        self.change.ack()

    async def park(self, reason):
        self.change.park(reason)


class Awaited:
    """An ``AsyncMirror``, with the interface of ``Blocking``."""

    def __init__(self, mirror):
        self.mirror = mirror

    def __getattr__(self, name):
        return getattr(self.mirror, name)


@pytest.fixture(params=["blocking", "asyncio"])
def opened(request, environment):
    """Returns a function that opens a mirror of the sandbox: blocking, or for asyncio."""

    def opened(path=":memory:", sandbox=environment, **settings):
        if request.param == "blocking":
            return Blocking(headcount.Mirror(path, client=sandbox.client(), webhook_secret=sandbox.webhook_secret, **settings))
        return Awaited(headcount.AsyncMirror(path, client=sandbox.async_client(), webhook_secret=sandbox.webhook_secret, **settings))

    return opened


def run(test):
    asyncio.run(asyncio.wait_for(test, LIMIT))


def same_after_pickling(record):
    same = pickle.loads(pickle.dumps(record))
    return same == record and hash(same) == hash(record) and type(same) is type(record) and same.to_dict() == record.to_dict()


def test_pending_events_are_listed_until_a_sync_applies_them(environment, opened):
    async def test():
        mirror = opened()
        environment.create_user("ada@example.com")
        body = environment.deliveries()[-1]["body"].encode()
        assert await mirror.receive(body, headcount.Webhook(environment.webhook_secret).sign(body)) == "pending"
        (event,) = await mirror.pending_events(environment.organization_id)
        assert isinstance(event, headcount.PendingEvent)
        assert event.id.startswith("evt_")
        assert event.event_type == "organization.directory.user_created"
        assert event.received_at.tzinfo is not None
        assert event.why
        assert "ada@example.com" not in str(event.to_dict())
        assert same_after_pickling(event)
        assert await mirror.pending_events("org_0") == []
        await mirror.sync(environment.organization_id)
        assert await mirror.pending_events(environment.organization_id) == []
        await mirror.close()

    run(test())


def test_syncs_and_events_are_recorded(environment, opened):
    async def test():
        mirror = opened()
        assert await mirror.runs() == []
        (report,) = await mirror.sync(environment.organization_id)
        user = environment.create_user("ada@example.com")
        body = environment.deliveries()[-1]["body"].encode()
        assert await mirror.receive(body, headcount.Webhook(environment.webhook_secret).sign(body)) == "applied"
        await mirror.sync(environment.organization_id)
        newest, first = await mirror.runs()
        assert isinstance(first, headcount.Run)
        assert (first.id, first.directory_id, first.outcome) == (report.run, report.directory_id, "done")
        assert (first.started_at, first.ended_at, first.created, first.changes) == (report.started_at, report.ended_at, 12, report.changes)
        assert first.process.rsplit("/")[-1] == str(os.getpid())
        assert await mirror.runs(report.directory_id, 1) == [newest]
        assert await mirror.runs(before=newest.number) == [first]
        assert await mirror.runs(organization_id="org_0") == []
        assert same_after_pickling(first)
        (event,) = await mirror.events(subject_id=user.id)
        assert isinstance(event, headcount.ReceivedEvent)
        assert (event.id, event.outcome, event.why, event.is_expired) == (json.loads(body)["id"], "applied", None, False)
        assert event.event_type == "organization.directory.user_created"
        assert event.occurred_at.tzinfo is not None
        assert await mirror.event(event.id) == event
        assert await mirror.event("evt_0") is None
        assert await mirror.events(environment.organization_id, limit=1) == [event]
        assert same_after_pickling(event)
        with pytest.raises(headcount.InvalidArgumentError, match="limit is 0: expected 1 to 10000"):
            await mirror.runs(limit=0)
        await mirror.close()

    run(test())


def test_a_users_access_is_explained_as_data_and_as_text(environment, opened):
    async def test():
        mirror = opened()
        await mirror.set_role_map({"*": "member"})
        await mirror.sync(environment.organization_id)
        user = environment.create_user("ada@example.com", groups=["Engineering"])
        body = environment.deliveries()[-1]["body"].encode()
        assert await mirror.receive(body, headcount.Webhook(environment.webhook_secret).sign(body)) == "applied"
        why = await mirror.explain(user.id)
        assert isinstance(why, headcount.Explanation)
        assert (why.user_id, why.state, why.is_complete, why.events, why.holds) == (user.id, "present", True, [], [])
        assert (why.organization_id, why.directory_id, why.removed_at) == (environment.organization_id, environment.directory_id, None)
        assert why.user == await mirror.user(user.id)
        (explained,) = why.changes
        assert isinstance(explained, headcount.ExplainedChange)
        assert (explained.entry.user_id, explained.entry.kinds[0]) == (user.id, "user.created")
        assert (explained.event, explained.run) == (await mirror.event(json.loads(body)["id"]), None)
        assert [(grant.role, grant.group_name, grant.entry.group, grant.is_held) for grant in why.roles] == [("member", "Engineering", "*", False)]
        assert str(why) == why.text() and explained.event.id in str(why) and "ada@example.com" not in str(why) + repr(why)
        assert "ada@example.com" in why.text(personal=True)
        assert same_after_pickling(why)
        assert (await mirror.explain("diruser_0")).state == "unknown"
        with pytest.raises(headcount.InvalidArgumentError, match="expected the id of a directory user"):
            await mirror.explain("")
        await mirror.close()

    run(test())


def test_the_texts_of_explanations_have_no_addresses_and_names(environment, opened):
    async def test():
        mirror = opened()
        await mirror.set_role_map({"*": "member"})
        await mirror.sync(environment.organization_id)
        with environment.client() as client:
            users = list(client.directory.users(environment.organization_id, environment.directory_id))
        assert len(users) == 12
        texts = [str(await mirror.explain(user.id)) + repr(await mirror.explain(user.id)) for user in users]
        personal = {part for user in users for part in (user.email, user.given_name, user.family_name, user.preferred_username, *user.emails)}
        found = [part for part in personal - {""} for text in texts if re.search(rf"\b{re.escape(part)}\b", text)]
        assert found == []
        await mirror.close()

    run(test())


FIELDS = ["email", "given_name", "family_name", "preferred_username", "emails", "vendor_roles", "detail", "attributes"]


def test_only_listed_fields_of_users_are_stored(opened):
    async def test():
        with headcount.Sandbox(users=3, groups=1) as sandbox:
            organization, directory = sandbox.organization_id, sandbox.directory_id
            mirror = opened(sandbox=sandbox, fields=iter(["given_name"]))
            await mirror.sync(organization)
            changes = await mirror.poll("app", limit=100)
            users = [change.user for change in changes if change.kind == "user.created"]
            assert len(users) == 3
            assert all(user.given_name and (user.email, user.emails, user.detail) == ("", [], None) for user in users)
            assert (await mirror.settings()).fields == ["given_name"]
            with pytest.raises(headcount.InvalidArgumentError, match="fields"):
                await mirror.find_users(email="ada@example.com")
            await mirror.configure(fields=("email", "given_name"))
            assert (await mirror.sync(organization, directory, mode="full")).updated == 3
            assert (await mirror.user(users[0].id)).email != ""
            await mirror.configure(fields=[])
            assert (await mirror.user(users[0].id)).email == ""
            assert (await mirror.settings()).fields == []
            for fields, message in [(["mail"], "given_name"), (["email", "email"], "once"), ("email", "list of str"), ([1], "str")]:
                with pytest.raises((headcount.InvalidArgumentError, TypeError), match=message):
                    await mirror.configure(fields=fields)
                with pytest.raises((headcount.InvalidArgumentError, TypeError), match=message):
                    opened(sandbox=sandbox, fields=fields)
            await mirror.close()

    run(test())


def test_settings_are_kept_in_the_store_and_can_be_changed(tmp_path, opened):
    async def test():
        path = tmp_path / "mirror.db"
        first = opened(path, guard_users=3, retention=timedelta(days=2), consumer_expiry=86_400)
        settings = await first.settings()
        assert isinstance(settings, headcount.MirrorSettings)
        assert (settings.guard.users, settings.guard.share, settings.guard.events, settings.guard.window) == (3, 0.1, True, 86_400)
        assert (settings.full_every, settings.retention, settings.consumer_expiry) == (86_400, 172_800, 86_400)
        assert (settings.pending_events, settings.pending_bytes, settings.groups_per_user) == (10_000, 64 << 20, 10_000)
        assert settings.fields == FIELDS
        assert settings.ignored == []
        assert same_after_pickling(settings)
        assert same_after_pickling(settings.guard)

        await first.configure(guard_users=5, guard_window=timedelta(hours=1), consumer_expiry=0, pending_events=7)
        second = opened(path, guard_users=50, guard_window=3_600)
        settings = await second.settings()
        assert (settings.guard.users, settings.guard.window, settings.consumer_expiry, settings.pending_events) == (5, 3_600, None, 7)
        assert settings.retention == 172_800
        (ignored,) = settings.ignored
        assert (ignored.name, ignored.stored, ignored.asked) == ("guard_users", "5", "50")
        assert same_after_pickling(ignored)
        assert await second.configure() is None
        with pytest.raises(headcount.InvalidArgumentError, match="guard_share"):
            await second.configure(guard_share=2.0)
        with pytest.raises(headcount.InvalidArgumentError, match="guard_window"):
            await second.configure(guard_window=0)
        await second.configure(deletion_grace=timedelta(days=7))
        assert (await first.settings()).deletion_grace == 604_800
        with pytest.raises(headcount.InvalidArgumentError, match="expected deletion_grace to be at most 315619200 seconds .10 years"):
            await second.configure(deletion_grace=timedelta(days=3_654))
        with pytest.raises(headcount.InvalidArgumentError, match="deletion_grace"):
            await second.configure(deletion_grace=-1)
        with pytest.raises(TypeError, match="deletion_grace"):
            await second.configure(deletion_grace="7 days")
        await second.configure(deletion_grace=0)
        assert (await first.settings()).deletion_grace is None
        with pytest.raises(headcount.ConfigError, match="expected deletion_grace to be longer than 0"):
            opened(tmp_path / "other.db", deletion_grace=0)
        with pytest.raises(TypeError, match="guard_users"):
            await second.configure(guard_users="many")
        assert (await first.settings()).guard.users == 5
        await first.close()
        await second.close()

    run(test())


def test_a_consumer_has_an_expiry_time_unless_that_is_turned_off(opened):
    async def test():
        mirror = opened(consumer_expiry=timedelta(days=3))
        await mirror.poll("app")
        (consumer,) = await mirror.consumers()
        assert consumer.expires_at - consumer.seen_at == timedelta(days=3)
        await mirror.configure(consumer_expiry=0)
        assert (await mirror.consumers())[0].expires_at is None
        await mirror.close()

    run(test())


def test_entries_of_the_role_map_are_ids_or_names_and_may_belong_to_an_organization(environment, opened):
    async def test():
        org = environment.organization_id
        crew = environment.create_group("Crew")
        user = environment.create_user("bea@example.com", groups=["Crew"])
        mirror = opened()
        await mirror.sync(org)
        entry = headcount.RoleMapEntry
        given = [
            entry.by_id(crew.id, "by-id"),
            entry.by_name(crew.id, "misnamed"),
            entry.by_name("Cr*", "here", organization_id=org),
            entry.by_name("Cr*", "elsewhere", organization_id="org_0"),
            ("C?ew", "paired"),
        ]
        await mirror.set_role_map(given)
        assert (await mirror.user(user.id)).roles == ["by-id", "here", "paired"]
        stored = await mirror.role_map_entries()
        assert stored[:4] == given[:4]
        assert (stored[4].key, stored[4].group, stored[4].role, stored[4].organization_id) == ("name", "C?ew", "paired", None)
        assert (stored[0].key, stored[2].organization_id) == ("id", org)
        assert await mirror.unmatched_roles() == [given[1], given[3]]
        assert (await mirror.role_map())[2] == ("Cr*", "here")
        assert all(same_after_pickling(one) for one in stored)
        await mirror.set_role_map(stored[:1])
        assert (await mirror.user(user.id)).roles == ["by-id"]
        await mirror.close()

    run(test())


@pytest.mark.parametrize(
    "wrong, message",
    [
        ("Crew", r"pairs as a mapping .* got str"),
        (5, r"pairs as a mapping .* got int"),
        ([("Crew", "sailor"), "Crew"], r"pairs\[1\] as a RoleMapEntry or a \(group, role\) pair, got str"),
        ([("Crew", "sailor", "x")], r"pairs\[0\]"),
        ([("Crew", 1)], r"the role of the group 'Crew' as str, .* got int"),
        ({1: "sailor"}, r"the id, name or pattern of a group as str, got int"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(wrong, message):
    with headcount.Mirror(":memory:") as mirror:
        mirror.set_role_map({"Crew": "sailor"})
        with pytest.raises(TypeError, match=message):
            mirror.set_role_map(wrong)
        with pytest.raises(headcount.InvalidArgumentError, match="group"):
            mirror.set_role_map([("", "sailor")])
        assert mirror.role_map() == [("Crew", "sailor")]


def test_decisions_about_holds_are_recorded(environment, opened):
    async def test():
        org, directory = environment.organization_id, environment.directory_id
        mirror = opened(guard_users=0, guard_share=0.0)
        await mirror.sync(org)
        users = sorted(user.id for user in environment.client().directory.users(org, directory))
        decided = []
        for user, decide, note in ((users[0], mirror.approve, "confirmed"), (users[1], mirror.dismiss, None)):
            environment.delete_user(user)
            with pytest.raises(headcount.MassRemovalError):
                await mirror.sync(org, directory, mode="full")
            (hold,) = await mirror.holds(org)
            assert await decide(hold.id, by="ops@example.com", note=note) == 1
            decided.append(hold.id)
        approvals = await mirror.approvals()
        assert [one.hold_id for one in approvals] == decided
        assert [one.is_approved for one in approvals] == [True, False]
        first = approvals[0]
        assert isinstance(first, headcount.Approval)
        assert (first.organization_id, first.directory_id, first.reason, first.count) == (org, directory, "mass_removal", 1)
        assert (first.by, first.note, approvals[1].note) == ("ops@example.com", "confirmed", "")
        assert first.at.tzinfo is not None
        assert "ops@example.com" not in repr(first)
        assert same_after_pickling(first)
        assert await mirror.approvals(org) == approvals
        assert await mirror.approvals(organization_id="org_0") == []
        with pytest.raises(headcount.InvalidArgumentError, match="by"):
            await mirror.approve(decided[0], by="")
        await mirror.close()

    run(test())


def test_retirements_are_recorded(environment, opened):
    async def test():
        org, directory = environment.organization_id, environment.directory_id
        mirror = opened()
        await mirror.sync(org)
        assert await mirror.retirements() == []
        environment.client().directory.disable_directory(org, directory)
        await mirror.sync(org)
        assert await mirror.retire(directory, by="ops", note="the customer left") == 12
        (retirement,) = await mirror.retirements()
        assert isinstance(retirement, headcount.Retirement)
        assert (retirement.organization_id, retirement.directory_id, retirement.users) == (org, directory, 12)
        assert (retirement.by, retirement.note) == ("ops", "the customer left")
        assert retirement.at <= retirement.ended_at
        assert "customer" not in repr(retirement)
        assert same_after_pickling(retirement)
        await mirror.close()

    run(test())


def test_an_erasure_says_what_was_removed(environment, opened):
    async def test():
        org = environment.organization_id
        mirror = opened()
        (report,) = await mirror.sync(org)
        assert report.erased == 0
        user = next(change.user for change in await mirror.poll("app", 1000) if change.kind == "user.created")
        # Takes the changes into the history.
        await mirror.trim()
        erasure = await mirror.erase_user(user.id)
        assert isinstance(erasure, headcount.Erasure)
        assert (erasure.user_id, erasure.was_mirrored) == (user.id, True)
        assert erasure.changes > 0 and erasure.history > 0
        assert (erasure.events, erasure.parked) == (0, 0)
        assert await mirror.user(user.id) is None
        own = [change for change in await mirror.poll("app", 1000) if change.user and change.user.id == user.id]
        assert {(change.kind, change.user.email) for change in own} == {("user.deleted", "")}
        (report,) = await mirror.sync(org, mode="full")
        assert report.erased == 1
        again = await mirror.erase_user(user.id)
        assert (again.id, again.at, again.was_mirrored, again.changes) == (erasure.id, erasure.at, False, 0)
        assert same_after_pickling(erasure)
        for wrong in ("", "diruser 1", "d" * 201):
            with pytest.raises(headcount.InvalidArgumentError, match="expected the id of a directory user"):
                await mirror.erase_user(wrong)
        await mirror.close()

    run(test())


def test_a_moment_that_the_history_does_not_have_is_refused(environment):
    org = environment.organization_id
    with environment.client() as client, headcount.Mirror(":memory:", client=client) as mirror:
        mirror.sync(org)
        now = datetime.now(timezone.utc)
        for moment, error in (
            (datetime(2025, 1, 6, 9), headcount.InvalidArgumentError),
            ("2025-01-06T09:00:00", headcount.InvalidArgumentError),
            (now + timedelta(days=1), headcount.InvalidArgumentError),
            (now - timedelta(days=1), headcount.HistoryTrimmedError),
        ):
            with pytest.raises(error):
                list(mirror.at(moment, org))
        assert list(mirror.history(user_id="diruser_0")) == []
        assert list(mirror.at(now, "org_0")) == []


def test_a_forgotten_organization_leaves_numbers_alone(environment, opened):
    async def test():
        org, directory = environment.organization_id, environment.directory_id
        mirror = opened()
        await mirror.sync(org)
        with pytest.raises(headcount.InvalidArgumentError, match="retire its directories"):
            await mirror.forget_organization(org)
        await mirror.poll("app", 1)
        with environment.client() as client:
            client.directory.disable_directory(org, directory)
        await mirror.sync(org)
        await mirror.retire(directory, by="ops", note="the customer left")
        with pytest.raises(headcount.InvalidArgumentError, match='consumer "app" has not acknowledged change 1:'):
            await mirror.forget_organization(org)
        last = (await mirror.poll("app", 10_000))[-1].seq
        await mirror.ack("app", last)
        erasure = await mirror.forget_organization(org)
        assert isinstance(erasure, headcount.OrganizationErasure)
        assert (erasure.organization_id, erasure.was_mirrored, erasure.directories) == (org, True, 1)
        assert erasure.users > 0 and erasure.groups > 0 and erasure.changes == last and erasure.runs > 0
        assert same_after_pickling(erasure)
        changes = await mirror.poll("new", 10_000)
        assert [change.seq for change in changes] == list(range(1, last + 1))
        assert {(change.kind, change.organization_id, change.user) for change in changes} == {("organization.forgotten", "", None)}
        assert await mirror.sync_all() == []
        again = await mirror.forget_organization(org)
        assert (again.id, again.at, again.was_mirrored, again.changes) == (erasure.id, erasure.at, False, 0)
        for wrong in ("", "org 1", "o" * 201):
            with pytest.raises(headcount.InvalidArgumentError, match="expected the id of an organization"):
                await mirror.forget_organization(wrong)
        await mirror.close()

    run(test())


def test_a_mirror_is_bound_to_its_environment_until_it_is_unbound(environment, tmp_path, opened):
    async def test():
        path = tmp_path / "mirror.db"
        mirror = opened(path)
        await mirror.sync(environment.organization_id)
        await mirror.close()
        # All environments on this machine count as one, so another host is written into the file.
        with contextlib.closing(sqlite3.connect(path)) as file, file:
            bound = json.dumps({"host": "acme.scalekit.com"})
            assert file.execute("UPDATE setting SET value = ? WHERE name = 'environment'", (bound,)).rowcount == 1
        mirror = opened(path)
        with pytest.raises(headcount.ConfigError, match="acme.scalekit.com.*unbind_environment"):
            await mirror.sync(environment.organization_id)
        assert await mirror.unbind_environment() is None
        assert (await mirror.sync(environment.organization_id))[0].outcome == "done"
        await mirror.close()

    run(test())


def test_the_mirrors_of_one_file_have_the_same_id(tmp_path, opened):
    async def test():
        mirror, again, other = opened(tmp_path / "one.db"), opened(tmp_path / "one.db"), opened(tmp_path / "two.db")
        assert str(uuid.UUID(mirror.id)) == mirror.id
        assert again.id == mirror.id
        assert other.id != mirror.id
        for each in (mirror, again, other):
            await each.close()
        with pytest.raises(headcount.InvalidArgumentError, match="closed"):
            _ = mirror.id

    run(test())


def test_a_backup_is_opened_as_a_mirror_and_refused_where_there_is_a_file(environment, tmp_path, opened):
    async def test():
        mirror, path = opened(), tmp_path / "backup.db"
        await mirror.sync(environment.organization_id)
        assert await mirror.backup(path) is None
        restored = opened(path)
        assert restored.id == mirror.id
        assert (await restored.status())[0].users == 12
        await restored.close()
        with pytest.raises(headcount.StoreError, match="one where there is a file"):
            await mirror.backup(path)
        with pytest.raises(headcount.ConfigError, match="got :memory:"):
            await mirror.backup(":memory:")
        await mirror.close()

    run(test())


def test_metrics_are_accepted_by_the_parser_of_prometheus(environment, opened):
    async def test():
        mirror = opened()
        await mirror.sync(environment.organization_id)
        await mirror.poll('quoted "name"\nwith \\', 1)
        families = {family.name: family for family in text_string_to_metric_families(await mirror.metrics(organizations=True))}
        assert all(family.documentation for family in families.values())
        labels = {"directory": environment.directory_id, "organization": environment.organization_id}
        users = families["headcount_users"]
        assert (users.type, users.unit) == ("gauge", "users")
        assert [(sample.labels, sample.value) for sample in users.samples] == [(labels, 12)]
        assert families["headcount_last_full_sync_timestamp_seconds"].samples[0].value == pytest.approx(time.time(), abs=LIMIT)
        syncs = families["headcount_sync_duration_seconds"]
        assert syncs.type == "histogram"
        done = {sample.name: sample.value for sample in syncs.samples if sample.labels["outcome"] == "done"}
        assert done["headcount_sync_duration_seconds_count"] == 1
        assert done["headcount_sync_duration_seconds_sum"] > 0
        assert [sample.labels for sample in families["headcount_consumer_lag_changes"].samples] == [{"consumer": 'quoted "name"\nwith \\'}]
        assert families["headcount_mirror"].samples[0].labels["id"] == mirror.id
        assert environment.organization_id not in await mirror.metrics()
        assert headcount.METRICS_CONTENT_TYPE.startswith("application/openmetrics-text; version=1.0.0")
        await mirror.close()

    run(test())


def test_users_who_are_not_in_the_mirror_are_found_after_a_full_sync(environment, opened):
    async def test():
        mirror = opened()
        with pytest.raises(headcount.InvalidArgumentError, match="run sync_all"):
            await mirror.reconcile(["diruser_gone"])
        await mirror.sync_all(mode="full")
        known = (change.user.id for change in await mirror.poll("app", 100) if change.kind == "user.created")
        ids = itertools.chain(["diruser_gone"], known, ["diruser_gone", "diruser_a"])
        assert await mirror.reconcile(ids) == ["diruser_a", "diruser_gone"]
        assert await mirror.reconcile({"diruser_b"}, organization_id=environment.organization_id) == ["diruser_b"]
        assert await mirror.reconcile([], since=0) == []
        assert len(await mirror.reconcile(f"diruser_x{number % 1500}" for number in range(5000))) == 1500
        with pytest.raises(headcount.InvalidArgumentError):
            await mirror.reconcile(["diruser_b"], since=datetime.now(timezone.utc) + timedelta(hours=1))
        with pytest.raises(headcount.InvalidArgumentError, match="got an empty one"):
            await mirror.reconcile([""])
        for wrong in ("diruser_1", 7, [7], [None]):
            with pytest.raises(TypeError):
                await mirror.reconcile(wrong)
        with pytest.raises(ZeroDivisionError):
            await mirror.reconcile(str(1 // number) for number in (1, 0))
        await mirror.close()

    run(test())


def test_a_consumer_continues_at_its_position_in_a_copy(environment, tmp_path, opened):
    async def test():
        mirror, target = opened(), tmp_path / "copy.db"
        await mirror.sync(environment.organization_id)
        first, second = await mirror.poll("app", 2)
        await mirror.ack("app", first.seq)
        report = await mirror.copy_to(target)
        assert isinstance(report, headcount.CopyReport)
        assert report.rows == sum(table.rows for table in report.tables)
        assert [table.rows for table in report.tables if table.name == "users"] == [12]
        assert len(report.checksum) == 64
        assert same_after_pickling(report)
        copy = opened(target)
        assert [change.seq for change in await copy.poll("app", 1)] == [second.seq]
        assert copy.id == mirror.id
        for refused in (target, ":memory:"):
            with pytest.raises((headcount.StoreError, headcount.ConfigError), match="expected"):
                await mirror.copy_to(refused)
        with pytest.raises(headcount.StoreError) as raised:
            await mirror.copy_to("postgresql://app:Zq7secret@127.0.0.1:9/app", schema="other")
        assert "Zq7secret" not in repr(raised.value) + str(raised.value)
        await copy.close()
        await mirror.close()

    run(test())


def test_a_change_that_is_not_acknowledged_is_returned_again_after_the_mirror_is_reopened(environment, tmp_path, opened):
    async def test():
        path = tmp_path / "mirror.db"
        mirror = opened(path)
        await mirror.sync(environment.organization_id)
        changes = mirror.changes("app", timeout=0)
        first = await changes.__anext__()
        second = await changes.__anext__()
        # The later change was handled, and the earlier one was not.
        await second.ack()
        assert (await mirror.consumers())[0].cursor == 0
        await mirror.close()

        mirror = opened(path)
        changes = mirror.changes("app", timeout=0)
        again = [await changes.__anext__(), await changes.__anext__()]
        assert [change.seq for change in again] == [first.seq, second.seq]
        await again[1].ack()
        await again[0].ack()
        assert (await mirror.consumers())[0].cursor == second.seq
        await mirror.close()
        with pytest.raises(headcount.InvalidArgumentError, match="closed"):
            await again[0].ack()

    run(test())


def test_a_change_of_a_snapshot_can_be_parked(environment, opened):
    async def test():
        mirror = opened()
        await mirror.sync(environment.organization_id)
        await mirror.start_from_snapshot("app")
        changes = mirror.changes("app", timeout=0)
        first, second = await changes.__anext__(), await changes.__anext__()
        assert first.seq < 0
        assert first.cause == "snapshot"
        await second.park("no seat is left")
        (parked,) = await mirror.parked_changes("app")
        assert (parked.change.seq, parked.reason) == (second.seq, "no seat is left")
        assert (await mirror.poll("app"))[0].seq == first.seq
        await first.ack()
        assert (await mirror.consumers())[0].cursor == second.seq
        await mirror.close()

    run(test())


def test_threads_share_an_iterator_and_acknowledge_their_own_changes(environment):
    with headcount.Mirror(":memory:", client=environment.client()) as mirror:
        mirror.sync(environment.organization_id)
        changes, taken = mirror.changes("app", timeout=0), []
        first = next(changes)

        def work():
            for change in changes:
                taken.append(change.seq)
                change.ack()

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(LIMIT)
            assert not worker.is_alive()
        assert len(taken) == len(set(taken)) > 12
        assert mirror.poll("app", limit=1)[0].seq == first.seq
        first.ack()
        assert mirror.poll("app") == []


def test_closing_a_mirror_ends_threads_that_wait_for_changes(environment):
    mirror = headcount.Mirror(":memory:", client=environment.client())
    mirror.sync(environment.organization_id)
    changes, ended, raised = mirror.changes("app"), [], []

    def iterate():
        ended.append(sum(1 for _ in changes))

    def wait():
        try:
            while True:
                mirror.ack("other", mirror.wait("other")[-1].seq)
        except headcount.Error as error:
            raised.append(error)

    threads = [threading.Thread(target=iterate), threading.Thread(target=iterate), threading.Thread(target=wait)]
    for thread in threads:
        thread.start()
    while not {consumer.name for consumer in mirror.consumers()} >= {"app", "other"}:
        pass
    mirror.close()
    for thread in threads:
        thread.join(LIMIT)
        assert not thread.is_alive()
    assert len(ended) == 2
    assert isinstance(raised[0], (headcount.CancelledError, headcount.InvalidArgumentError))
    assert list(changes) == []


def test_closing_a_mirror_ends_tasks_that_wait_for_changes(environment):
    async def test():
        mirror = headcount.AsyncMirror(":memory:", client=environment.async_client())
        await mirror.sync(environment.organization_id)
        expected = {change.seq for change in await mirror.poll("other", limit=1000)}
        changes = mirror.changes("app")

        async def iterate():
            return [change.seq async for change in changes]

        tasks = [asyncio.create_task(iterate()) for _ in range(2)]
        # Waits until an iterator has registered the consumer. Closing ends both iterators, whether or not they have returned changes.
        while "app" not in {consumer.name for consumer in await mirror.consumers()}:
            await asyncio.sleep(0)
        await mirror.close()
        one, other = await asyncio.gather(*tasks)
        assert not set(one) & set(other)
        assert set(one) | set(other) <= expected
        assert [change async for change in changes] == []

    run(test())


def test_a_forked_child_cannot_continue_its_parents_iterator(environment, tmp_path):
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    with headcount.Mirror(tmp_path / "mirror.db", client=environment.client()) as mirror:
        mirror.sync(environment.organization_id)
        changes = mirror.changes("app")
        first = next(changes)
        # The last call is for another consumer, because the parent's iterator holds the consumer "app".
        results = results_in_a_child(lambda: next(changes), first.ack, lambda: next(mirror.changes("child")).ack())
        assert [line.split(":")[0] for line in results] == ["invalid_argument", "invalid_argument", "done"]
        assert all("fork" in line for line in results[:2])
