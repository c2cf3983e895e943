"""Arguments: their errors name them, and the types of public callables can be resolved. Also pages, made events and callbacks."""

import importlib
import inspect
import typing

import pytest

import headcount
from headcount import events, testing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MODULES = ["headcount", *(f"headcount.{name}" for name in ("asgi", "django", "errors", "events", "fastapi", "flask", "pytest_plugin", "starlette", "support", "testing", "wsgi"))]
WEBHOOK = headcount.Webhook(SECRET)
BODY = testing.event("organization.directory.user_created")
EVENT = WEBHOOK.verify(BODY, WEBHOOK.sign(BODY))

# Valid values of required parameters, by name.
VALID = {
    "settings": [{"name": "sso", "enabled": True}],
    "body": BODY, "consumer": "consumer", "contains": bool, "directory_id": "dir_1", "email": "a@example.com", "event": EVENT, "external_id": "x",
    "group_id": "dirgroup_1", "ids": [], "headers": {}, "hold_id": "1", "id": "org_1", "message_id": "msg_1", "moment": "2025-01-06", "name": "x", "organization_id": "org_1",
    "pairs": [], "path": ":memory:", "payload": BODY, "reason": "x", "record": print, "target": ":memory:", "secret": SECRET, "seq": 1, "url": "http://127.0.0.1:1/",
    "user_id": "diruser_1", "event_id": "evt_1", "account_id": "acct_1", "by": "ops", "type": "role.created", "display_name": "x", "group": "x", "webhook": WEBHOOK,
}  # fmt: skip


def public(module):
    for name in getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]:
        yield name, getattr(module, name)


def callables():
    """Yields each public function, class and method of the package with its name."""
    seen = set()
    for name in MODULES:
        module = importlib.import_module(name)
        for short, found in public(module):
            if not callable(found) or not getattr(found, "__module__", "").startswith("headcount") or id(found) in seen:
                continue
            seen.add(id(found))
            yield f"{name}.{short}", found
            if inspect.isclass(found):
                for method, member in inspect.getmembers(found):
                    if callable(member) and not method.startswith("_"):
                        yield f"{name}.{short}.{method}", member


def test_the_types_of_every_public_callable_can_be_resolved():
    failures, count = [], 0
    for name, found in callables():
        count += 1
        for target in (found, found.__init__) if inspect.isclass(found) else (found,):
            try:
                typing.get_type_hints(target)
            except Exception as error:
                failures.append((name, repr(error)))
    assert failures == [] and count > 300


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """An object of each class with methods that take arguments."""
    client = headcount.Client("http://127.0.0.1:1", "id", "secret", max_attempts=1)
    asynchronous = headcount.AsyncClient("http://127.0.0.1:1", "id", "secret", max_attempts=1)
    with headcount.Sandbox(users=1, groups=1) as sandbox:
        yield {
            headcount.Client: client,
            headcount.AsyncClient: asynchronous,
            headcount.OrganizationClient: client.organization,
            headcount.AsyncOrganizationClient: asynchronous.organization,
            headcount.DirectoryClient: client.directory,
            headcount.AsyncDirectoryClient: asynchronous.directory,
            headcount.Mirror: headcount.Mirror(":memory:", client=client, webhook_secret=SECRET),
            headcount.AsyncMirror: headcount.AsyncMirror(":memory:", client=asynchronous, webhook_secret=SECRET),
            headcount.Webhook: WEBHOOK,
            headcount.ReplayGuard: headcount.ReplayGuard(),
            headcount.Sandbox: sandbox,
        }


def cases(objects):
    """Yields (name, function) of each callable with arguments."""
    for function in ("verify_webhook_payload", "verify_interceptor_payload"):
        yield function, getattr(headcount, function)
    for function in ("event", "signed", "deliver", "deliver_wsgi", "deliver_asgi"):
        yield f"testing.{function}", getattr(testing, function)
    for made, instance in objects.items():
        if not made.__name__.endswith(("OrganizationClient", "DirectoryClient")):
            yield made.__name__, made
        for name, _ in inspect.getmembers(made, callable):
            if not name.startswith("_"):
                yield f"{made.__name__}.{name}", getattr(instance, name)


