"""Programs that were written for the vendor's SDK: each row of the Python table in docs/vendor-sdk.md names the test here that executes it."""

import base64
import json
import pickle
import urllib.error
import urllib.request
import warnings
from datetime import date, datetime, timezone
from http import HTTPStatus

import headcount
import pytest
from headcount import ScalekitClient

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(bytes([7] * 32)).decode()
BODY = '{"id":"evt_1","type":"user.login","occurred_at":"2025-01-06T18:44:25Z","data":{}}'


def test_the_constructor_takes_the_vendors_options(sandbox):
    sandbox = sandbox()
    url, client_id, secret = sandbox.credentials
    with pytest.warns(UserWarning, match="keepalive_time_ms, keepalive_timeout_ms, tool_call_timeout_s"):
        client = ScalekitClient(url, client_id, secret, 60_000, 10_000, 20.0, 60.0)
    assert client.organization.get_organization(sandbox.organization_id).id == sandbox.organization_id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ScalekitClient(env_url=url, client_id=client_id, client_secret=secret, call_timeout_s=20)
    with pytest.raises(TypeError):
        ScalekitClient(url, client_id, secret, call_timeout=20)
    with pytest.raises(TypeError, match="the same setting"):
        ScalekitClient(url, client_id, secret, call_timeout_s=20, attempt_timeout=20)


def test_wrong_credentials_are_reported_by_the_first_call(sandbox):
    url, client_id, _ = sandbox().credentials
    client = ScalekitClient(url, client_id, "wrong-secret-value")
    with pytest.raises(headcount.ScalekitUnauthorizedException):
        client.organization.list_organizations()


def test_calls_return_objects_instead_of_tuples(sandbox):
    sandbox = sandbox()
    client, org, dir = sandbox.client(), sandbox.organization_id, sandbox.directory_id
    assert [one.id for one in client.organization.list_organizations(10).organizations] == [org]
    assert client.organization.get_organization(org).external_id == "tenant_1"
    assert client.organization.get_organization_by_external_id("tenant_1").id == org
    assert [one.id for one in client.directory.list_directories(org)] == [dir]
    assert client.directory.get_directory(org, dir).id == dir
    assert client.directory.get_primary_directory_by_organization_id(org).id == dir
    assert client.directory.disable_directory(org, dir).enabled is False
    assert client.directory.enable_directory(org, dir).enabled is True


def test_listings_take_positional_arguments_in_the_vendors_order(sandbox):
    sandbox = sandbox(organizations=12, users=40)
    client, org, dir = sandbox.client(), sandbox.organization_id, sandbox.directory_id
    first = client.organization.list_organizations(10)
    assert len(client.organization.list_organizations(10, first.next_page_token).organizations) == 2
    page = client.directory.list_directory_users(org, dir, 30, None, True, "2025-01-06")
    assert (len(page.users), page.total_size) == (30, 40)
    assert isinstance(page.users[0].user_detail, dict)
    rest = client.directory.list_directory_users(org, dir, 30, page.next_page_token, True, "2025-01-06")
    assert len(rest.users) == 10
    assert len(client.directory.list_directory_groups(org, dir, 30, None, False, "2025-01-06").groups) == 5


def test_updated_after_is_a_date_a_datetime_or_text(sandbox):
    sandbox = sandbox(users=40)
    client = sandbox.client()

    def after(moment):
        return client.directory.list_directory_users(*sandbox.ids, updated_after=moment).total_size

    assert after(date(2025, 1, 6)) == after("2025-01-06") == after(datetime(2025, 1, 6, tzinfo=timezone.utc)) == 40
    assert after(date(2099, 1, 1)) == after("2099-01-01T00:00:00Z") == 0
    for wrong in ("yesterday", "2025-02-30", datetime(2025, 1, 6)):
        with pytest.raises(headcount.InvalidArgumentError):
            after(wrong)
    with pytest.raises(TypeError):
        after(1736150400)


def test_times_are_datetimes_instead_of_protobuf_timestamps(sandbox):
    sandbox = sandbox()
    client = sandbox.client()
    organization = client.organization.get_organization(sandbox.organization_id)
    assert isinstance(organization.create_time, datetime) and organization.create_time.tzinfo is not None
    user = client.directory.list_directory_users(*sandbox.ids).users[0]
    assert isinstance(user.updated_at, datetime)


