"""Webhooks on any ASGI server: ``app = headcount.asgi.endpoint(handler)``, served or mounted like any application."""

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
    """Returns an ASGI application that verifies each request and passes its event to ``handler``.

    ``handler`` takes a ``headcount.Event``; a coroutine function is awaited, another function runs in a thread. ``webhook`` is the
    verifier; the default, ``headcount.Webhook()``, is made at the first request. Pass ``headcount.Webhook()`` to make a missing secret an error
    at start-up.

    The application answers 201 when the handler has returned, 400 if the request cannot be verified or the handler raises
    ``WebhookVerificationError`` (as ``mirror.apply`` does for malformed data), 413 if the body exceeds the verifier's
    ``max_body`` and 405 to methods other than POST. These answers have no body; the logger ``headcount`` logs the reason. An
    exception of the handler reaches the server, which answers 500, so that the event is sent again. A handler can also return a
    status that is not 2xx, which is then the answer: an ``HTTPStatus``, an ``int`` from 400 to 599, an object with a
    ``status_code``, or a tuple such as ``("busy", 503)``. If ``replay_guard`` has recorded the message, the answer is 201 and the
    handler is not called; a message is recorded when the answer is 2xx. Any number of requests may be served at once.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"expected a connection of type http, got {scope['type']}")
        try:
            if scope["method"] != "POST":
                raise Refused(405)
            body = await read(receiver, scope, receive)
            event = receiver.verify(body, scope["headers"])
            answer = await receiver.handle(event)
        except Refused as refused:
            return await _answer(send, refused.status)
        await _answer(send, 201 if answer is None else answer.status)

    return app


async def read(receiver: Receiver, scope: Scope, receive: Receive) -> bytes:
    """Reads the body. Raises Refused if it exceeds the limit or the client disconnects."""
    check_declared_length(receiver, scope["headers"])
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400)
        part = message.get("body", b"")
        receiver.check_length(len(body) + len(part))
        body += part
        more = message.get("more_body", False)
    return bytes(body)


def check_declared_length(receiver: Receiver, headers: Iterable[Tuple[bytes, bytes]]) -> None:
    """Checks the Content-Length of ASGI's raw headers, whose names are in lower case. Raises Refused as
    ``declared_length`` does, and if the header is repeated.
    """
    lengths = [value for name, value in headers if name == b"content-length"]
    if len(lengths) > 1:
        raise Refused(400)
    receiver.declared_length(lengths[0] if lengths else None)


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
