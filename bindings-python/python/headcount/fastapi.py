"""Webhooks in FastAPI, as a dependency or as a whole endpoint.

    @app.post("/webhooks/scalekit", status_code=201)
    def receive(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> None:
        ...

    app.add_route("/webhooks/scalekit", headcount.fastapi.endpoint(handler), methods=["POST"])
"""

from __future__ import annotations

from typing import Awaitable, Callable, Optional

from fastapi import HTTPException, Request

from . import starlette
from ._endpoint import Receiver, Refused
from ._headcount import Event, Webhook

__all__ = ["endpoint", "verified"]

endpoint = starlette.endpoint


def verified(webhook: Optional[Webhook] = None) -> Callable[[Request], Awaitable[Event]]:
    """A dependency that verifies the request and gives its event.

    ``webhook`` is the verifier; without one, ``headcount.Webhook()`` is made at once. It answers 400 to what was not signed as it should
    be and 413 to a body over the verifier's ``max_body``, without an explanation (the logger ``headcount`` has the reason).
    """
    receiver = Receiver(lambda event: None, webhook)

    async def verified_event(request: Request) -> Event:
        try:
            return await starlette.read(receiver, request)
        except Refused as refused:
            raise HTTPException(refused.status) from None

    # FastAPI asks what a dependency's parameters are, and cannot look where this one was written.
    verified_event.__annotations__ = {"request": Request, "return": Event}
    return verified_event
