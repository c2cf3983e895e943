"""Webhooks in Starlette: ``Route("/webhooks/scalekit", headcount.starlette.endpoint(handler), methods=["POST"])``."""

from __future__ import annotations

from typing import Awaitable, Callable, Optional, Union

from starlette.requests import Request
from starlette.responses import Response

from . import asgi
from ._endpoint import AsyncHandler, Handler, Receiver, Refused
from ._headcount import Event, ReplayGuard, Webhook


def endpoint(
    handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint that verifies each request and passes its event to ``handler``. Answers are those of
    ``headcount.asgi.endpoint``. Middleware may have read the body with ``await request.body()``.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    async def webhook_endpoint(request: Request) -> Response:
        try:
            event = await read(receiver, request)
        except Refused as refused:
            return Response(status_code=refused.status, headers={"allow": "POST"} if refused.status == 405 else None)
        await receiver.handle(event)
        return Response(status_code=201)

    return webhook_endpoint


async def read(receiver: Receiver, request: Request) -> Event:
    """Reads and verifies a request. Returns its event, or raises Refused."""
    if request.method != "POST":
        raise Refused(405)
    headers = request.scope["headers"]
    receiver.check_length(asgi.declared_length(headers))
    parts, length = [], 0
    try:
        async for part in request.stream():
            parts.append(part)
            length += len(part)
            receiver.check_length(length)
    except RuntimeError as error:
        raise RuntimeError(
            "the webhook's body has been consumed: read it with `await request.body()`, or mount the endpoint outside of the middleware that reads it"
        ) from error
    return receiver.verify(b"".join(parts), headers)
