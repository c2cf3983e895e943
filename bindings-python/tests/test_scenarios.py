"""The shared scenarios of the mirror, blocking and with asyncio, in SQLite and in PostgreSQL: see tests/scenarios/README.md."""

import asyncio
import json
from collections import Counter
from pathlib import Path

import postgres
import pytest

import headcount

SCENARIOS = sorted((Path(__file__).resolve().parents[2] / "tests" / "scenarios").glob("*.json"))


class Blocking:
    """A ``Mirror`` whose calls are awaited, so that each scenario runs with both classes."""

    def __init__(self, mirror):
        self.mirror = mirror

    def __getattr__(self, name):
        async def call(*arguments, **options):
            return getattr(self.mirror, name)(*arguments, **options)

        return call

    async def first_users(self, organization_id, count):
        return [user for user, _ in zip(self.mirror.users(organization_id), range(count))]

    async def users_of_hold(self, hold_id):
        return list(self.mirror.hold_users(hold_id))

    async def all(self, name, *arguments, **options):
        return list(getattr(self.mirror, name)(*arguments, **options))

    async def planned(self, plan):
        return list(plan.changes)

    async def follow(self, worker, receive):
        """Acknowledges the worker's changes and passes them to ``receive``, on another thread, until the worker is closed."""

        def loop():
            for change in worker:
                change.ack()
                receive(change)

        await asyncio.get_running_loop().run_in_executor(None, loop)

    async def take(self, worker):
        return next(worker)

    async def acknowledge(self, change):
        change.ack()

    async def end(self, worker):
        worker.close()


class Awaited:
    """An ``AsyncMirror``, with the interface of ``Blocking``."""

    def __init__(self, mirror):
        self.mirror = mirror

    def __getattr__(self, name):
        return getattr(self.mirror, name)

    async def first_users(self, organization_id, count):
        return [user async for user in self.mirror.users(organization_id)][:count]

    async def users_of_hold(self, hold_id):
        return [user async for user in self.mirror.hold_users(hold_id)]

    async def all(self, name, *arguments, **options):
        return [item async for item in getattr(self.mirror, name)(*arguments, **options)]

    async def planned(self, plan):
        async with plan:
            return [change async for change in plan.changes]

    async def follow(self, worker, receive):
        """Acknowledges the worker's changes and passes them to ``receive``, until the worker is closed."""
        async for change in worker:
            await change.ack()
            receive(change)

    async def take(self, worker):
        return await worker.__anext__()

    async def acknowledge(self, change):
        await change.ack()

    async def end(self, worker):
        await worker.close()


def test_the_scenarios_are_found():
    assert len(SCENARIOS) >= 3


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["blocking", "asyncio"])
def test_the_steps_of_a_scenario_have_their_expected_results(path, store, asynchronous):
    scenario = json.loads(path.read_text())
    with headcount.Sandbox(**scenario["sandbox"]) as sandbox:
        sandbox.register_endpoint("http://127.0.0.1:9/")
        client = sandbox.async_client() if asynchronous else sandbox.client()
        made = headcount.AsyncMirror if asynchronous else headcount.Mirror
        settings = {"client": client, "webhook_secret": sandbox.webhook_secret, **scenario.get("mirror", {})}
        if store == "sqlite":
            mirror = made(":memory:", **settings)
        else:
            mirror = made(postgres.url(), schema=postgres.schema(path.stem), **settings)

        async def main():
            player = Player(sandbox, Awaited(mirror) if asynchronous else Blocking(mirror))
            try:
                for index, step in enumerate(scenario["steps"]):
                    try:
                        await getattr(player, step["do"])(**{name: value for name, value in step.items() if name != "do"})
                    except Exception as failure:
                        raise AssertionError(f"{path.stem}, step {index}: {step}") from failure
            finally:
                # Ends the threads of workers as well.
                await player.mirror.close()

        asyncio.run(main())


