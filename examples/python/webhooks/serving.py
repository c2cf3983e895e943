"""Starts the servers of the examples: uvicorn for ASGI, the standard library's server for WSGI. An application uses its own server."""

import os
import socket
import sys
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def print_url(port: int) -> None:
    print(f"listening on http://127.0.0.1:{port}/webhooks/scalekit", flush=True)


def asgi(app: Any) -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", 0))))
    print_url(listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="auto")).run(sockets=[listener])


class Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Turns off the log line of each request."""


def wsgi(application: Any) -> None:
    with make_server("127.0.0.1", int(os.environ.get("PORT", 0)), application, Threads, Quiet) as server:
        print_url(server.server_port)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit()