def test_fields_of_an_organization_are_keywords_or_a_mapping(sandbox):
    organizations = sandbox().client().organization
    made = organizations.create_organization("Acme", external_id="t_9")
    changed = organizations.update_organization(made.id, {"display_name": "Acme Aviation"}, slug="acme")
    assert (changed.display_name, changed.slug, changed.external_id) == ("Acme Aviation", "acme", "t_9")
    # An organization that was read is sent back with a change: what cannot be changed is ignored.
    assert organizations.update_organization(made.id, changed, display_name="Acme").display_name == "Acme"
    assert organizations.update_organization(made.id, {**changed.to_dict(), "slug": "acme2"}).slug == "acme2"
    with pytest.raises(headcount.InvalidArgumentError, match="displayname"):
        organizations.update_organization(made.id, {**changed.to_dict(), "displayname": "x"})
    with pytest.raises(TypeError):
        organizations.update_organization(made.id, "Acme")
    again = organizations.update_organization_by_external_id("t_9", {"metadata": {"plan": "team"}})
    assert (again.id, again.metadata) == (made.id, {"plan": "team"})
    with pytest.raises(headcount.NotFoundError):
        organizations.update_organization_by_external_id("t_404", display_name="x")


def opened(location):
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(location, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_portal_link_is_generated_and_expires(sandbox):
    sandbox = sandbox()
    organizations = sandbox.client().organization
    link = organizations.generate_portal_link(sandbox.organization_id)
    assert isinstance(link, headcount.PortalLink) and link.id.startswith("lnk_")
    assert 0 < (link.expire_time - datetime.now(timezone.utc)).total_seconds() <= 60
    assert link.location not in repr(link)
    assert pickle.loads(pickle.dumps(link)) == link
    assert [opened(link.location), opened(link.location)] == [200, 404]
    second = organizations.generate_portal_link(sandbox.organization_id, ["sso", "dir_sync"])
    assert second.id != link.id
    sandbox.control("POST", "/advance", {"by": "61s"})
    assert opened(second.location) == 404
    with pytest.raises(headcount.BadRequestError, match="magic"):
        organizations.generate_portal_link(sandbox.organization_id, features=["magic"])
    with pytest.raises(headcount.NotFoundError):
        organizations.generate_portal_link("org_404")
    with pytest.raises(TypeError):
        organizations.generate_portal_link(sandbox.organization_id, "sso")


def test_settings_of_an_organization_are_updated(sandbox):
    sandbox = sandbox()
    organizations, org = sandbox.client().organization, sandbox.organization_id
    changed = organizations.update_organization_settings(org, [{"name": "sso", "enabled": False}])
    enabled = {feature["name"]: feature["enabled"] for feature in changed.settings["features"]}
    assert enabled == {"sso": False, "dir_sync": True}
    assert organizations.get_organization(org).settings == changed.settings
    assert organizations.update_organization_settings(org, changed.settings).settings == changed.settings
    with pytest.raises(headcount.BadRequestError, match="magic"):
        organizations.update_organization_settings(org, [{"name": "magic", "enabled": True}])
    for wrong in ([{"nam": "sso", "enabled": True}], [{"name": "sso"}], {"feature": []}):
        with pytest.raises(headcount.InvalidArgumentError):
            organizations.update_organization_settings(org, wrong)
    with pytest.raises(TypeError):
        organizations.update_organization_settings(org, "sso")


def test_an_async_client_has_the_same_calls_as_coroutines(sandbox):
    import asyncio

    sandbox = sandbox()

    async def run():
        async with headcount.AsyncClient(*sandbox.credentials) as client:
            org = sandbox.organization_id
            link = await client.organization.generate_portal_link(org, ["sso"])
            changed = await client.organization.update_organization_settings(org, [{"name": "sso", "enabled": False}])
            renamed = await client.organization.update_organization_by_external_id("tenant_1", display_name="Acme")
            page = await client.organization.list_organizations(10, None)
            return link.id[:4], changed.id, renamed.display_name, page.total_size

    assert asyncio.run(asyncio.wait_for(run(), 60)) == ("lnk_", sandbox.organization_id, "Acme", 1)


def test_webhooks_are_verified_with_the_secrets_that_the_vendor_accepts():
    client = ScalekitClient("https://acme.scalekit.com", "skc_1", "secret")
    headers = headcount.Webhook(SECRET).sign(BODY)
    loose = SECRET[:-2] + "Z="
    assert base64.b64decode(loose[6:]) == base64.b64decode(SECRET[6:]) and loose != SECRET
    for secret in (SECRET, loose, SECRET.replace("whsec", "other1")):
        assert client.verify_webhook_payload(secret, headers, BODY) is True
        assert client.verify_webhook_payload(secret, headers, BODY.encode()) is True
    for prefix in ("whpk", "whsk"):
        with pytest.raises(headcount.WebhookVerificationError, match="asymmetric"):
            client.verify_webhook_payload(SECRET.replace("whsec", prefix), headers, BODY)
    with pytest.raises(headcount.ScalekitException):
        client.verify_webhook_payload(SECRET, headers, BODY + " ")


def test_interceptor_functions_prefer_the_interceptor_headers():
    client = ScalekitClient("https://acme.scalekit.com", "skc_1", "secret")
    signed, wrong = headcount.Webhook(SECRET).sign(BODY), headcount.Webhook(OTHER).sign(BODY)
    interceptor = {name.replace("webhook", "interceptor"): value for name, value in signed.items()}
    assert client.verify_interceptor_payload(SECRET, {**wrong, **interceptor}, BODY) is True
    assert client.verify_interceptor_payload(SECRET, signed, BODY) is True
    assert headcount.verify_interceptor_payload(SECRET, {**wrong, **interceptor}, json.loads(BODY)) is True
    with pytest.raises(headcount.WebhookVerificationError):
        client.verify_webhook_payload(SECRET, {**wrong, **interceptor}, BODY)


def test_exceptions_are_caught_by_the_vendors_names(sandbox):
    sandbox = sandbox()
    organizations = sandbox.client(max_attempts=1).organization
    with pytest.raises(headcount.ScalekitNotFoundException) as caught:
        organizations.get_organization("org_404")
    error = caught.value
    assert isinstance(error, headcount.ScalekitServerException) and isinstance(error, headcount.ScalekitException)
    assert error.http_status == HTTPStatus.NOT_FOUND == 404
    assert (error.error_code, error.grpc_status) == ("RESOURCE_NOT_FOUND", 5)
    again = pickle.loads(pickle.dumps(error))
    assert (again.http_status, again.error_code, again.grpc_status) == (404, "RESOURCE_NOT_FOUND", 5)

    with pytest.raises(headcount.ScalekitConflictException) as caught:
        organizations.create_organization("Acme", external_id="tenant_1")
    assert type(caught.value) is headcount.ConflictError and caught.value.grpc_status == 6
    assert isinstance(caught.value, headcount.BadRequestError)
    assert type(pickle.loads(pickle.dumps(caught.value))) is headcount.ConflictError
    with pytest.raises(headcount.ScalekitBadRequestException) as caught:
        organizations.create_organization("")
    assert not isinstance(caught.value, headcount.ScalekitConflictException)
    sandbox.fault("503")
    with pytest.raises(headcount.ScalekitServiceUnavailableException) as caught:
        organizations.list_organizations()
    assert caught.value.grpc_status == 14
    sandbox.fault("429:0")
    with pytest.raises(headcount.ScalekitTooManyRequestsException):
        organizations.list_organizations()


def test_calls_without_an_answer_are_scalekit_exceptions_without_a_status():
    client = ScalekitClient("http://127.0.0.1:9", "skc_1", "secret", max_attempts=1)
    with pytest.raises(headcount.ScalekitException) as caught:
        client.organization.list_organizations()
    error = caught.value
    assert type(error) is headcount.errors.ConnectionError and not isinstance(error, headcount.ScalekitServerException)
    assert (error.http_status, error.error_code, error.grpc_status) == (None, None, 14)


def test_what_is_outside_of_the_covered_scope_does_not_exist():
    client = ScalekitClient("https://acme.scalekit.com", "skc_1", "secret")
    for name in ("users", "connection", "domain", "roles", "sessions", "get_authorization_url", "authenticate_with_code", "validate_token"):
        assert not hasattr(client, name), name
    for name in ("upsert_user_management_settings", "update_organization_session_policy"):
        assert not hasattr(client.organization, name), name
    for name in ("create_directory", "delete_directory"):
        assert not hasattr(client.directory, name), name
