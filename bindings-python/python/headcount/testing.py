"""For your own tests: the body of any event, signed, and delivered to your application.

    from headcount import testing

    status = testing.deliver(
        "http://127.0.0.1:8000/webhooks/scalekit", "organization.directory.user_created", data={"email": "ada@example.com"}
    )

The bodies are the vendor's published examples with what you give put over them. Under pytest, the fixtures ``headcount_sandbox`` and
``headcount_deliver`` are there once headcount is installed (``headcount.pytest_plugin``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Awaitable, Callable, Iterable, Mapping, MutableMapping, Optional, Type, TypedDict, Union

from . import _headcount
from ._headcount import Event, Webhook
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Unpack

__all__ = ["EventFields", "Secret", "deliver", "deliver_asgi", "deliver_wsgi", "event", "signed"]

Secret = Union[Webhook, str, Iterable[str], None]
"""What signs: a verifier's first secret, a secret, several of which the first signs, or None for SCALEKIT_WEBHOOK_SECRET."""


class EventFields(TypedDict, total=False):
    """What a test wants of an event; what is not given has a sensible value."""

    data: Optional[Mapping[str, Any]]
    """Put over the example's data: a key replaces what the example has there."""
    organization_id: Optional[str]
    """The organization it happened to; the data names the same one."""
    environment_id: Optional[str]
    """The environment it happened in; the data names the same one."""
    id: Optional[str]
    """The event's own id; a fresh ``evt_...`` unless given."""
    occurred_at: Union[datetime, str, None]
    """When it happened (an aware datetime, or RFC 3339 text); now unless given."""


def event(
    type: Union[str, Type[Event]],
    *,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
) -> bytes:
    """The body of an event, as the vendor would send it.

    ``type`` is its name, such as ``organization.directory.user_created``, or its class in ``headcount.events``; the rest is told at
    ``EventFields``. ``BadRequestError`` for a type that is not known, unless its ``data`` are given.
    """
    return _headcount.event_body(
        _name(type), data=data, organization_id=organization_id, environment_id=environment_id, id=id, occurred_at=occurred_at
    )


def signed(secret: Secret, body: Union[bytes, str], *, message_id: Optional[str] = None) -> dict[str, str]:
    """The headers of a request with ``body``, signed with ``secret`` at this moment.

    ``message_id`` is a fresh ``msg_...`` unless given; the same one again makes a redelivery.
    """
    webhook = secret if isinstance(secret, Webhook) else Webhook(secret)
    return {"content-type": "application/json", **webhook.sign(body, message_id)}


def deliver(
    url: str,
    event: Union[str, Type[Event], bytes],
    *,
    secret: Secret = None,
    message_id: Optional[str] = None,
    timeout: float = 30.0,
    **fields: Unpack[EventFields],
) -> int:
    """Sends an event to ``url``, signed, and gives the status that the application answers: 201 where it accepted.

    ``event`` is a body in ``bytes``, or a type and ``fields`` as ``headcount.testing.event`` takes them. ``timeout`` is in seconds. No
    proxy is asked and no redirection followed. Raises ``OSError`` where nothing answers.
    """
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.parse import urlsplit

    body = _body(event, fields)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError("the url is not one to deliver to: expected http://host:port/path or https://host/path")
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
    **fields: Unpack[EventFields],
) -> int:
    """As ``deliver``, to a WSGI application without a server: what it raises is raised here."""
    from io import BytesIO
    from wsgiref.util import setup_testing_defaults

    body = _body(event, fields)
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
    **fields: Unpack[EventFields],
) -> int:
    """As ``deliver``, to an ASGI application without a server, in an event loop of its own: what it raises is raised here.

    The application's lifespan is not run.
    """
    import asyncio

    body = _body(event, fields)
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
        came = iter([{"type": "http.request", "body": body, "more_body": False}])
        answered = asyncio.Event()

        async def receive() -> MutableMapping[str, Any]:
            for message in came:
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


def _body(event: Union[str, Type[Event], bytes], fields: EventFields) -> bytes:
    if not isinstance(event, bytes):
        return _headcount.event_body(_name(event), **fields)
    if fields:
        raise InvalidArgumentError(f"{', '.join(sorted(fields))}: a body that is given has them already")
    return event


def _name(type: Union[str, Type[Event]]) -> str:
    if isinstance(type, str):
        return type
    from .events import TYPES

    for name, known in TYPES.items():
        if known is type:
            return name
    raise TypeError(f"expected the name of an event's type or a class of headcount.events, got {type!r}")
