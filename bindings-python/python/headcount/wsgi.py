"""Webhooks on any WSGI server: ``application = headcount.wsgi.endpoint(handler)``, served or mounted like any application."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Callable, Dict, Iterable, Optional

from ._endpoint import Handler, Receiver, Refused
from ._headcount import ReplayGuard, Webhook

Environ = Dict[str, Any]
StartResponse = Callable[..., Any]


def endpoint(
    handler: Handler, webhook: Optional[Webhook] = None, replay_guard: Optional[ReplayGuard] = None
) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
    """Returns a WSGI application that verifies each request and passes its event to ``handler``.

    ``handler`` takes a ``headcount.Event``. ``webhook`` is the verifier; the default, ``headcount.Webhook()``, is made at the first request.
    Pass ``headcount.Webhook()`` to make a missing secret an error at start-up.

    The application answers 201 when the handler has returned, 400 if the request cannot be verified or the handler raises
    ``WebhookVerificationError`` (as ``mirror.apply`` does for malformed data), 413 if the body exceeds the verifier's
    ``max_body`` and 405 to methods other than POST. These answers have no body; the logger ``headcount`` logs the reason. An
    exception of the handler reaches the server, which answers 500, so that the event is sent again. A handler can also return a
    status that is not 2xx, which is then the answer: an ``HTTPStatus``, an ``int`` from 400 to 599, an object with a
    ``status_code``, or a tuple such as ``("busy", 503)``. If ``replay_guard`` has recorded the message, the answer is 201 and the
    handler is not called; a message is recorded when the answer is 2xx. Any number of threads may serve requests at once.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            if environ["REQUEST_METHOD"] != "POST":
                raise Refused(405)
            event = receiver.verify(_read(receiver, environ), environ)
            answer = receiver.handle_now(event)
        except Refused as refused:
            return _answer(start_response, refused.status)
        return _answer(start_response, 201 if answer is None else answer.status)

    return application


def _read(receiver: Receiver, environ: Environ) -> bytes:
    declared = receiver.declared_length(environ.get("CONTENT_LENGTH"))
    # A chunked body has no declared length. Reading to its end is safe only if the server guarantees that the stream ends.
    if declared is None and not environ.get("wsgi.input_terminated"):
        return b""
    return receiver.read(environ["wsgi.input"].read, declared)


def _answer(start_response: StartResponse, status: int) -> Iterable[bytes]:
    headers = [("Content-Length", "0")] + ([("Allow", "POST")] if status == 405 else [])
    start_response(f"{status} {_phrase(status)}", headers)
    return [b""]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
