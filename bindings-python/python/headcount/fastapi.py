"""Webhooks in FastAPI, as a dependency or as a whole endpoint.

    app.router.route_class = headcount.fastapi.WebhookRoute

    @app.post("/webhooks/scalekit", status_code=201)
    def receive(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> None:
        ...

    app.add_route("/webhooks/scalekit", headcount.fastapi.endpoint(handler), methods=["POST"])
"""

from __future__ import annotations

from typing import Any, AsyncIterator, Callable, Coroutine, Dict, Optional

from fastapi import HTTPException, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from . import starlette
from ._endpoint import Receiver, Refused, refused
from ._headcount import Event, ReplayGuard, Webhook
from .errors import WebhookVerificationError

__all__ = ["WebhookRoute", "endpoint", "verified"]

endpoint = starlette.endpoint

_RECORD = "headcount.record"
"""Key in the request's scope of a dict that maps the ``Receiver`` of each ``verified`` dependency to its event. ``WebhookRoute``
records these events if the answer is 2xx.
"""


def verified(webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None) -> Callable[[Request], Any]:
    """Returns a dependency that verifies the request and returns its event.

    ``webhook`` is the verifier; the default, ``headcount.Webhook()``, is made at the first request. Pass ``headcount.Webhook()``
    to make a missing secret an error at start-up. The request is answered with 400 if it cannot be verified or the endpoint
    raises ``WebhookVerificationError`` (as ``mirror.apply`` does for malformed data), and with 413 if the body exceeds the
    verifier's ``max_body``. These answers do not contain the reason; the logger ``headcount`` logs it.

    If ``replay_guard`` has recorded the message, the answer is 201 and the endpoint is not called. A message is recorded when the endpoint has
    answered 2xx. A dependency does not see the answer, so the route must be a ``WebhookRoute``; on any other route the request is answered
    with 500.
    """
    receiver = Receiver(lambda event: None, webhook, replay_guard)

    async def verified_event(request: Request) -> AsyncIterator[Event]:
        try:
            event = await starlette.read(receiver, request)
        except Refused as reason:
            raise HTTPException(reason.status) from None
        if replay_guard is not None:
            if _RECORD not in request.scope:
                raise RuntimeError(
                    "a replay guard needs the status of the answer: set app.router.route_class = headcount.fastapi.WebhookRoute, "
                    "or pass route_class=headcount.fastapi.WebhookRoute to the APIRouter"
                )
            if not await receiver.is_new(event):
                raise HTTPException(201)  # a dependency can answer a request only through an exception
            request.scope[_RECORD][receiver] = event
        try:
            yield event
        except WebhookVerificationError as error:
            raise HTTPException(refused(error).status) from None

    # FastAPI evaluates the annotations of a dependency. In this module they are texts (postponed), so they are replaced by
    # classes.
    verified_event.__annotations__ = {"request": Request, "return": AsyncIterator[Event]}
    return verified_event


class WebhookRoute(APIRoute):
    """A route whose endpoint has a ``verified(replay_guard=...)`` dependency: records the message if the answer is 2xx, before the answer
    is sent.

    Set it as ``app.router.route_class``, or pass it as ``route_class`` to an ``APIRouter``, before the endpoints are added.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Returns the route's handler, which FastAPI calls."""
        handle = super().get_route_handler()

        async def handle_and_record(request: Request) -> Response:
            verified_events: Dict[Receiver, Event] = {}
            request.scope[_RECORD] = verified_events
            response: Response = await handle(request)
            if 200 <= response.status_code < 300:
                for receiver, event in verified_events.items():
                    await receiver.record(event)
            return response

        return handle_and_record
