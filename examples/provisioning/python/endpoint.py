"""Receives Scalekit's webhooks. An event is verified, stored and applied before the request is answered."""

import os
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import headcount
import headcount.wsgi
import settings


def server(mirror: headcount.Mirror, port: int) -> WSGIServer:
    """Makes the server. ``headcount.fastapi``, ``.flask`` and ``.django`` have the same endpoint for other frameworks."""
    application = headcount.wsgi.endpoint(mirror.apply)
    return make_server("127.0.0.1", port, application, handler_class=Quiet)


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Turns off the log line of each request."""


if __name__ == "__main__":
    with settings.open_mirror() as mirror, server(mirror, int(os.environ.get("PORT", "8000"))) as running:
        print(f"listening on http://127.0.0.1:{running.server_port}/", flush=True)
        running.serve_forever()
