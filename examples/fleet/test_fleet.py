"""Runs the programs' parts on a sandbox, in the schemas of one test. Needs PostgreSQL 15 or later: TEST_DATABASE_URL is the URL of a database for tests."""

import os
import secrets
from contextlib import closing

import psycopg
import pytest

import headcount


@pytest.fixture
def settings(monkeypatch):
    """The module with the settings, for a database of this test's own."""
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        pytest.fail("set TEST_DATABASE_URL to the URL of a PostgreSQL server where the test may create a database", pytrace=False)
    name = f"fleet_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        start, separator, query = server.partition("?")
        monkeypatch.setenv("DATABASE_URL", start.rsplit("/", 1)[0] + f"/{name}{separator}{query}")
        import settings

        yield settings
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.headcount_sandbox(users=20, groups=2)
def test_a_worker_creates_and_locks_the_accounts_of_a_directory(headcount_sandbox, headcount_deliver, settings):
    import receiver
    import worker

    def work():
        """Handles the changes that are there, as a worker does."""
        with settings.open_mirror() as mirror, closing(settings.open_accounts()) as accounts:
            mirror.set_role_map(worker.ROLES)
            for change in mirror.changes("test", timeout=0):
                worker.handle(change, accounts)
                change.ack()
            return accounts.count()

    with headcount.Client.from_env() as client, settings.open_mirror(client) as mirror:
        assert [report.outcome for report in mirror.sync_all()] == ["done"]
    assert work() == "20 accounts, 20 active"

    ada = headcount_sandbox.create_user("ada@example.com")
    about = {"organization_id": headcount_sandbox.organization_id, "directory_id": headcount_sandbox.directory_id, "path": "/webhooks/scalekit"}
    user = {"id": ada.id, "email": ada.email}
    assert headcount_deliver.asgi(receiver.app, "organization.directory.user_created", data=user, **about) == 201
    assert work() == "21 accounts, 21 active"
    headcount_sandbox.delete_user(ada.id)
    assert headcount_deliver.asgi(receiver.app, "organization.directory.user_deleted", data=user, **about) == 201
    assert work() == "21 accounts, 20 active"
    receiver.mirror.close()
