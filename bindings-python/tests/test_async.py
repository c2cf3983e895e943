"""AsyncClient against the sandbox and a faulty server, and features of both clients: settings, logging, stats, organizations."""

import asyncio
import http.server
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest

import headcount

# No test sets a proxy: requests to http:// on loopback do not use one.


def test_the_async_client_lists_reads_and_changes_organizations_and_directories(sandbox):
    sandbox = sandbox(organizations=15, users=75, groups=5)
    org, directory_id = sandbox.ids

    async def main():
        async with headcount.AsyncClient(*sandbox.credentials) as client:
            page = await client.organization.list_organizations(page_size=10)
            assert (len(page), page.total_size) == (10, 15)
            assert len([one async for one in client.organization.all()]) == 15
            first = await client.organization.get_organization(org)
            assert first == await client.organization.get_organization_by_external_id(first.external_id)
            made = await client.organization.create_organization("Söhne", external_id="t_9", metadata={"plan": "team"})
            changed = await client.organization.update_organization(made.id, display_name="Töchter")
            assert (changed.display_name, changed.external_id, changed.metadata) == ("Töchter", "t_9", {"plan": "team"})
            assert await client.organization.delete_organization(made.id) is None
            with pytest.raises(headcount.NotFoundError):
                await client.organization.get_organization(made.id)

            directories = await client.directory.list_directories(org)
            assert directories[0] == await client.directory.get_primary_directory_by_organization_id(org)
            assert directories[0] == await client.directory.get_directory(org, directory_id)
            assert (await client.directory.disable_directory(org, directory_id)).enabled is False
            assert (await client.directory.enable_directory(org, directory_id)).enabled is True
            users = await client.directory.list_directory_users(org, directory_id, page_size=30, include_detail=True)
            assert (len(users), users.total_size) == (30, 75) and isinstance(users[0].user_detail, dict)
            groups = await client.directory.list_directory_groups(org, directory_id)
            everybody = [user async for user in client.directory.users(org, directory_id)]
            assert len({user.id for user in everybody}) == 75
            members = [user async for user in client.directory.users(org, directory_id, directory_group_id=groups[0].id)]
            assert len(members) == groups[0].total_users
            assert len([group async for group in client.directory.groups(org, directory_id, page_size=2)]) == 5
            assert repr(client) == "<headcount.AsyncClient>"
        with pytest.raises(headcount.InvalidArgumentError, match="closed"):
            await client.organization.list_organizations()

    asyncio.run(main())


def test_tasks_can_share_a_client_and_an_iterator(sandbox):
    sandbox = sandbox(users=300)

    async def main():
        client = headcount.AsyncClient(*sandbox.credentials)
        pages = await asyncio.gather(*(client.directory.list_directory_users(*sandbox.ids) for _ in range(50)))
        assert len(set(pages)) == 1
        # create_task accepts coroutine objects only.
        task = asyncio.create_task(client.organization.list_organizations())
        assert len(await task) == 1
        users = client.directory.users(*sandbox.ids)

        async def read():
            return [user.id async for user in users]

        shares = await asyncio.gather(*(read() for _ in range(8)))
        assert sorted(sum(shares, [])) == sorted({id for share in shares for id in share}) and sum(map(len, shares)) == 300
        with pytest.raises(StopAsyncIteration):
            await users.__anext__()

    before = threading.active_count()
    asyncio.run(main())
    asyncio.run(main())  # another loop, the same runtime
    assert threading.active_count() == before


