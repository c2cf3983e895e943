"""Webhooks in Django: ``path("webhooks/scalekit", headcount.django.endpoint(handler))``."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.views.decorators.csrf import csrf_exempt

from ._endpoint import AsyncHandler, Handler, Receiver, Refused
from ._headcount import Event, ReplayGuard, Webhook


def endpoint(
    handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[..., Any]:
    """A view that verifies each request and gives its event to ``handler``: as ``headcount.asgi.endpoint``, which says what is answered.

    It is an async view where ``handler`` is a coroutine function, and exempt from CSRF tokens, as no browser sends webhooks. Django's
    own DATA_UPLOAD_MAX_MEMORY_SIZE applies as well. A body that something before has read through ``request.body`` is verified as well.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    if receiver.is_async:

        async def async_view(request: HttpRequest) -> HttpResponse:
            try:
                event = _read(receiver, request)
            except Refused as refused:
                return _answer(refused.status)
            await receiver.handle(event)
            return _answer(201)

        return csrf_exempt(async_view)

    def view(request: HttpRequest) -> HttpResponse:
        try:
            event = _read(receiver, request)
        except Refused as refused:
            return _answer(refused.status)
        receiver.handle_now(event)
        return _answer(201)

    return csrf_exempt(view)


def _read(receiver: Receiver, request: HttpRequest) -> Event:
    if request.method != "POST":
        raise Refused(405)
    receiver.check_length(request.META.get("CONTENT_LENGTH"))
    try:
        body = request.body
    except RequestDataTooBig:
        raise Refused(413) from None
    except RawPostDataException as error:
        raise RuntimeError(
            "the webhook's body was read before, from the request's stream: read `request.body` there, or mount the endpoint outside of it"
        ) from error
    return receiver.verify(body, request.META)


def _answer(status: int) -> HttpResponse:
    return HttpResponse(status=status, headers={"Allow": "POST"} if status == 405 else None)
