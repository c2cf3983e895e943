"""The client against the sandbox."""

import copy
import http.server
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest

import headcount


def test_the_client_lists_and_reads_organizations_directories_users_and_groups(sandbox):
    sandbox = sandbox(organizations=15, users=75, groups=5)
    org, directory_id = sandbox.ids
    with sandbox.client() as client:
        page = client.organization.list_organizations(page_size=10)
        assert (len(page.organizations), len(page), page.total_size) == (10, 10, 15)
        rest = client.organization.list_organization(page_size=10, page_token=page.next_page_token)
        assert len(rest.organizations) == 5 and rest.next_page_token == ""
        assert len({organization.id for organization in client.organization.all()}) == 15
        organization = client.organization.get_organization(org)
        assert organization == client.organization.get_organization(organization_id=org)
        assert organization == client.organization.get_organization_by_external_id(organization.external_id)
        assert client.organization.list_organizations(external_id=organization.external_id).organizations == [organization]

        directories = client.directory.list_directories(org)
        directory = client.directory.get_directory(organization_id=org, directory_id=directory_id)
        assert directories[0] == directory == client.directory.get_primary_directory_by_organization_id(org)
        assert client.directory.disable_directory(org, directory_id).enabled is False
        assert client.directory.enable_directory(org, directory_id).to_dict() == {"enabled": True, "error_message": ""}

        users = client.directory.list_directory_users(org, directory_id, page_size=30, include_detail=True)
        assert (len(users.users), users.total_size) == (30, 75)
        user = users.users[0]
        assert user.updated_at.tzinfo is not None
        assert isinstance(user.user_detail, dict) and user.user_detail is user.user_detail
        assert client.directory.list_directory_users(org, directory_id, page_size=1).users[0].user_detail is None
        groups = client.directory.list_directory_groups(org, directory_id, include_detail=True, include_external_groups=False)
        assert len(groups.groups) == 5
        members = list(client.directory.users(org, directory_id, directory_group_id=groups.groups[0].id))
        assert len(members) == groups.groups[0].total_users
        everybody = list(client.directory.users(org, directory_id))
        assert len({user.id for user in everybody}) == 75
        assert len(list(client.directory.groups(org, directory_id, page_size=2))) == 5
        moments = sorted(user.updated_at for user in everybody)
        for after in (moments[40], moments[40].isoformat(), moments[40].astimezone(timezone(timedelta(hours=-7)))):
            assert 30 <= len(list(client.directory.users(org, directory_id, updated_after=after))) < 75
        assert list(client.directory.users(org, directory_id, updated_after="2099-01-01T00:00:00Z")) == []
    with pytest.raises(headcount.InvalidArgumentError, match="closed"):
        client.organization.list_organizations()


def test_records_are_compared_hashed_and_pickled_by_value(sandbox):
    sandbox = sandbox(users=40, groups=3)
    client = sandbox.client()
    page = client.directory.list_directory_users(*sandbox.ids, include_detail=True)
    objects = [page, page[0], client.directory.get_directory(*sandbox.ids)]
    objects += [client.organization.get_organization(sandbox.organization_id)]
    objects += [client.directory.list_directory_groups(*sandbox.ids)[0], client.directory.enable_directory(*sandbox.ids)]
    for one in objects:
        again = pickle.loads(pickle.dumps(one))
        assert again == one == copy.copy(one) == copy.deepcopy(one) and hash(again) == hash(one)
        assert one != object() and not one == object()
        assert again.to_dict() == one.to_dict()
        assert repr(one).startswith(type(one).__name__ + "(")
        assert type(one).__module__ == "headcount"
        with pytest.raises(AttributeError):
            one.id = "other"
        with pytest.raises(AttributeError):
            one.total_size = 1
    assert page[0] != page[1] and len({*page.users, *page.users}) == len(page)
    assert page[:2] == tuple(page.users[:2]) and page[-1] == page.users[-1]
    with pytest.raises(IndexError):
        page[1000]


@pytest.mark.parametrize("attempts", [5, 1])
def test_lists_ten_thousand_users_with_a_fault_at_every_seventh_request(sandbox, attempts):
    sandbox = sandbox(users=10_000, groups=5)
    sandbox.fault("429:0", "500", "503", "reset", "truncate", every=7)
    listing = sandbox.client(max_attempts=attempts).directory.users(*sandbox.ids)
    listed, failures = [], 0
    while True:
        try:
            listed.append(next(listing).id)
        except StopIteration:
            break
        except headcount.Error as error:
            # After an error, the next call of next() continues at the same position.
            assert error.temporary
            failures += 1
    assert (len(listed), len(set(listed))) == (10_000, 10_000)
    assert failures == 0 if attempts == 5 else failures > 20


def test_threads_can_share_a_client_and_an_iterator(sandbox):
    sandbox = sandbox(users=300)
    client = sandbox.client()
    counts, shared, seen = [], client.directory.users(*sandbox.ids), []

    def work():
        counts.append(len(list(client.directory.users(*sandbox.ids))))
        seen.extend(user.id for user in shared)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [300] * 8
    assert len(seen) == len(set(seen)) == 300


