"""Logging of the mirror, context variables in callbacks, pickled records, and subinterpreters."""

import asyncio
import contextvars
import http.server
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time

import pytest

import headcount

REQUEST = contextvars.ContextVar("request", default="none")


class Records(logging.Handler):
    """Keeps each log record with the value that the context variable had when it was written."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append((record, REQUEST.get()))


@pytest.fixture
def records():
    logger, handler = logging.getLogger("headcount"), Records()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.kept
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_callbacks_and_log_records_have_the_callers_context_variables(records):
    with headcount.Sandbox(users=5, groups=1) as sandbox:
        client = sandbox.client()
        mirror = headcount.Mirror(":memory:", client=client)
        seen = []
        token = REQUEST.set("request 1")
        mirror.sync(sandbox.organization_id, sandbox.directory_id, on_progress=lambda _: seen.append(REQUEST.get()))
        client.directory.list_directories(sandbox.organization_id)
        REQUEST.reset(token)
        assert set(seen) == {"request 1"}
        ours = [value for record, value in records if record.headcount.get("operation") == "list directories"]
        assert ours and set(ours) == {"request 1"}
        mirrors = [value for record, value in records if hasattr(record, "run")]
        assert mirrors and set(mirrors) == {"request 1"}
        records.clear()
        client.directory.list_directories(sandbox.organization_id)
        assert {value for _, value in records} == {"none"}


@pytest.mark.skipif(os.name == "nt", reason="files have no modes on Windows")
def test_the_warning_about_a_files_mode_has_the_callers_context_variables(records, tmp_path):
    path = tmp_path / "mirror.db"
    headcount.Mirror(path).close()
    path.chmod(0o644)
    token = REQUEST.set("request 1")
    headcount.Mirror(path).close()
    REQUEST.reset(token)
    # Another thread opens the file and logs the warning.
    assert [value for record, value in records if "chmod" in record.getMessage()] == ["request 1"]


def test_callbacks_and_log_records_have_the_context_variables_of_the_task(records):
    async def sync(name, client, sandbox):
        REQUEST.set(name)
        seen = []
        mirror = headcount.AsyncMirror(":memory:", client=client)
        await mirror.sync(sandbox.organization_id, sandbox.directory_id, on_progress=lambda _: seen.append(REQUEST.get()))
        await client.directory.get_directory(sandbox.organization_id, sandbox.directory_id)
        return set(seen)

    async def both(sandbox):
        async with sandbox.async_client() as client:
            return await asyncio.gather(sync("task 1", client, sandbox), sync("task 2", client, sandbox))

    with headcount.Sandbox(users=5, groups=1) as sandbox:
        assert asyncio.run(both(sandbox)) == [{"task 1"}, {"task 2"}]
    assert {value for record, value in records if record.headcount.get("operation") == "get directory"} == {"task 1", "task 2"}
    assert {value for record, value in records if hasattr(record, "run")} == {"task 1", "task 2"}


def test_log_records_of_pages_that_are_read_ahead_have_the_callers_context_variables(records):
    with headcount.Sandbox(users=9, groups=1) as sandbox:
        client = sandbox.client()
        ids = sandbox.organization_id, sandbox.directory_id
        token = REQUEST.set("request 1")
        assert len(list(client.directory.users(*ids, page_size=2))) == 9
        REQUEST.reset(token)
        pages = [value for record, value in records if record.headcount.get("operation") == "list directory users"]
        assert len(pages) >= 5 and set(pages) == {"request 1"}

        async def listed():
            REQUEST.set("task 1")
            async with sandbox.async_client() as client:
                return [user async for user in client.directory.users(*ids, page_size=2)]

        records.clear()
        assert len(asyncio.run(listed())) == 9
        pages = [value for record, value in records if record.headcount.get("operation") == "list directory users"]
        assert len(pages) >= 5 and set(pages) == {"task 1"}


def test_log_records_of_all_organizations_of_a_sync_have_the_callers_context_variables(records):
    with headcount.Sandbox(organizations=3, users=70, groups=2) as sandbox:
        mirror = headcount.Mirror(":memory:", client=sandbox.client())
        token = REQUEST.set("request 1")
        assert len(mirror.sync_all(concurrency=3)) == 3
        REQUEST.reset(token)
    ended = [record for record, _ in records if getattr(record, "run", None) is not None]
    pages = [record for record, _ in records if record.headcount.get("operation") == "list directory users"]
    assert len(ended) >= 3 and len(pages) >= 6
    assert {value for _, value in records} == {"request 1"}


class Tokens(http.server.BaseHTTPRequestHandler):
    """Answers requests for a token alternately with a token that expires after one second and with an error. Answers other
    requests with an empty list of directories.
    """

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        if self.server.asked % 2 == 1:
            self.answer(200, {"access_token": "token", "expires_in": 1})
        else:
            self.answer(500, {})

    def do_GET(self):
        self.answer(200, {"directories": []})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_log_records_of_a_tokens_renewal_in_the_background_have_the_callers_context_variables(records):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        server.daemon_threads, server.asked = True, 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = headcount.Client(f"http://127.0.0.1:{server.server_address[1]}", "id", "secret", max_attempts=1)
        token = REQUEST.set("request 1")
        renewals, end = [], time.monotonic() + 60
        while not renewals and time.monotonic() < end:
            # The token expires after a second. A call in the last tenth of that second renews it in the background. If no call came then, the next
            # call renews the token itself, and fails if the renewal fails.
            try:
                client.directory.list_directories("org_1")
            except headcount.ServerError:
                pass
            renewals = [value for record, value in records if record.headcount.get("kind") == "token_renewal_failed"]
        REQUEST.reset(token)
        server.shutdown()
    assert renewals == ["request 1"]
    assert {value for _, value in records} == {"request 1"}


def test_the_mirror_logs_syncs_and_what_its_guard_holds(records):
    with headcount.Sandbox(users=60, groups=1) as sandbox:
        client = sandbox.client()
        mirror = headcount.Mirror(":memory:", client=client, webhook_secret=sandbox.webhook_secret)
        ids = sandbox.organization_id, sandbox.directory_id
        mirror.sync(*ids)
        ended = [record for record, _ in records if record.levelno == logging.INFO and getattr(record, "run", None) is not None]
        assert ended, [record.getMessage() for record, _ in records]
        assert (ended[-1].organization_id, ended[-1].directory_id) == ids
        assert ended[-1].headcount["organization_id"] == sandbox.organization_id

        for user in list(client.directory.users(*ids))[:50]:
            sandbox.delete_user(user.id)
        records.clear()
        with pytest.raises(headcount.MassRemovalError):
            mirror.sync(*ids, mode="full")
        held = [record for record, _ in records if record.levelno == logging.WARNING]
        assert held, [record.getMessage() for record, _ in records]
        assert (held[-1].organization_id, held[-1].directory_id) == ids and held[-1].run
        text = "\n".join(record.getMessage() for record, _ in records)
        assert "@" not in text and sandbox.client_secret not in text


def test_the_warning_of_a_failed_sync_has_the_request_id_of_the_servers_answer(records):
    with headcount.Sandbox(users=3, groups=1) as sandbox:
        mirror = headcount.Mirror(":memory:", client=sandbox.client(max_attempts=1))
        sandbox.fault("503", every=2)  # the listing of directories is answered
        with pytest.raises(headcount.ServerError) as raised:
            mirror.sync(sandbox.organization_id, sandbox.directory_id)
    warnings = [record for record, _ in records if record.levelno == logging.WARNING and hasattr(record, "run")]
    assert [record.request_id for record in warnings] == [raised.value.request_id]
    assert raised.value.request_id


def test_records_can_be_pickled():
    with headcount.Sandbox(users=30, groups=1) as sandbox:
        client = sandbox.client()
        mirror = headcount.Mirror(":memory:", client=client)
        ids = sandbox.organization_id, sandbox.directory_id
        reports = [mirror.sync(*ids), mirror.sync(*ids, mode="full")]
        mirror.poll("consumer")
        for record in [*reports, *mirror.status(), *mirror.consumers(), *mirror.directories()]:
            copy = pickle.loads(pickle.dumps(record))
            assert type(copy) is type(record) and copy.to_dict() == record.to_dict() and copy == record


def test_sync_all_raises_the_error_of_listing_the_organizations():
    with headcount.Sandbox(users=3, groups=1) as sandbox:
        mirror = headcount.Mirror(":memory:", client=sandbox.client(max_attempts=1))
        sandbox.fault("503")
        with pytest.raises(headcount.ServerError):
            mirror.sync_all()


def test_a_report_with_an_error_can_be_pickled():
    with headcount.Sandbox(users=3, groups=1) as sandbox:
        mirror = headcount.Mirror(":memory:", client=sandbox.client())
        sandbox.fault("403", every=3)
        report = next(one for one in (mirror.sync_all() for _ in range(20)) if one and one[0].error)[0]
        copy = pickle.loads(pickle.dumps(report))
        assert isinstance(copy.error, headcount.PermissionDeniedError) and str(copy.error) == str(report.error)
        assert copy == report and copy.outcome == "failed"


def test_a_subinterpreter_is_refused_and_the_process_exits():
    code = """
import headcount, sys
if sys.version_info < (3, 13):
    import _xxsubinterpreters as interpreters
    second = interpreters.create()
    try:
        interpreters.run_string(second, "import headcount")
    except interpreters.RunFailedError as error:
        print(error)
else:
    import _interpreters as interpreters
    second = interpreters.create("legacy")
    print(interpreters.exec(second, "import headcount").formatted)
headcount.Mirror(":memory:").status()
print("done", flush=True)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=dict(os.environ))
    assert ended.returncode == 0, ended.stderr
    assert "ImportError" in ended.stdout and "main interpreter" in ended.stdout and "done" in ended.stdout
