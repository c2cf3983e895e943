"""Webhooks in Django: ``path("webhooks/scalekit", headcount.django.endpoint(handler))``."""

from __future__ import annotations

from typing import Any, Callable, Optional, Union

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError
from django.http.response import HttpResponseBase

from ._endpoint import Answer, AsyncHandler, Handler, Receiver, Refused
from ._headcount import Event, ReplayGuard, Webhook


def endpoint(
    handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[..., Any]:
    """Returns a view that verifies each request and passes its event to ``handler``. Answers are those of ``headcount.asgi.endpoint``.

    The view is async if ``handler`` is a coroutine function. It is exempt from CSRF checks, since webhooks are not sent by
    browsers. An ``HttpResponse`` of the handler whose status is not 2xx is sent as it is. Django's DATA_UPLOAD_MAX_MEMORY_SIZE
    applies as well. Middleware may have read the body through ``request.body``.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    if receiver.is_async:

        async def async_view(request: HttpRequest) -> HttpResponse:
            try:
                answer = await receiver.handle(_read(receiver, request))
            except Refused as refused:
                return _refusal(refused)
            return _response(answer)

        # Not the decorator `csrf_exempt`: before Django 5.0 it returns a function that is not a coroutine function. The decorator
        # only sets this attribute.
        async_view.csrf_exempt = True  # type: ignore[attr-defined]
        return async_view

    def view(request: HttpRequest) -> HttpResponse:
        try:
            answer = receiver.handle_now(_read(receiver, request))
        except Refused as refused:
            return _refusal(refused)
        return _response(answer)

    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def _read(receiver: Receiver, request: HttpRequest) -> Event:
    if request.method != "POST":
        raise Refused(405)
    declared = receiver.declared_length(request.META.get("CONTENT_LENGTH"))
    try:
        if declared is None and not hasattr(request, "_body"):
            # A chunked body, which `request.body` would read without a limit. Django keeps what it has read in this attribute.
            request._body = receiver.read(request.read, None)
        body = request.body
    except RequestDataTooBig:
        raise Refused(413) from None
    except UnreadablePostError:
        raise Refused(400) from None
    except RawPostDataException as error:
        raise RuntimeError(
            "the webhook's body was consumed from the request's stream: read `request.body` instead, or mount the endpoint outside of the middleware"
        ) from error
    return receiver.verify(body, request.META)


def _refusal(refused: Refused) -> HttpResponse:
    return HttpResponse(status=refused.status, headers={"Allow": "POST"} if refused.status == 405 else None)


def _response(answer: Optional[Answer]) -> HttpResponse:
    if answer is None:
        return HttpResponse(status=201)
    return answer.result if isinstance(answer.result, HttpResponseBase) else HttpResponse(status=answer.status)