class Player:
    """Runs the steps of a scenario: the method of the same name as the step's ``do``."""

    def __init__(self, sandbox, mirror):
        self.sandbox = sandbox
        self.mirror = mirror
        self.webhook = headcount.Webhook(sandbox.webhook_secret)
        self.ids = {}
        self.workers = []
        # A task for each worker, which reads the worker's changes.
        self.following = []
        # The changes that workers returned, each as a pair of the worker's index and the change.
        self.returned = []

    async def create_user(self, **step):
        name = step.pop("as")
        self.ids[name] = self.sandbox.create_user(**step).id

    async def update_user(self, user, **step):
        self.sandbox.update_user(self.ids[user], **step)

    async def delete_user(self, user):
        self.sandbox.delete_user(self.ids[user])

    async def create_group(self, display_name, **step):
        self.ids[step["as"]] = self.sandbox.create_group(display_name).id

    async def update_group(self, group, display_name):
        self.sandbox.update_group(self.ids[group], display_name)

    async def delete_group(self, group):
        self.sandbox.delete_group(self.ids[group])

    async def add_member(self, group, user):
        self.sandbox.add_member(self.ids[group], self.ids[user])

    async def remove_member(self, group, user):
        self.sandbox.remove_member(self.ids[group], self.ids[user])

    async def delete_users(self, count):
        for user in await self.mirror.first_users(self.sandbox.organization_id, count):
            self.sandbox.delete_user(user.id)

    async def sync(self, mode, approve_removals=False, error=None, **expected):
        ids = self.sandbox.organization_id, self.sandbox.directory_id
        try:
            report = await self.mirror.sync(*ids, mode=mode, approve_removals=approve_removals)
        except headcount.Error as raised:
            assert raised.kind == error, raised
            return
        assert error is None, report
        assert {name: getattr(report, name) for name in expected} == expected

    async def plan(self, mode, outcome, counts, reasons, approve_removals=False, error=None):
        ids = self.sandbox.organization_id, self.sandbox.directory_id
        plan = await self.mirror.plan(*ids, mode=mode, approve_removals=approve_removals)
        assert plan.outcome == outcome and plan.incomplete is None
        assert plan.error is None if error is None else plan.error.kind == error
        assert plan.counts == counts
        assert [hold.reason for hold in plan.holds] == reasons
        assert Counter(change.kind for change in await self.mirror.planned(plan)) == counts

    async def reconcile(self, known, absent=None, error=None):
        try:
            found = await self.mirror.reconcile([self.ids[name] for name in known], organization_id=self.sandbox.organization_id)
        except headcount.Error as raised:
            assert raised.kind == error, raised
            return
        assert error is None and found == sorted(self.ids[name] for name in absent)

    async def receive(self, delivery, outcome):
        body = self.sandbox.deliveries()[delivery]["body"]
        assert await self.mirror.receive(body, self.webhook.sign(body)) == outcome

    async def forge(self, delivery):
        body = self.sandbox.deliveries()[delivery]["body"]
        with pytest.raises(headcount.WebhookVerificationError):
            await self.mirror.receive(body + " ", self.webhook.sign(body))

    async def role_map(self, pairs):
        await self.mirror.set_role_map(pairs)

    async def role_map_entries(self, entries):
        organizations = {"own": self.sandbox.organization_id, "other": "org_0", None: None}

        def entry(key, role, group=None, id_of=None, organization=None):
            make = getattr(headcount.RoleMapEntry, f"by_{key}")
            return make(group or self.ids[id_of], role, organization_id=organizations[organization])

        await self.mirror.set_role_map([entry(**one) for one in entries])

    async def unmatched_roles(self, roles):
        assert [entry.role for entry in await self.mirror.unmatched_roles()] == roles

    async def runs(self, outcomes):
        assert [run.outcome for run in await self.mirror.runs(self.sandbox.directory_id)] == outcomes

    async def event(self, delivery, user, outcome, settled, explained):
        event = await self.mirror.event(json.loads(self.sandbox.deliveries()[delivery]["body"])["id"])
        assert (event.subject_id, event.outcome) == (self.ids[user], outcome)
        assert (event.settled_at is not None, event.why is not None) == (settled, explained)

    async def explain(self, user, state, kinds, causes, grants, events, holds):
        why = await self.mirror.explain(self.ids[user])
        assert (why.state, [kind for explained in why.changes for kind in explained.entry.kinds]) == (state, kinds)
        assert [explained.entry.cause.split(":")[0] for explained in why.changes] == causes
        for explained in why.changes:
            has_record = any((explained.run, explained.event, explained.approval, explained.retirement))
            assert has_record == (explained.entry.cause != "roles")
        assert (len(why.roles), len(why.events), len(why.holds)) == (grants, events, holds)
        assert why.outlook and why.user_id in why.text() and "@" not in str(why)
        assert why.user is None or "@" in why.text(personal=True)

    async def pending(self, types):
        assert [event.event_type for event in await self.mirror.pending_events(self.sandbox.organization_id)] == types

    async def link(self, user, account_id):
        await self.mirror.link(self.ids[user], account_id)

    async def protect(self, user, reason):
        await self.mirror.protect(self.ids[user], reason=reason)
        assert (await self.mirror.user(self.ids[user])).protection == reason

    async def unprotect(self, user):
        await self.mirror.unprotect(self.ids[user])
        assert (await self.mirror.user(self.ids[user])).protection is None

    async def wait_for_deletion(self, user):
        found = await self.mirror.user(self.ids[user])
        assert not found.active and found.deletes_at is not None
        await asyncio.sleep((await self.mirror.settings()).deletion_grace)

    async def erase_user(self, user, was_mirrored, count):
        erasure = await self.mirror.erase_user(self.ids[user])
        assert (erasure.user_id, erasure.was_mirrored, erasure.changes) == (self.ids[user], was_mirrored, count)
        assert await self.mirror.user(self.ids[user]) is None

    async def enable_directory(self):
        with self.sandbox.client() as client:
            client.directory.enable_directory(self.sandbox.organization_id, self.sandbox.directory_id)

    async def disable_directory(self):
        with self.sandbox.client() as client:
            client.directory.disable_directory(self.sandbox.organization_id, self.sandbox.directory_id)

    async def retire(self, count):
        assert await self.mirror.retire(self.sandbox.directory_id, by="ops@example.com", note="looked at") == count

    async def forget_organization(self, error=None, **expected):
        try:
            erasure = await self.mirror.forget_organization(self.sandbox.organization_id)
        except headcount.Error as raised:
            assert raised.kind == error, raised
            return
        found = {"was_mirrored": erasure.was_mirrored, "users": erasure.users, "count": erasure.changes}
        assert (erasure.organization_id, error, found) == (self.sandbox.organization_id, None, expected)

    async def sync_all(self, count):
        assert len(await self.mirror.sync_all()) == count

    async def status(self, users, groups, held):
        status = (await self.mirror.status())[0]
        assert (status.users, status.groups, status.held and status.held.reason) == (users, groups, held)

    async def hold(self, reason, count, limit, **step):
        ids = self.sandbox.organization_id, self.sandbox.directory_id
        (hold,) = [hold for hold in await self.mirror.holds(*ids) if hold.reason == reason]
        assert (hold.count, hold.limit) == (count, limit)
        assert len(await self.mirror.users_of_hold(hold.id)) == count
        self.ids[step["as"]] = hold.id

    async def approve(self, hold, count=None, error=None):
        await self.decide(self.mirror.approve, hold, count, error)

    async def dismiss(self, hold, count=None, error=None):
        await self.decide(self.mirror.dismiss, hold, count, error)

    async def decide(self, decision, hold, count, error):
        try:
            assert await decision(self.ids[hold], by="ops@example.com", note="looked at") == count
        except headcount.Error as raised:
            assert raised.kind == error, raised

    async def moment(self, **step):
        self.ids[step["as"]] = (await self.mirror.all("history"))[-1].at
        # Times are compared in milliseconds.
        await asyncio.sleep(0.005)

    async def at(self, moment, emails, group=None, role=None):
        group_id = group and self.ids[group]
        found = await self.mirror.all("at", self.ids[moment], self.sandbox.organization_id, group_id=group_id, role=role)
        assert sorted(user.email for user in found) == emails

    async def export(self, format, count, contains, moment=None, group=None, role=None):
        limits = {"moment": moment and self.ids[moment], "group_id": group and self.ids[group], "role": role}
        text = "".join(await self.mirror.all("export", self.sandbox.organization_id, format, **limits))
        assert text.count("\n") == count
        assert [part for part in contains if part not in text] == []

    async def history(self, user, kinds, since=None, until=None):
        limits = {"since": since and self.ids[since], "until": until and self.ids[until]}
        entries = await self.mirror.all("history", user_id=self.ids[user], **limits)
        assert [" ".join(entry.kinds) for entry in entries] == kinds

    async def feed(self, consumer, changes):
        found = [described(change) for change in await self.drain(consumer)]
        # Only the fields that an entry has are compared. Changes without an entry are a failure.
        compared = [{name: change[name] for name in entry} for change, entry in zip(found, changes)]
        assert compared + found[len(changes) :] == changes

    async def poll_groups(self, consumer, limit, kinds, count=None):
        groups = await self.mirror.poll(consumer, limit, group_by_user=True)
        assert [" ".join(change.kind for change in group) for group in groups] == kinds
        for change in [change for group in groups for change in group][:count][-1:]:
            await self.mirror.ack(consumer, change.seq)

    async def skip(self, consumer):
        await self.drain(consumer)

    def worker(self, consumer, partitions):
        return self.mirror.mirror.consumer(consumer, partitions=partitions)

    async def start_workers(self, consumer, partitions, count):
        self.workers = [self.worker(consumer, partitions) for _ in range(count)]
        for index, worker in enumerate(self.workers):
            loop = self.mirror.follow(worker, lambda change, index=index: self.returned.append((index, change)))
            self.following.append(asyncio.ensure_future(loop))
        while any(len(worker.partitions) != partitions // count for worker in self.workers):
            await asyncio.sleep(0.005)

    async def stop_workers(self, count):
        while len(self.returned) < count:
            await asyncio.sleep(0.005)
        for worker in self.workers:
            await self.mirror.end(worker)
        await asyncio.gather(*self.following)
        assert sorted(change.seq for _, change in self.returned) == list(range(1, count + 1))
        assert {index for index, _ in self.returned} == set(range(len(self.workers)))
        of_users = {}
        for index, change in self.returned:
            if change.user:
                of_users.setdefault(change.user.id, []).append((index, change.seq))
        for changes in of_users.values():
            assert len({index for index, _ in changes}) == 1
            assert changes == sorted(changes)

    async def lose_partition(self, consumer, partitions, error):
        one, two = self.worker(consumer, partitions), self.worker(consumer, partitions)
        lost = await self.mirror.take(one)
        await self.mirror.end(one)
        with pytest.raises(headcount.Error) as raised:
            await self.mirror.acknowledge(lost)
        assert raised.value.kind == error
        again = await self.mirror.take(two)
        assert again.seq == lost.seq
        await self.mirror.acknowledge(again)
        await self.mirror.end(two)

    async def drain(self, consumer):
        changes = []
        while batch := await self.mirror.poll(consumer, 2):
            await self.mirror.ack(consumer, batch[-1].seq)
            changes += batch
        return changes


def described(change):
    """Returns a change as an entry of a scenario's feed describes it."""
    user, group = change.user, change.group
    return {
        "kind": change.kind,
        "user": user and user.email,
        "group": group and group.display_name,
        "fields": change.fields,
        "roles": user and user.roles,
        "active": user and user.active,
        "linked_id": user and user.linked_id,
        "cause": change.cause.split(":")[0],
        "rehire": change.possible_rehire_of is not None,
        "rehire_linked_id": change.possible_rehire_linked_id,
    }
