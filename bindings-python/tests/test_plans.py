"""Plans: what a sync would change. The scenarios have further tests."""

import asyncio
import gc

import pytest
from forking import results_in_a_child

import headcount


@pytest.fixture
def sandbox():
    with headcount.Sandbox(users=5, groups=1, seed=3) as sandbox:
        yield sandbox


@pytest.fixture
def mirror(sandbox):
    with headcount.Mirror(":memory:", client=sandbox.client(), webhook_secret=sandbox.webhook_secret) as mirror:
        yield mirror


def test_a_plan_has_the_changes_of_the_sync_and_writes_nothing(sandbox, mirror):
    plan = mirror.plan(sandbox.organization_id, sandbox.directory_id)
    assert plan.outcome == "done" and plan.error is None and plan.incomplete is None and plan.holds == []
    assert plan.counts["user.created"] == 5 and repr(plan) == "<headcount.Plan: done>"
    assert mirror.status() == [] and mirror.poll("app") == []
    planned = list(plan.changes)
    assert plan.reports[0].created == 5 and len(planned) == sum(plan.counts.values())
    mirror.sync(sandbox.organization_id, sandbox.directory_id)
    made = mirror.poll("app", limit=1000)
    assert [(change.kind, change.user, change.group, change.after) for change in planned] == [
        (change.kind, change.user, change.group, change.after) for change in made
    ]
    assert mirror.plan(sandbox.organization_id).counts == {}


def test_a_plan_and_its_iterators_can_be_read_after_the_mirror_is_closed_until_the_plan_is_closed(sandbox, mirror):
    with mirror.plan(sandbox.organization_id) as plan:
        mirror.close()
        changes = plan.changes
        assert len(list(plan.changes)) == len(list(plan.changes)) > 5
    plan.close()
    with pytest.raises(headcount.StoreError):
        next(changes)
    assert plan.counts["user.created"] == 5
    with pytest.raises(headcount.InvalidArgumentError):
        mirror.plan(sandbox.organization_id)


def test_an_iterator_keeps_the_changes_of_a_plan_that_no_longer_exists(sandbox, mirror):
    changes = mirror.plan(sandbox.organization_id).changes
    gc.collect()
    assert len(list(changes)) > 5


def test_a_plan_has_the_error_that_the_sync_would_raise(sandbox, mirror):
    mirror.sync(sandbox.organization_id)
    for user in list(mirror.users(sandbox.organization_id)):
        sandbox.delete_user(user.id)
    plan = mirror.plan(sandbox.organization_id, sandbox.directory_id, mode="full")
    assert plan.outcome == "held" and isinstance(plan.error, headcount.MassRemovalError) and plan.error is plan.error
    assert [hold.reason for hold in plan.holds] == ["empty_listing"] and mirror.holds(sandbox.organization_id) == []


def test_a_plan_raises_the_errors_of_listings_and_arguments(sandbox, mirror):
    with pytest.raises(headcount.NotFoundError):
        mirror.plan(sandbox.organization_id, "dir_0")
    with pytest.raises(headcount.ConfigError), headcount.Mirror(":memory:") as without_client:
        without_client.plan(sandbox.organization_id)

    def stop(progress):
        raise LookupError(progress.phase)

    with pytest.raises(LookupError):
        mirror.plan(sandbox.organization_id, on_progress=stop)
    with pytest.raises(TypeError):
        mirror.plan(sandbox.organization_id, on_progress="loud")
    with pytest.raises(TypeError):
        mirror.plan(sandbox.organization_id, wait=False)
    assert mirror.status() == []


def test_a_forked_child_is_refused_its_parents_plan(sandbox, tmp_path):
    with headcount.Mirror(tmp_path / "mirror.db", client=sandbox.client()) as mirror:
        plan = mirror.plan(sandbox.organization_id)
        changes = plan.changes

        calls = lambda: plan.changes, lambda: next(changes), lambda: mirror.plan(sandbox.organization_id)
        of_parent, iterating, again = results_in_a_child(*calls)
        assert "before a fork" in of_parent and "before a fork" in iterating and again == "done"
        assert len(list(changes)) > 5


def test_an_async_plan_has_the_changes_and_a_cancelled_plan_writes_nothing(sandbox):
    async def main():
        seen = []
        async with headcount.AsyncMirror(":memory:", client=sandbox.async_client()) as mirror:
            async with await mirror.plan(sandbox.organization_id, on_progress=seen.append) as plan:
                assert [change.kind async for change in plan.changes].count("user.created") == plan.counts["user.created"] == 5
            assert seen and plan.outcome == "done" and repr(plan) == "<headcount.AsyncPlan: done>"
            task = asyncio.ensure_future(mirror.plan(sandbox.organization_id))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await mirror.status() == []

    asyncio.run(main())
