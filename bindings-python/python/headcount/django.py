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
    """Returns a view that verifies each request and passes its event to ``handler``. Answers are those of ``headcount.asgi.endpoint``.

    It is an async view if ``handler`` is a coroutine function. It is exempt from CSRF tokens, since browsers do not send webhooks. Django's
    DATA_UPLOAD_MAX_MEMORY_SIZE applies as well. Middleware may have read the body through ``request.body``.
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
            "the webhook's body was consumed from the request's stream: read `request.body` instead, or mount the endpoint outside of the middleware"
        ) from error
    return receiver.verify(body, request.META)


def _answer(status: int) -> HttpResponse:
    return HttpResponse(status=status, headers={"Allow": "POST"} if status == 405 else None)
