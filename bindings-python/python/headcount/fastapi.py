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
    """A dependency that verifies the request and gives its event.

    ``webhook`` is the verifier; without one, ``headcount.Webhook()`` is made at once. It answers 400 to what was not signed as it should
    be and 413 to a body over the verifier's ``max_body``, without an explanation (the logger ``headcount`` has the reason). A delivery
    that ``replay_guard`` has on record is answered 201 without calling the endpoint; it is recorded once the endpoint has returned:
    before the answer is sent with ``Depends(verified(...), scope="function")``, and a moment after it without.
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
            raise HTTPException(201)  # the way that a dependency has to answer in the endpoint's place
        yield event  # where the endpoint raises, it is raised here
        await receiver.done(event)

    # FastAPI asks what a dependency's parameters are, and cannot look where these were written.
    verified_event.__annotations__ = guarded_event.__annotations__ = {"request": Request, "return": Event}
    return verified_event if replay_guard is None else guarded_event
