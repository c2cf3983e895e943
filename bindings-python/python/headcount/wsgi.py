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

    ``handler`` takes a ``headcount.Event``. ``webhook`` is the verifier; the default, ``headcount.Webhook()``, is made now.

    It answers 201 when the handler has returned, 400 if the signature is wrong, 413 if the body exceeds the verifier's ``max_body`` and
    405 to methods other than POST. These answers have no body; the logger ``headcount`` has the reason. An exception of the handler reaches the
    server, which answers 500, so that the event is sent again. If ``replay_guard`` has recorded the message, the answer is 201 and the handler
    is not called; a message is recorded when the handler has returned. Any number of threads may serve requests at once.
    """
    receiver = Receiver(handler, webhook, replay_guard)

    def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            if environ["REQUEST_METHOD"] != "POST":
                raise Refused(405)
            event = receiver.verify(_read(receiver, environ), environ)
        except Refused as refused:
            return _answer(start_response, refused.status)
        receiver.handle_now(event)
        return _answer(start_response, 201)

    return application


def _read(receiver: Receiver, environ: Environ) -> bytes:
    declared = environ.get("CONTENT_LENGTH")
    receiver.check_length(declared)
    stream = environ["wsgi.input"]
    if declared:
        body: bytes = stream.read(int(declared))
        return body
    # A chunked body has no declared length. Reading to its end is safe only if the server says that the stream ends.
    return stream.read(receiver.webhook.max_body + 1) if environ.get("wsgi.input_terminated") else b""


def _answer(start_response: StartResponse, status: int) -> Iterable[bytes]:
    headers = [("Content-Length", "0")] + ([("Allow", "POST")] if status == 405 else [])
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [b""]