def test_every_error_of_a_wrong_type_names_its_argument(objects):
    wrong, failures, checked = object(), [], 0
    for name, function in cases(objects):
        parameters = inspect.signature(function).parameters.values()
        valid = {**VALID, "event": "role.created"} if name.startswith("testing.") else VALID
        required = {
            parameter.name: valid.get(parameter.name)
            for parameter in parameters
            if parameter.default is parameter.empty and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        for parameter in parameters:
            if parameter.kind is parameter.VAR_KEYWORD or parameter.name == "app":
                continue
            checked += 1
            positional, keywords = ([wrong], required) if parameter.kind is parameter.VAR_POSITIONAL else ([], {**required, parameter.name: wrong})
            try:
                result = function(*positional, **keywords)
                getattr(result, "close", lambda: None)()
                failures.append((name, parameter.name, "accepted"))
            except (TypeError, headcount.Error) as error:
                if parameter.name not in str(error):
                    failures.append((name, parameter.name, repr(error)))
    assert failures == [], "\n".join(map(str, failures))
    assert checked > 250


@pytest.mark.parametrize(
    "argument, call",
    [
        ("timeout", lambda: headcount.Client("http://127.0.0.1:1", "a", "b", timeout=-1)),
        ("retry_budget", lambda: headcount.Client("http://127.0.0.1:1", "a", "b", retry_budget=-1)),
        ("max_attempts", lambda: headcount.Client("http://127.0.0.1:1", "a", "b", max_attempts=2**40)),
        ("tolerance", lambda: headcount.Webhook(SECRET, tolerance=float("nan"))),
        ("max_body", lambda: headcount.Webhook(SECRET, max_body=-1)),
        ("now", lambda: WEBHOOK.verify(BODY, {}, now=1e300)),
        ("organization_id", lambda: headcount.Mirror(":memory:").groups("\ud800")),
        ("limit", lambda: headcount.Mirror(":memory:").poll("consumer", limit=-1)),
        ("seq", lambda: headcount.Mirror(":memory:").ack("consumer", 2**64)),
        ("mode", lambda: headcount.Mirror(":memory:", client=headcount.Client("http://127.0.0.1:1", "a", "b")).sync("org_1", mode="fast")),
        ("mode", lambda: headcount.Mirror(":memory:", client=headcount.Client("http://127.0.0.1:1", "a", "b")).plan("org_1", mode="fast")),
        ("seed", lambda: headcount.Sandbox(seed=-1)),
        ("port", lambda: headcount.Sandbox(port=70_000)),
        ("occurred_at", lambda: testing.event("role.created", occurred_at="yesterday")),
        ("groups", lambda: testing.event("role.created", groups="dirgroup_1")),
    ],
)  # fmt: skip
def test_an_error_of_a_value_names_its_argument(argument, call):
    with pytest.raises(headcount.InvalidArgumentError if argument != "groups" else TypeError) as raised:
        call()
    assert str(raised.value).startswith(f"{argument}: ") and "\n" not in str(raised.value)
    assert getattr(raised.value, "message", str(raised.value)) == str(raised.value)


@pytest.mark.parametrize("function", [headcount.verify_webhook_payload, headcount.verify_interceptor_payload])
@pytest.mark.parametrize("argument", ["secret", "headers", "payload"])
def test_the_functions_that_verify_a_payload_name_the_argument(function, argument):
    with pytest.raises(TypeError) as raised:
        function(**{"secret": SECRET, "headers": {}, "payload": BODY, argument: object()})
    assert str(raised.value).startswith(f"{argument}: ")


def nested(levels):
    deep = []
    for _ in range(levels):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "argument, levels, call",
    [
        ("organization", 100_000, lambda client, deep: client.organization.update_organization("org_1", {"metadata": deep})),
        ("settings", 100_000, lambda client, deep: client.organization.update_organization_settings("org_1", {"features": deep})),
        ("settings", 100_000, lambda client, deep: client.organization.update_organization_settings("org_1", deep)),
        ("data", 100_000, lambda _, deep: testing.event("role.created", data={"deep": deep})),
        # Python's encoder permits this, and the native module does not.
        ("data", 200, lambda _, deep: testing.event("role.created", data={"deep": deep})),
    ],
)  # fmt: skip
def test_an_argument_that_is_nested_too_deep_is_named(argument, levels, call):
    client = headcount.Client("http://127.0.0.1:1", "a", "b")
    with pytest.raises(headcount.InvalidArgumentError) as raised:
        call(client, nested(levels))
    assert str(raised.value).startswith(f"{argument}: ")
    assert str(raised.value).endswith("is nested too deep")


