"""Webhooks in Flask: ``app.add_url_rule("/webhooks/scalekit", view_func=headcount.flask.endpoint(handler), methods=["POST"])``."""

from __future__ import annotations

from typing import Callable, Optional

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ._endpoint import Handler, Receiver, Refused
from ._headcount import ReplayGuard, Webhook


def endpoint(
    handler: Handler, webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None, *, name: str = "headcount_webhook"
) -> Callable[[], Response]:
    """Returns a view that verifies each request and passes its event to ``handler``. Answers are those of ``headcount.wsgi.endpoint``.

    Middleware may have read the body (``request.get_json()``), since Flask keeps it. ``name`` is the view's name in the application.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    def view() -> Response:
        try:
            if request.method != "POST":
                raise Refused(405)
            receiver.check_length(request.content_length)
            request.max_content_length = receiver.webhook.max_body
            event = receiver.verify(request.get_data(cache=True), request.headers)
        except RequestEntityTooLarge:
            return Response(status=413)
        except Refused as refused:
            return Response(status=refused.status, headers={"Allow": "POST"} if refused.status == 405 else None)
        receiver.handle_now(event)
        return Response(status=201)

    view.__name__ = name
    return view
