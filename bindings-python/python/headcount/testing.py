"""Helpers for tests: they make the body of any event, sign it and deliver it to an application.

    from headcount import testing

    status = testing.deliver(
        "http://127.0.0.1:8000/webhooks/scalekit", "organization.directory.user_created", data={"email": "ada@example.com"}
    )

The bodies are the vendor's published examples; given fields replace those of the example. Under pytest the fixtures
``headcount_sandbox`` and ``headcount_deliver`` are available if headcount is installed (``headcount.pytest_plugin``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Awaitable, Callable, Iterable, Mapping, MutableMapping, Optional, Tuple, Type, TypedDict, Union

from . import _headcount
from ._headcount import Event, Group, MirrorGroup, Webhook
from .errors import InvalidArgumentError

__all__ = ["EventFields", "EventGroups", "Secret", "deliver", "deliver_asgi", "deliver_wsgi", "event", "signed"]

Secret = Union[Webhook, str, Iterable[str], None]
"""The secret to sign with, or None for SCALEKIT_WEBHOOK_SECRET. Of several secrets, also of a ``Webhook``, the first one is used."""


EventGroups = Iterable[Union[str, Tuple[str, str], Group, MirrorGroup]]
"""Groups that an event names: ids, (id, name) pairs, or groups of a client or mirror."""


class EventFields(TypedDict, total=False):
    """Fields of an event. Each has a default."""

    data: Optional[Mapping[str, Any]]
    """Keys that replace those of the example's data (default: none)."""
    organization_id: Optional[str]
    """Id of the organization, also in ``data`` (default: the example's)."""
    environment_id: Optional[str]
    """Id of the environment, also in ``data`` (default: the example's)."""
    id: Optional[str]
    """Id of the event (default: a new ``evt_...``)."""
    occurred_at: Union[datetime, str, None]
    """Time of the event, an aware ``datetime`` or RFC 3339 text (default: now)."""
    directory_id: Optional[str]
    """Id of the directory that the event is about or that its data name (default: the example's)."""
    groups: Optional[EventGroups]
    """Groups of the user (default: the example's, or none if ``organization_id`` is given)."""


def event(
    type: Union[str, Type[Event]],
    *,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
    directory_id: Optional[str] = None,
    groups: Optional[EventGroups] = None,
) -> bytes:
    """Returns the body of an event as the vendor sends it.

    ``type`` is the event's name, such as ``organization.directory.user_created``, or its class in ``headcount.events``;
    ``EventFields`` documents the other arguments. Raises ``BadRequestError`` if the type is unknown and ``data`` is None.
    """
    return _headcount.event_body(
        _name("type", type),
        data=data,
        organization_id=organization_id,
        environment_id=environment_id,
        id=id,
        occurred_at=occurred_at,
        directory_id=directory_id,
        groups=groups,
    )


def signed(secret: Secret, body: Union[bytes, str], *, message_id: Optional[str] = None) -> dict[str, str]:
    """Returns the headers of a request with ``body``, signed with ``secret`` now.

    ``message_id`` is a new ``msg_...`` by default. Pass the same id again to simulate a redelivery.
    """
    _check("message_id", message_id, str, optional=True)
    webhook = secret if isinstance(secret, Webhook) else Webhook(secret)
    return {"content-type": "application/json", **webhook.sign(body, message_id)}


def deliver(
    url: str,
    event: Union[str, Type[Event], bytes],
    *,
    secret: Secret = None,
    message_id: Optional[str] = None,
    timeout: float = 30.0,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
    directory_id: Optional[str] = None,
    groups: Optional[EventGroups] = None,
) -> int:
    """Signs an event and sends it to ``url``. Returns the status of the answer, which is 201 if the application accepted the event.

    ``event`` is a body as ``bytes``, or a type with the other arguments of ``headcount.testing.event``. ``timeout`` is in seconds. Uses no
    proxy and follows no redirect. Raises ``OSError`` if there is no answer.
    """
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.parse import urlsplit

    _check("url", url, str)
    _check("timeout", timeout, (int, float))
    body = _body(
        event,
        data=data,
        organization_id=organization_id,
        environment_id=environment_id,
        id=id,
        occurred_at=occurred_at,
        directory_id=directory_id,
        groups=groups,
    )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError("the url cannot be used: expected http://host:port/path or https://host/path")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, signed(secret, body, message_id=message_id))
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def deliver_wsgi(
    app: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]],
    event: Union[str, Type[Event], bytes],
    *,
    path: str = "/",
    secret: Secret = None,
    message_id: Optional[str] = None,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
    directory_id: Optional[str] = None,
    groups: Optional[EventGroups] = None,
) -> int:
    """As ``deliver``, to a WSGI application without a server. Exceptions of the application are raised here."""
    from io import BytesIO
    from wsgiref.util import setup_testing_defaults

    _check("path", path, str)
    body = _body(
        event,
        data=data,
        organization_id=organization_id,
        environment_id=environment_id,
        id=id,
        occurred_at=occurred_at,
        directory_id=directory_id,
        groups=groups,
    )
    headers = signed(secret, body, message_id=message_id)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.pop("content-type"),
        "wsgi.input": BytesIO(body),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    setup_testing_defaults(environ)
    statuses: list[int] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        statuses.append(int(status.split(" ", 1)[0]))
        return lambda written: None

    answer = app(environ, start_response)
    try:
        for _ in answer:
            pass
    finally:
        getattr(answer, "close", lambda: None)()
    return statuses[-1]


def deliver_asgi(
    app: Callable[[Any, Any, Any], Awaitable[None]],
    event: Union[str, Type[Event], bytes],
    *,
    path: str = "/",
    secret: Secret = None,
    message_id: Optional[str] = None,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
    directory_id: Optional[str] = None,
    groups: Optional[EventGroups] = None,
) -> int:
    """As ``deliver``, to an ASGI application without a server, in a new event loop. Exceptions of the application are raised here.

    The application's lifespan events are not sent.
    """
    import asyncio

    _check("path", path, str)
    body = _body(
        event,
        data=data,
        organization_id=organization_id,
        environment_id=environment_id,
        id=id,
        occurred_at=occurred_at,
        directory_id=directory_id,
        groups=groups,
    )
    headers = {**signed(secret, body, message_id=message_id), "host": "127.0.0.1", "content-length": str(len(body))}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    statuses: list[int] = []

    async def call() -> None:
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])
        answered = asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            for message in messages:
                return message
            await answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif not message.get("more_body", False):
                answered.set()

        await app(scope, receive, send)

    asyncio.run(call())
    return statuses[-1]


def _body(event: Union[str, Type[Event], bytes], **fields: Any) -> bytes:
    given = {name: value for name, value in fields.items() if value is not None}
    if not isinstance(event, bytes):
        return _headcount.event_body(_name("event", event), **given)
    if given:
        raise InvalidArgumentError(f"{', '.join(sorted(given))}: cannot be combined with a body")
    return event


def _check(argument: str, value: object, expected: Any, *, optional: bool = False) -> None:
    if not isinstance(value, expected) and not (optional and value is None):
        names = " or ".join(one.__name__ for one in (expected if isinstance(expected, tuple) else (expected,)))
        raise TypeError(f"{argument}: expected {names}, got {type(value).__name__}")


def _name(argument: str, type: Union[str, Type[Event]]) -> str:
    if isinstance(type, str):
        return type
    from .events import TYPES

    for name, known in TYPES.items():
        if known is type:
            return name
    raise TypeError(f"{argument}: expected the name of an event's type or a class of headcount.events, got {type!r}")
