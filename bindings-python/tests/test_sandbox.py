"""The sandbox in this process, over real HTTP."""

import asyncio
import http.server
import json
import multiprocessing
import os
import queue
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import timedelta

import pytest

import headcount
from headcount import events

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def application(*statuses):
    """A server for webhooks that answers with `statuses` in turn, and then with 201. Yields its URL and a queue of the requests that it received."""
    deliveries, answers = queue.Queue(), iter(statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(next(answers, 201))
            self.send_header("content-length", "0")
            self.end_headers()
            deliveries.put((body, list(self.headers.items())))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/webhooks", deliveries
        server.shutdown()


def settled(sandbox, state, attempts=1):
    """Waits until the last delivery has this state and number of attempts. Returns all deliveries."""
    ticks = threading.Event()
    for _ in range(3000):
        last = sandbox.deliveries()[-1]
        if last["state"] == state and len(last["attempts"]) == attempts:
            return sandbox.deliveries()
        ticks.wait(0.01)
    raise AssertionError(last)


def test_a_client_lists_the_sandboxs_data():
    with headcount.Sandbox(organizations=2, directories=2, users=12, groups=3, seed=7) as sandbox:
        assert sandbox.environment_url.startswith("http://127.0.0.1:") and sandbox.control_url.startswith(sandbox.environment_url)
        assert sandbox.webhook_secret.startswith("whsec_") and sandbox.client_id and sandbox.client_secret
        for secret in (sandbox.client_secret, sandbox.webhook_secret):
            assert secret not in repr(sandbox)
        with sandbox.client(timeout=30) as client:
            organizations = list(client.organization.all())
            assert [len(organizations), organizations[-1].id] == [2, sandbox.organization_id]
            directories = client.directory.list_directories(sandbox.organization_id)
            assert [len(directories), directories[0].id] == [2, sandbox.directory_id]
            users = list(client.directory.users(sandbox.organization_id, sandbox.directory_id))
            assert len(users) == 12
            assert len(list(client.directory.groups(sandbox.organization_id, sandbox.directory_id))) == 3
        assert sum(sandbox.requests().values()) >= 4
        with pytest.raises(TypeError, match="page_size"):
            sandbox.client(page_size=1)

        async def count():
            async with sandbox.async_client() as client:
                return [user async for user in client.directory.users(sandbox.organization_id, sandbox.directory_id)]

        assert asyncio.run(count()) == users
    with headcount.Sandbox(organizations=2, directories=2, users=12, groups=3, seed=7) as again:
        client = again.client()
        assert [user.id for user in client.directory.users(again.organization_id, again.directory_id)] == [user.id for user in users]


def test_changes_are_sent_to_the_application_as_webhooks():
    with headcount.Sandbox(users=0, groups=0) as sandbox, application() as (url, deliveries):
        webhook = headcount.Webhook(sandbox.webhook_secret)
        sandbox.register_endpoint(url)

        def next_event():
            return webhook.verify(*deliveries.get(timeout=60))

        group = sandbox.create_group("Engineering")
        assert isinstance(group, headcount.Group) and next_event().data["display_name"] == "Engineering"
        user = sandbox.create_user(email="ada@example.com", given_name="Ada", groups=["Engineering"])
        assert isinstance(user, headcount.User) and [one.id for one in user.groups] == [group.id]
        event = next_event()
        assert isinstance(event, events.OrganizationDirectoryUserCreated)
        assert (event.organization_id, event.data["id"], event.data["email"]) == (sandbox.organization_id, user.id, user.email)
        assert sandbox.update_user(user.id, family_name="King").family_name == "King"
        assert isinstance(next_event(), events.OrganizationDirectoryUserUpdated)
        sandbox.update_user(user.id, active=False, groups=())
        assert next_event().data["active"] is False
        assert sandbox.update_group(group.id, "R&D").display_name == "R&D"
        assert isinstance(next_event(), events.OrganizationDirectoryGroupUpdated)
        client = sandbox.client()
        ids = sandbox.organization_id, sandbox.directory_id
        assert next(iter(client.directory.users(*ids))).groups == []
        sandbox.add_member(group.id, user.id)
        assert [one.display_name for one in next(iter(client.directory.users(*ids))).groups] == ["R&D"]
        sandbox.remove_member(group.id, user.id)
        assert next(iter(client.directory.users(*ids))).groups == []
        sandbox.delete_group(group.id)
        sandbox.delete_user(user.id)
        assert list(client.directory.users(*ids)) == list(client.directory.groups(*ids)) == []
        while not isinstance(next_event(), events.OrganizationDirectoryUserDeleted):
            pass


def test_refused_webhooks_are_sent_again_on_schedule():
    with headcount.Sandbox(users=0) as sandbox, application(500, 503) as (url, deliveries):
        sandbox.register_endpoint(url)
        assert sandbox.deliveries() == []
        sandbox.create_user("ada@example.com")
        first = deliveries.get(timeout=60)
        (waiting,) = settled(sandbox, "pending")
        assert waiting["attempts"][0]["status"] == 500 and waiting["next_attempt_at"] and waiting["url"] == url
        assert json.loads(waiting["body"])["id"] == waiting["event_id"]
        sandbox.advance("10s")
        second = deliveries.get(timeout=60)
        settled(sandbox, "pending", 2)
        sandbox.advance(timedelta(hours=1))
        third = deliveries.get(timeout=60)
        assert first[0] == second[0] == third[0] and dict(first[1])["webhook-id"] == dict(third[1])["webhook-id"]
        (delivered,) = settled(sandbox, "delivered", 3)
        assert [attempt["status"] for attempt in delivered["attempts"]] == [500, 503, 201]
        sandbox.advance(0.5)


def test_faults_make_calls_fail():
    with headcount.Sandbox() as sandbox:
        client = sandbox.client(max_attempts=1)
        list_one = client.organization.list_organizations
        sandbox.fault("503", every=2)
        assert len(list_one()) == 1
        with pytest.raises(headcount.ServerError):
            list_one()
        sandbox.fault("404", "429:0")
        with pytest.raises(headcount.NotFoundError):
            list_one()
        with pytest.raises(headcount.RateLimitError):
            list_one()
        for ended in ((), (None,)):
            sandbox.fault("500")
            sandbox.fault(*ended)
            assert len(list_one()) == 1
        with pytest.raises(headcount.BadRequestError, match="unknown fault"):
            sandbox.fault("slow")
        for wrong in (429, ["429"]):
            with pytest.raises(TypeError, match="fault"):
                sandbox.fault(wrong)


def test_tokens_expire_by_the_sandboxs_clock():
    with headcount.Sandbox(token_ttl=timedelta(minutes=10), speed=1.5) as sandbox:
        client = sandbox.client()
        client.organization.list_organizations()
        sandbox.advance("6h")
        client.organization.list_organizations()
        assert client.stats().token_renewals == 2


def test_invalid_calls_raise_the_clients_errors():
    with headcount.Sandbox(users=1) as sandbox:
        with pytest.raises(headcount.NotFoundError) as missing:
            sandbox.update_user("diruser_0", family_name="King")
        assert missing.value.status == 404 and str(missing.value)
        for call in (
            lambda: sandbox.delete_user("diruser_0"),
            lambda: sandbox.delete_group("dirgroup_0"),
            lambda: sandbox.update_group("dirgroup_0", "x"),
            lambda: sandbox.add_member("dirgroup_0", "diruser_0"),
            lambda: sandbox.create_user("a@b.example", organization_id="org_0"),
            lambda: sandbox.create_group("x", directory_id="dir_0"),
        ):
            with pytest.raises(headcount.NotFoundError):
                call()
        user, group = sandbox.create_user("ada@b.example"), sandbox.create_group("Pilots")
        for call in (
            lambda: sandbox.create_user("ada"),
            lambda: sandbox.create_user("a@b.example", groups=["unknown"]),
            lambda: sandbox.create_group(""),
            lambda: sandbox.update_user(user.id, email="ada"),
            lambda: sandbox.update_user(user.id, email=""),
            lambda: sandbox.update_group(group.id, ""),
        ):
            with pytest.raises(headcount.BadRequestError):
                call()
        for by in ("soon", "", -1, timedelta(seconds=-1), float("nan")):
            with pytest.raises(headcount.InvalidArgumentError):
                sandbox.advance(by)
        with pytest.raises(TypeError):
            sandbox.create_user("a@b.example", groups="Engineering")
        port = int(sandbox.environment_url.rsplit(":", 1)[1])
        with pytest.raises(headcount.ServerError, match=str(port)):
            headcount.Sandbox(port=port)
    with pytest.raises(headcount.InvalidArgumentError, match="port"):
        headcount.Sandbox(port=65536)
    with pytest.raises(headcount.BadRequestError, match="speed"):
        headcount.Sandbox(speed=0)
    with headcount.Sandbox(port=port, users=1) as again:
        assert again.environment_url.endswith(f":{port}")


def test_a_closed_or_dropped_sandbox_stops_listening():
    sandbox = headcount.Sandbox(users=1)
    url = sandbox.environment_url
    sandbox.close()
    sandbox.close()
    assert "closed" in repr(sandbox) and sandbox.environment_url == url
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        sandbox.deliveries()
    dropped = headcount.Sandbox(users=1)
    other = dropped.environment_url
    del dropped
    for gone in (url, other):
        with pytest.raises(urllib.error.URLError):
            OPENER.open(gone, timeout=30)


def test_threads_can_share_a_sandbox():
    with headcount.Sandbox(users=0) as sandbox:
        created = []

        def create_users(number):
            created.extend(sandbox.create_user(f"p{number}-{one}@example.com").id for one in range(50))

        threads = [threading.Thread(target=create_users, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        users = sandbox.client().directory.users(sandbox.organization_id, sandbox.directory_id)
        assert {user.id for user in users} == set(created) and len(set(created)) == 200


def in_child(sandbox, answers):
    results = []
    try:
        sandbox.deliveries()
    except headcount.InvalidArgumentError as error:
        results.append(str(error))
    results.append(len(sandbox.client().organization.list_organizations()))
    sandbox.close()
    del sandbox
    answers.put(results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_cannot_use_its_parents_sandbox():
    sandbox = headcount.Sandbox(users=1)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=in_child, args=(sandbox, answers))
    child.start()
    refused, organizations = answers.get(timeout=60)
    child.join()
    assert child.exitcode == 0 and "fork" in refused and organizations == 1
    assert sandbox.create_user("ada@example.com").email == "ada@example.com"
    sandbox.close()
