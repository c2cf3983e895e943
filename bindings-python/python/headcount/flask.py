"""Webhooks in Flask: ``app.add_url_rule("/webhooks/scalekit", view_func=headcount.flask.endpoint(handler), methods=["POST"])``."""

from __future__ import annotations

from typing import Callable, Optional

from flask import Response, make_response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ._endpoint import Handler, Receiver, Refused
from ._headcount import ReplayGuard, Webhook


def endpoint(
    handler: Handler, webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None, *, name: str = "headcount_webhook"
) -> Callable[[], Response]:
    """Returns a view that verifies each request and passes its event to ``handler``. Answers are those of ``headcount.wsgi.endpoint``; a
    response of the handler whose status is not 2xx (``Response(status=503)``, ``("busy", 503)``) is sent as it is.

    Middleware may have read the body (``request.get_json()``), since Flask keeps it. ``name`` is the view's name in the application. Before
    Flask 3.1 the application's MAX_CONTENT_LENGTH applies as well.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    def view() -> Response:
        try:
            if request.method != "POST":
                raise Refused(405)
            try:
                event = receiver.verify(_read(receiver), request.headers)
            except RequestEntityTooLarge:
                raise Refused(413) from None
            answer = receiver.handle_now(event)
        except Refused as refused:
            return Response(status=refused.status, headers={"Allow": "POST"} if refused.status == 405 else None)
        if answer is None:
            return Response(status=201)
        return make_response(answer.result) if isinstance(answer.result, (Response, tuple)) else Response(status=answer.status)

    view.__name__ = name
    return view


def _read(receiver: Receiver) -> bytes:
    declared = receiver.declared_length(request.environ.get("CONTENT_LENGTH"))
    try:
        request.max_content_length = receiver.webhook.max_body
    except AttributeError:
        pass  # before Flask 3.1 it cannot be set for one request
    if declared is None and getattr(request, "_cached_data", None) is None:
        # A chunked body. The stream is empty if the server does not guarantee that it ends.
        return receiver.read(request.stream.read, None)
    return request.get_data(cache=True)
