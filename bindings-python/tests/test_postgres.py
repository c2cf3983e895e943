"""The mirror in a PostgreSQL database. The scenarios (test_scenarios.py) and the forks (test_processes.py) run there as well."""

import asyncio
import concurrent.futures
import contextlib
import datetime
import os
import pathlib
import subprocess
import sys
import textwrap
import time
import urllib.parse

import postgres
import pytest

import headcount

LIMIT = 120  # seconds


@pytest.fixture
def environment():
    with headcount.Sandbox(users=5, groups=1, seed=1) as sandbox:
        yield sandbox


def psql_command():
    """Returns the command of a session of the server, which reads SQL from its standard input."""
    return [postgres.binaries() / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", postgres.url()]


def psql(sql):
    """Runs SQL on the server. Returns the words of its output."""
    command = [*psql_command(), "-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=LIMIT).stdout.split()


def named(application):
    """Returns the URL of the database, with an application name for the connections."""
    return f"{postgres.url()}&{urllib.parse.urlencode({'application_name': application})}"


def connections(application):
    """Returns the server's process ids of the connections with this application name."""
    return set(psql(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{application}'"))


def listens(application):
    """Whether a connection with this application name listens for notifications."""
    return bool(psql(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{application}' AND query LIKE 'LISTEN%'"))


def test_mirrors_of_one_schema_share_their_rows_and_their_feed(environment):
    schema = postgres.schema("shared")
    with headcount.Mirror(postgres.url(), schema=schema, client=environment.client()) as mirror:
        (report,) = mirror.sync(environment.organization_id)
        assert report.created == 5
        with headcount.Mirror(postgres.url(), schema=schema) as other:
            change = next(other.changes("app", timeout=0))
            change.ack()
            assert len(list(other.users(environment.organization_id))) == 5
        assert mirror.poll("app", limit=1)[0].seq == change.seq + 1
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        mirror.status()
    assert psql(f"SELECT nspname FROM pg_namespace WHERE nspname = '{schema}'") == [schema]


def test_an_async_mirror_in_postgresql_wakes_a_consumer_and_ends_its_loop_when_it_is_closed(environment):
    async def main():
        mirror = headcount.AsyncMirror(postgres.url(), schema=postgres.schema("asyncio"), client=environment.async_client())
        kinds = []

        async def consume():
            async for change in mirror.changes("app"):
                kinds.append(change.kind)
                await change.ack()
                if kinds.count("user.created") == 5:
                    await mirror.close()

        await asyncio.wait_for(asyncio.gather(consume(), mirror.sync(environment.organization_id), return_exceptions=True), LIMIT)
        return kinds

    assert asyncio.run(main()).count("user.created") == 5


def test_a_consumer_with_notifications_listens_while_it_waits_for_another_mirrors_changes(environment):
    application, schema = postgres.schema("listens"), postgres.schema("notified")
    with headcount.Mirror(f"{named(application)}&notify=true", schema=schema) as mirror:
        with headcount.Mirror(postgres.url(), schema=schema, client=environment.client()) as other:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                changes = mirror.changes("app", timeout=LIMIT)
                waiting = pool.submit(next, changes)
                deadline = time.monotonic() + LIMIT
                while not listens(application):
                    assert time.monotonic() < deadline
                other.sync(environment.organization_id)
                assert waiting.result(LIMIT).seq == 1


@pytest.mark.parametrize("mirror", [headcount.Mirror, headcount.AsyncMirror])
def test_errors_of_opening_have_no_password(mirror):
    for url, schema, error in [
        ("postgresql://app:hunter2@127.0.0.1:9/mirror?sslmode=disable&connect_timeout=1", None, headcount.StoreError),
        ("postgres://app:hunter2@localhost/mirror?sslmode=sometimes", None, headcount.ConfigError),
        ("postgres://app:hunter2@localhost/mirror?hunter2=1", None, headcount.ConfigError),
        ("postgresql://app:hunter2@localhost/mirror", "Directories", headcount.ConfigError),
        # A path has one slash where the URL has two.
        (pathlib.Path("postgresql://app:hunter2@localhost/mirror"), None, headcount.ConfigError),
        ("postgresql+psycopg://app:hunter2@localhost/mirror", None, headcount.ConfigError),
    ]:
        with pytest.raises(error) as raised:
            mirror(url, schema=schema)
        assert "hunter2" not in f"{raised.value} {raised.value!r} {raised.value.__dict__}"
    with pytest.raises(headcount.ConfigError, match="a schema is set for a mirror in a file"):
        mirror(":memory:", schema="directories")
    with pytest.raises(TypeError, match="schema"):
        mirror(postgres.url(), schema=5)


@pytest.mark.parametrize("mirror", [headcount.Mirror, headcount.AsyncMirror])
def test_options_that_postgresql_cannot_use_and_those_for_a_file_are_refused(mirror):
    for options, message in [
        ({"connections": 0}, "expected at least 1 connection, got 0"),
        ({"lock_timeout": 0}, "expected a lock timeout of at least 1 millisecond, got 0ns"),
        ({"statement_timeout": datetime.timedelta(microseconds=5)}, "expected a statement timeout of at least 1 millisecond, got 5µs"),
    ]:
        with pytest.raises(headcount.ConfigError, match=message):
            mirror(postgres.url(), schema=postgres.schema("refused"), **options)
    for options, message in [
        ({"connections": 1}, "a number of connections is set for a mirror in a file"),
        ({"lock_timeout": 1}, "a lock timeout is set for a mirror in a file"),
        ({"statement_timeout": 1}, "a statement timeout is set for a mirror in a file"),
        ({"prepared_statements": False}, "the option for prepared statements is set for a mirror in a file"),
    ]:
        with pytest.raises(headcount.ConfigError, match=message):
            mirror(":memory:", **options)
    for options, message in [({"connections": -1}, "connections"), ({"lock_timeout": -1}, "lock_timeout")]:
        with pytest.raises(headcount.InvalidArgumentError, match=message):
            mirror(postgres.url(), **options)
    with pytest.raises(TypeError, match="prepared_statements"):
        mirror(postgres.url(), prepared_statements="yes")


def test_calls_of_several_threads_share_the_only_connection():
    application, schema = postgres.schema("one"), postgres.schema("one_connection")
    with headcount.Mirror(named(application), schema=schema, connections=1, prepared_statements=True) as mirror:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: mirror.status(), range(32))) == [[]] * 32
        assert len(connections(application)) == 1


@contextlib.contextmanager
def writes_blocked(schema):
    """Makes the writes of the mirrors in a schema wait, by a lock of another session."""
    with subprocess.Popen(psql_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as session:
        print(f"BEGIN; LOCK TABLE {schema}.scope; SELECT 'locked';", file=session.stdin, flush=True)
        assert session.stdout.readline().strip() == "locked"
        yield
        # At the end of its input, the session ends, and its transaction with it.
        session.stdin.close()


@pytest.mark.parametrize(
    "options, message",
    [({"lock_timeout": 0.2}, "the lock timeout"), ({"statement_timeout": datetime.timedelta(milliseconds=200)}, "the statement timeout")],
)
def test_a_write_that_waits_too_long_for_another_transaction_fails(options, message):
    schema = postgres.schema("waits")
    with headcount.Mirror(postgres.url(), schema=schema, **options) as mirror:
        with writes_blocked(schema), pytest.raises(headcount.StoreError, match=message):
            mirror.set_role_map([("Engineering", "developer")])
        mirror.set_role_map([("Engineering", "developer")])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_makes_connections_of_its_own_and_leaves_its_parents_open(environment):
    application = postgres.schema("fork")
    text = """
        import os, sys, headcount
        url, schema, *credentials, org = sys.argv[1:]
        mirror = headcount.Mirror(url, schema=schema, client=headcount.Client(*credentials))
        changes = mirror.changes("app", timeout=0)
        mirror.sync(org)
        change = next(changes)
        print("parent", flush=True)
        sys.stdin.readline()
        child = os.fork()
        if child == 0:
            # Handles of the parent are dropped here, and must not close or use its connections.
            try:
                next(changes)
            except headcount.InvalidArgumentError as error:
                assert "fork" in str(error), error
            del changes
            assert len(mirror.poll("other", limit=3)) == 3
            print("child", flush=True)
            sys.stdin.readline()
            mirror.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        change.ack()
        assert len(list(mirror.users(org))) == 5
        print("after", flush=True)
        sys.stdin.readline()
    """
    credentials = [environment.environment_url, environment.client_id, environment.client_secret]
    command = [sys.executable, "-c", textwrap.dedent(text), named(application), postgres.schema("forked"), *credentials]
    with subprocess.Popen([*command, environment.organization_id], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:

        def step(expected):
            """Waits for this line of the program, returns the program's connections, and lets it continue."""
            assert program.stdout.readline().strip() == expected
            found = connections(application)
            print("", file=program.stdin, flush=True)
            return found

        before, during, after = step("parent"), step("child"), step("after")
        assert program.wait(LIMIT) == 0
    assert before, "the parent has connections"
    assert before < during, "the child has made others, and the parent's are open"
    assert before <= after, "the parent uses the connections that it had before the fork"
