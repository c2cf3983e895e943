"""Webhooks on any ASGI server: ``app = headcount.asgi.endpoint(handler)``, to be served or mounted as it is."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Iterable, MutableMapping, Optional, Tuple, Union

from ._endpoint import AsyncHandler, Handler, Receiver, Refused
from ._headcount import ReplayGuard, Webhook

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def endpoint(
    handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An ASGI application that verifies each request and gives its event to ``handler``.

    ``handler`` is a function of a ``headcount.Event``; a coroutine function is awaited, any other runs in a thread. ``webhook`` is the
    verifier; without one, ``headcount.Webhook()`` is made at once. It answers 201 when the handler has returned; 400 to what was not
    signed as it should be, 413 to a body over the verifier's ``max_body``, 405 to other methods, all without a word of explanation
    (the logger ``headcount`` has the reason). What the handler raises is the server's: it answers 500, and the event comes again.
    A delivery that ``replay_guard`` has on record is answered 201 without calling the handler; it is recorded once the handler has
    returned. Any number of requests may be served at once.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"a webhook endpoint got a connection of the type {scope['type']}: expected http")
        try:
            if scope["method"] != "POST":
                raise Refused(405)
            body = await read(receiver, scope, receive)
            event = receiver.verify(body, scope["headers"])
        except Refused as refused:
            return await _answer(send, refused.status)
        await receiver.handle(event)
        await _answer(send, 201)

    return app


async def read(receiver: Receiver, scope: Scope, receive: Receive) -> bytes:
    """The body, as far as it may be long."""
    receiver.check_length(declared_length(scope["headers"]))
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400)
        part = message.get("body", b"")
        parts.append(part)
        length += len(part)
        receiver.check_length(length)
        more = message.get("more_body", False)
    return b"".join(parts)


def declared_length(headers: Iterable[Tuple[bytes, bytes]]) -> Optional[bytes]:
    """The Content-Length of ASGI's raw headers, whose names servers give in small letters."""
    for name, value in headers:
        if name == b"content-length":
            return value
    return None


async def _answer(send: Send, status: int) -> None:
    headers = [(b"content-length", b"0")] + ([(b"allow", b"POST")] if status == 405 else [])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
