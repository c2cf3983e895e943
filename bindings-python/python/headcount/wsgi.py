"""Webhooks on any WSGI server: ``application = headcount.wsgi.endpoint(handler)``, to be served or mounted as it is."""

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
    """A WSGI application that verifies each request and gives its event to ``handler``.

    ``handler`` is a function of a ``headcount.Event``. ``webhook`` is the verifier; without one, ``headcount.Webhook()`` is made at once.
    It answers 201 when the handler has returned; 400 to what was not signed as it should be, 413 to a body over the verifier's
    ``max_body``, 405 to other methods, all without a word of explanation (the logger ``headcount`` has the reason). What the handler
    raises is the server's: it answers 500, and the event comes again. A delivery that ``replay_guard`` has on record is answered
    201 without calling the handler; it is recorded once the handler has returned. Any number of threads may serve requests at once.
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
    # A body in chunks has no length beforehand; only where the server says that it ends does reading on not wait for ever.
    return stream.read(receiver.webhook.max_body + 1) if environ.get("wsgi.input_terminated") else b""


def _answer(start_response: StartResponse, status: int) -> Iterable[bytes]:
    headers = [("Content-Length", "0")] + ([("Allow", "POST")] if status == 405 else [])
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [b""]