def test_an_error_of_the_role_map_names_the_group():
    mirror = headcount.Mirror(":memory:")
    with pytest.raises(TypeError, match="^pairs: expected the role of the group 'Engineering' as str.*got list"):
        mirror.set_role_map({"Sales": "seller", "Engineering": ["developer", "admin"]})
    with pytest.raises(TypeError, match="^pairs: expected the id, name or pattern of a group as str, got int"):
        mirror.set_role_map([(7, "developer")])
    with pytest.raises(TypeError, match="^pairs: "):
        mirror.set_role_map(["ab"])
    assert mirror.role_map() == []


def test_a_page_refuses_to_be_iterated_as_if_it_were_the_whole_listing():
    with headcount.Sandbox(users=3, groups=1) as sandbox, sandbox.client() as client:
        ids = sandbox.organization_id, sandbox.directory_id
        for page, field in [
            (client.directory.list_directory_users(*ids, page_size=2), "users"),
            (client.directory.list_directory_groups(*ids), "groups"),
            (client.organization.list_organizations(), "organizations"),
        ]:
            for iterate in (iter, list, lambda page: [*page]):
                with pytest.raises(TypeError, match=f"page.{field}"):
                    iterate(page)
        assert len(client.directory.list_directory_users(*ids, page_size=2).users) == 2
        assert len(list(client.directory.users(*ids, page_size=2))) == 3


def test_a_made_event_names_the_callers_organization_directory_and_groups():
    def data(type, **fields):
        body = testing.event(type, **fields)
        event = WEBHOOK.verify(body, WEBHOOK.sign(body))
        assert event.organization_id == "org_1" and "12312312312312" not in str(event.data.get("groups"))
        return event.data

    user = "organization.directory.user_created"
    assert data(user, organization_id="org_1", groups=["dirgroup_1", ("dirgroup_2", "Sales")])["groups"] == [
        {"id": "dirgroup_1", "name": "dirgroup_1"},
        {"id": "dirgroup_2", "name": "Sales"},
    ]
    assert data(user, organization_id="org_1")["groups"] == []
    assert data(user, organization_id="org_1", directory_id="dir_1")["directory_id"] == "dir_1"
    group = data("organization.directory.group_created", organization_id="org_1", directory_id="dir_1")
    assert (group["directory_id"], group["organization_id"]) == ("dir_1", "org_1")
    directory = data("organization.directory_enabled", organization_id="org_1", directory_id="dir_1")
    assert (directory["id"], directory["organization_id"]) == ("dir_1", "org_1")
    assert isinstance(EVENT, events.OrganizationDirectoryUserCreated)


def test_a_blocking_call_in_a_callback_is_refused_and_the_error_has_no_rust_path(capfd):
    with headcount.Sandbox(users=3, groups=1) as sandbox:
        mirror = headcount.Mirror(":memory:", client=sandbox.client())
        with pytest.raises(headcount.InvalidArgumentError, match="callback of a running call") as raised:
            mirror.sync(sandbox.organization_id, sandbox.directory_id, on_progress=lambda _: mirror.status())
        assert "::" not in str(raised.value)
        assert "panicked" not in capfd.readouterr().err
        assert mirror.sync(sandbox.organization_id, sandbox.directory_id).outcome == "done"