def in_child(client, ids, answers):
    answers.put(len(list(client.directory.users(*ids))))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_use_its_parents_client(sandbox):
    sandbox = sandbox(users=75)
    client = sandbox.client()
    assert len(list(client.directory.users(*sandbox.ids))) == 75
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    children = [context.Process(target=in_child, args=(client, sandbox.ids, answers)) for _ in range(3)]
    for child in children:
        child.start()
    assert [answers.get(timeout=60) for _ in children] == [75] * 3
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert len(list(client.directory.users(*sandbox.ids))) == 75


def test_errors_have_the_parts_of_the_servers_answer(sandbox):
    sandbox = sandbox()
    client = sandbox.client(max_attempts=1)
    with pytest.raises(headcount.NotFoundError) as caught:
        client.organization.get_organization("org_0")
    error = caught.value
    assert isinstance(error, headcount.ApiError) and isinstance(error, headcount.Error)
    assert error.status == 404 and error.code and error.request_id and not error.temporary
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.status) == (type(error), str(error), 404)
    with pytest.raises(headcount.AuthenticationError) as caught:
        headcount.Client(sandbox.credentials[0], sandbox.credentials[1], "wrong-secret-value").directory.list_directories("org_1")
    assert "wrong-secret-value" not in f"{caught.value!r}{caught.value}{caught.value.__dict__}"
    for id in ("", "../oauth", "a/b", "a%2fb", ".", "..", "ünï"):
        with pytest.raises((headcount.NotFoundError, headcount.InvalidArgumentError)):
            client.organization.get_organization(id)
    sandbox.fault("429:7")
    with pytest.raises(headcount.RateLimitError) as caught:
        client.organization.get_organization("org_0")
    assert caught.value.retry_after == 7 and caught.value.temporary


def test_unusable_and_missing_answers_are_decode_timeout_and_connection_errors():
    body = b""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.answer(b'{"access_token":"t","token_type":"Bearer","expires_in":3600}')

        def do_GET(self):
            if body is None:
                silence.wait()
                return
            self.answer(body)

        def answer(self, body):
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    silence = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        client = headcount.Client(url, "id", "secret", timeout=2, max_attempts=1)
        for body in (b"<html>no</html>", b'{"organization":{"id"', b'{"organization":{"id":7}}'):
            with pytest.raises(headcount.DecodeError):
                client.organization.get_organization("org_1")
        body = None
        with pytest.raises(headcount.TimeoutError) as caught:
            client.organization.get_organization("org_1")
        assert isinstance(caught.value, TimeoutError)
    finally:
        silence.set()
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(headcount.ConnectionError) as caught:
        client.organization.get_organization("org_1")
    assert isinstance(caught.value, ConnectionError)


def test_invalid_settings_and_arguments_are_refused(monkeypatch):
    good = ("https://acme.scalekit.example", "id", "secret")
    for missing in range(3):
        with pytest.raises(headcount.ConfigError):
            headcount.Client(*(None if at == missing else value for at, value in enumerate(good)))
    with pytest.raises(headcount.ConfigError):
        headcount.Client("http://acme.scalekit.example", "id", "secret")
    for options in ({"timeout": -1}, {"timeout": float("nan")}, {"max_attempts": -1}):
        with pytest.raises(headcount.InvalidArgumentError):
            headcount.Client(*good, **options)
    with pytest.raises(TypeError):
        headcount.Client(*good, env_url=good[0])
    client = headcount.Client(env_url=good[0], client_id=good[1], client_secret=good[2], timeout=timedelta(seconds=1))
    assert good[2] not in repr(client)
    with pytest.raises(headcount.InvalidArgumentError, match="time zone"):
        client.directory.users("org_1", "dir_1", updated_after=datetime(2025, 1, 1))
    with pytest.raises(headcount.InvalidArgumentError, match="RFC 3339"):
        client.directory.list_directory_users("org_1", "dir_1", updated_after="soon")
    with pytest.raises(headcount.InvalidArgumentError):
        client.organization.get_organization("\ud800")
    for size in (-1, 2**40):
        with pytest.raises(headcount.InvalidArgumentError):
            client.directory.list_directory_users("org_1", "dir_1", page_size=size)
        with pytest.raises(headcount.InvalidArgumentError):
            client.organization.all(page_size=size)
    for wrong in (1, None, b"org_1"):
        with pytest.raises(TypeError):
            client.organization.get_organization(wrong)
    client.close()
    client.close()


def test_from_env_reads_the_environment(sandbox, monkeypatch):
    sandbox = sandbox(users=3)
    for name, value in sandbox.env.items():
        monkeypatch.setenv(name, f" '{value}' ")
    with headcount.Client.from_env(timeout=30) as client:
        assert client.organization.list_organizations().total_size == 1
    monkeypatch.delenv("SCALEKIT_CLIENT_ID")
    with pytest.raises(headcount.ConfigError, match="SCALEKIT_CLIENT_ID"):
        headcount.Client.from_env()


def test_the_interpreter_can_exit_while_a_client_is_open(sandbox):
    sandbox = sandbox(users=3)
    code = "import headcount; c = headcount.Client.from_env(); i = c.organization.all(); print(next(i).id)"
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **sandbox.env}, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, sandbox.organization_id, "")
