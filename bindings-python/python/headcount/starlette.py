"""Webhooks in Starlette: ``Route("/webhooks/scalekit", headcount.starlette.endpoint(handler), methods=["POST"])``."""

from __future__ import annotations

from typing import Awaitable, Callable, Optional, Union

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from . import asgi
from ._endpoint import AsyncHandler, Handler, Receiver, Refused
from ._headcount import Event, ReplayGuard, Webhook


def endpoint(
    handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[[Request], Awaitable[Response]]:
    """Returns an endpoint that verifies each request and passes its event to ``handler``. Answers are those of
    ``headcount.asgi.endpoint``; a ``Response`` of the handler whose status is not 2xx is sent as it is. Middleware may have read the body with
    ``await request.body()``.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    async def webhook_endpoint(request: Request) -> Response:
        try:
            event = await read(receiver, request)
            answer = await receiver.handle(event)
        except Refused as refused:
            return Response(status_code=refused.status, headers={"allow": "POST"} if refused.status == 405 else None)
        if answer is None:
            return Response(status_code=201)
        return answer.result if isinstance(answer.result, Response) else Response(status_code=answer.status)

    return webhook_endpoint


async def read(receiver: Receiver, request: Request) -> Event:
    """Reads and verifies a request. Returns its event, or raises Refused."""
    if request.method != "POST":
        raise Refused(405)
    headers = request.scope["headers"]
    asgi.check_declared_length(receiver, headers)
    body = bytearray()
    try:
        async for part in request.stream():
            receiver.check_length(len(body) + len(part))
            body += part
    except ClientDisconnect:
        raise Refused(400) from None
    except RuntimeError as error:
        raise RuntimeError(
            "the webhook's body has been consumed: read it with `await request.body()`, or mount the endpoint outside of the middleware that reads it"
        ) from error
    return receiver.verify(bytes(body), headers)
