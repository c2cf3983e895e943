"""The command line and the webhook endpoint of the programs without headcount, around the functions in which they differ."""

import json
import os
import sys
import time
from wsgiref.simple_server import make_server

from table import Table


def endpoint(verify, table):
    """Returns a WSGI application. An event is applied before the request is answered, so that the sender repeats it if this process ends."""
    secrets = os.environ["SCALEKIT_WEBHOOK_SECRET"].split(",")

    def application(environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {name: environ.get("HTTP_" + name.upper().replace("-", "_"), "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
        status = "201 Created"
        if any(verify(secret, headers, body) for secret in secrets):  # two secrets while one is replaced by the other
            table.apply(headers["webhook-id"], json.loads(body))
        else:
            status = "400 Bad Request"
        start_response(status, [("Content-Length", "0")])
        return [b""]

    return application


def main(verify, list_users):
    """Runs a program. `verify` returns whether a secret signed the body, and `list_users` returns all users and their number on the server."""
    table = Table(os.environ["USERS"])
    match sys.argv[1:]:
        case ["sync", *options]:
            started = time.time()
            table.sync(*list_users(), started, approve="--approve" in options)
        case ["serve"]:
            with make_server("127.0.0.1", 0, endpoint(verify, table)) as server:
                print(server.server_port, flush=True)
                server.serve_forever()
        case ["users"]:
            print(json.dumps(table.users()))
        case ["leavers"]:
            for user_id, email in table.leavers():
                print(user_id, email)
