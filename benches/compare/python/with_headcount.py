"""A program with headcount: `with_headcount.py sync | serve | users | leavers`."""

import json
import os
import sys
from wsgiref.simple_server import make_server

import headcount
import headcount.wsgi

client = headcount.Client.from_env()
secrets = os.environ["SCALEKIT_WEBHOOK_SECRET"].split(",")
with headcount.Mirror(os.environ["USERS"], client=client, webhook_secret=secrets) as mirror:
    match sys.argv[1:]:
        case ["sync", *options]:
            mirror.sync(os.environ["ORGANIZATION"], os.environ["DIRECTORY"], mode="full", approve_removals="--approve" in options)
        case ["serve"]:
            endpoint = headcount.wsgi.endpoint(mirror.apply, headcount.Webhook(secrets))
            with make_server("127.0.0.1", 0, endpoint) as server:
                print(server.server_port, flush=True)
                server.serve_forever()
        case ["users"]:
            print(json.dumps({user.id: user.email for user in mirror.users(os.environ["ORGANIZATION"]) if user.active}))
        case ["leavers"]:
            for change in mirror.changes("leavers", timeout=0):
                if change.kind in ("user.deleted", "user.deactivated"):
                    print(change.user.id, change.user.email)
                change.ack()