def test_cancelling_a_task_ends_its_call(sandbox):
    sandbox = sandbox()
    sandbox.fault("latency:30s")

    async def main():
        client = headcount.AsyncClient(*sandbox.credentials)
        task = asyncio.create_task(client.organization.list_organizations())
        while client.stats().requests == 0:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.directory.list_directories("org_1"), 0.05)
        with pytest.raises(headcount.TimeoutError):
            await client.organization.list_organizations(timeout=timedelta(milliseconds=50))

    asyncio.run(main())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_listing_returns_each_user_once_despite_many_faults(sandbox, asynchronous):
    sandbox = sandbox(users=3000)
    sandbox.fault("429:0", "500", "503", "reset", "truncate", "garbage", "expire-token", every=7)
    options = {"retry_base": 0.001, "retry_cap": 0.01}
    if asynchronous:

        async def main():
            client = headcount.AsyncClient(*sandbox.credentials, **options)
            return [user.id async for user in client.directory.users(*sandbox.ids)], client.stats()

        ids, stats = asyncio.run(main())
    else:
        client = sandbox.client(**options)
        ids, stats = [user.id for user in client.directory.users(*sandbox.ids)], client.stats()
    assert (len(ids), len(set(ids)), stats.pages) == (3000, 3000, 100)
    assert stats.retries > 0 and stats.throttled > 0 and stats.requests > 100 + stats.retries and stats.bytes > 100_000


class Faulty(http.server.BaseHTTPRequestHandler):
    """Answers with the fault that the organization's id names, and counts requests. With the suffix "-once", only the first request fails."""

    protocol_version = "HTTP/1.1"
    seen: dict = {}

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200, b'{"access_token":"t0ken","expires_in":3600}')

    def do_GET(self):
        fault = self.path.rsplit("/", 1)[1]
        count = self.seen[fault] = self.seen.get(fault, 0) + 1
        good = b'{"organization":{"id":"org_1"}}'
        name, _, once = fault.partition("-")
        if once and count > 1:
            return self.answer(200, good)
        if name.isdigit():
            return self.answer(int(name), b'{"message":"as the test has it"}')
        if name == "wait":
            return self.answer(429, retry_after="0")
        if name == "absurd":
            return self.answer(429, retry_after="99999999999999999999")
        if name == "html":
            return self.answer(200, b"<html>ada@example.com</html>")
        if name == "wrong":
            return self.answer(200, b'{"organization":{"id":["ada@example.com"]}}')
        if name == "array":
            return self.answer(200, b"[]")
        if name == "junk":
            return self.answer(200, b"junk" * (10 << 18))
        if name == "redirect":
            return self.answer(302, location="https://elsewhere.example/")
        if name == "half":
            self.send_response(200)
            self.send_header("content-length", str(len(good)))
            self.end_headers()
            self.wfile.write(good[:9])
        self.close_connection = True  # for "half" after part of an answer, for "reset" without one


# Each fault, the error that the call raises (None if it succeeds), and the number of requests that it sends.
FAULTS = [
    ("401", headcount.AuthenticationError, 2),
    ("401-once", None, 2),
    ("403", headcount.PermissionDeniedError, 1),
    ("404", headcount.NotFoundError, 1),
    ("wait-once", None, 2),
    ("absurd", headcount.RateLimitError, 1),
    ("500", headcount.ServerError, 3),
    ("503-once", None, 2),
    ("html", headcount.DecodeError, 3),
    ("wrong", headcount.DecodeError, 1),
    ("array", headcount.DecodeError, 1),
    ("junk", headcount.DecodeError, 1),
    ("redirect", headcount.ApiError, 1),
    ("half", headcount.ConnectionError, 3),
    ("half-once", None, 2),
    ("reset", headcount.ConnectionError, 3),
    ("reset-once", None, 2),
]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_each_fault_is_retried_or_raised_as_its_error(asynchronous):
    Faulty.seen = {}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    kind = headcount.AsyncClient if asynchronous else headcount.Client

    async def asynchronously(call):
        return await call()

    for fault, error, requests in FAULTS:
        client = kind(url, "skc_1", "secret", max_attempts=3, retry_base=0.001, retry_cap=0.002, timeout=20)
        call = lambda: client.organization.get_organization(fault)  # noqa: E731
        ask = (lambda: asyncio.run(asynchronously(call))) if asynchronous else call
        if error is None:
            assert ask().id == "org_1", fault
        else:
            with pytest.raises(error) as caught:
                ask()
            assert "ada@" not in str(caught.value) and "t0ken" not in repr(caught.value)
        assert Faulty.seen[fault] == requests, fault
    server.shutdown()
    server.server_close()


