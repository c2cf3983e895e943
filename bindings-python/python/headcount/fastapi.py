"""Webhooks in FastAPI, as a dependency or as a whole endpoint.

    @app.post("/webhooks/scalekit", status_code=201)
    def receive(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> None:
        ...

    app.add_route("/webhooks/scalekit", headcount.fastapi.endpoint(handler), methods=["POST"])
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable, Optional

from fastapi import HTTPException, Request

from . import starlette
from ._endpoint import Receiver, Refused
from ._headcount import Event, ReplayGuard, Webhook

__all__ = ["endpoint", "verified"]

endpoint = starlette.endpoint


def verified(webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None) -> Callable[[Request], Any]:
    """Returns a dependency that verifies the request and returns its event.

    ``webhook`` is the verifier; the default, ``headcount.Webhook()``, is made now. It answers 400 if the signature is wrong and 413 if the
    body exceeds the verifier's ``max_body``. These answers do not contain the reason; the logger ``headcount`` has it. If
    ``replay_guard`` has recorded the message, the answer is 201 and the endpoint is not called. A message is recorded after the endpoint
    has returned: before the answer is sent with ``Depends(verified(...), scope="function")``, otherwise shortly after it.
    """
    receiver = Receiver(lambda event: None, webhook, replay_guard)

    async def verified_event(request: Request) -> Event:
        try:
            return await starlette.read(receiver, request)
        except Refused as refused:
            raise HTTPException(refused.status) from None

    async def guarded_event(request: Request) -> AsyncIterator[Event]:
        event = await verified_event(request)
        if not await receiver.is_new(event):
            raise HTTPException(201)  # a dependency can answer a request only through an exception
        yield event  # an exception of the endpoint is raised here
        await receiver.done(event)

    # FastAPI reads the annotations of a dependency, but cannot resolve names of this function's scope.
    verified_event.__annotations__ = guarded_event.__annotations__ = {"request": Request, "return": Event}
    return verified_event if replay_guard is None else guarded_event
