"""Runs the application on a sandbox: the cron job, the worker and the endpoint."""

import threading
from contextlib import closing

import pytest

import cron
import endpoint
import provision
import settings


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRROR", str(tmp_path / "mirror.db"))
    monkeypatch.setenv("ACCOUNTS", str(tmp_path / "accounts.db"))


def accounts():
    provision.main(["--once"])
    with closing(settings.open_accounts()) as table:
        return table.count()


@pytest.mark.headcount_sandbox(users=20, groups=2)
def test_every_user_of_the_directory_has_an_account(headcount_sandbox, capsys):
    assert cron.main([]) == 0
    assert "done, 20 new" in capsys.readouterr().out
    assert accounts() == "20 accounts, 20 active"


@pytest.mark.headcount_sandbox(users=20, groups=2)
def test_webhooks_create_and_lock_accounts(headcount_sandbox, headcount_deliver):
    assert cron.main([]) == 0
    ada = headcount_sandbox.create_user("ada@example.com")
    about = {"organization_id": headcount_sandbox.organization_id, "directory_id": headcount_sandbox.directory_id}
    user = {"id": ada.id, "email": ada.email}
    with settings.open_mirror() as mirror, endpoint.server(mirror, 0) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        try:
            assert headcount_deliver(url, "organization.directory.user_created", data=user, **about) == 201
            assert accounts() == "21 accounts, 21 active"
            headcount_sandbox.delete_user(ada.id)
            assert headcount_deliver(url, "organization.directory.user_deleted", data=user, **about) == 201
            assert accounts() == "21 accounts, 20 active"
        finally:
            server.shutdown()