def test_organizations_are_created_updated_and_deleted(sandbox):
    client = sandbox().client()
    made = client.organization.create_organization("Acme", external_id="t_1", metadata={"plan": "team"})
    assert (made.display_name, made.external_id, made.metadata) == ("Acme", "t_1", {"plan": "team"})
    changed = client.organization.update_organization(organization_id=made.id, display_name="Acme & Söhne", slug="acme")
    assert (changed.display_name, changed.slug, changed.external_id) == ("Acme & Söhne", "acme", "t_1")
    client.organization.delete_organization(made.id)
    with pytest.raises(headcount.NotFoundError):
        client.organization.delete_organization(made.id)
    with pytest.raises(headcount.BadRequestError):
        client.organization.create_organization("")


def test_requests_and_retries_are_logged(sandbox, caplog):
    sandbox = sandbox(users=20)
    client = sandbox.client(retry_base=0.001)
    sandbox.fault("503", every=2)
    with caplog.at_level(logging.DEBUG, "headcount"):
        for _ in range(3):
            client.directory.list_directory_users(*sandbox.ids)
    kinds = [record.headcount["kind"] for record in caplog.records]
    assert {"request", "retry", "token_renewed"} <= set(kinds)
    retry = next(record for record in caplog.records if record.headcount["kind"] == "retry")
    assert (retry.levelno, retry.headcount["status"]) == (logging.INFO, 503)
    text = caplog.text
    assert "GET /api/v1/organizations/{organization}/directories/{directory}/users 200" in text
    assert sandbox.organization_id not in text and sandbox.credentials[2] not in text
    caplog.clear()
    with caplog.at_level(logging.WARNING, "headcount"):
        client.directory.list_directory_users(*sandbox.ids)
    assert not caplog.records


def test_the_error_names_the_setting_that_cannot_be_used(tmp_path):
    for options, name in [
        ({"ca_file": tmp_path / "none.pem"}, "ca_file"),
        ({"proxy": "ftp://me:hunter2@proxy"}, "proxy"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"max_response_bytes": 0}, "max_response_bytes"),
        ({"user_agent_suffix": "a\nb"}, "user_agent_suffix"),
        ({"connect_timeout": 0}, "connect_timeout"),
    ]:
        for kind in (headcount.Client, headcount.AsyncClient):
            with pytest.raises(headcount.ConfigError, match=name) as caught:
                kind("https://acme.example", "skc_1", "secret", **options)
            assert "hunter2" not in str(caught.value)
    for options in ({"retry_budget": -1}, {"max_concurrency": 1 << 40}):
        with pytest.raises(headcount.InvalidArgumentError):
            headcount.Client("https://acme.example", "skc_1", "secret", **options)


def test_ctrl_c_ends_a_blocking_call(sandbox):
    sandbox = sandbox()
    sandbox.fault("latency:30s")
    code = """if True:
        import headcount, time
        client = headcount.Client.from_env()
        print("calling", flush=True)
        try:
            client.organization.list_organizations()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, **sandbox.env}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "calling\n"
    # Waits until the request has reached the server, so that the signal arrives during the call.
    while "/api/v1/organizations" not in str(sandbox.control("GET", "/requests")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=25)
    assert (process.returncode, out) == (0, "interrupted\n")


def test_the_interpreter_can_exit_as_soon_as_the_last_result_is_delivered():
    """A thread of the runtime may still be attached to the interpreter when the program exits. When the exit did not wait for such threads, one
    program in ten failed, so this test runs twenty.
    """
    code = """if True:
        import asyncio, headcount

        async def main():
            async with headcount.AsyncMirror(":memory:") as mirror:
                await mirror.poll("app")

        asyncio.run(main())
    """
    for _ in range(20):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
