"""The shortest program by hand, as the first examples of a documentation lead to: each event and each listing is written as it comes."""

import base64
import hmac
import json
import os
import sqlite3
import sys
import time
from wsgiref.simple_server import make_server

import httpx

secret = base64.b64decode(os.environ["SCALEKIT_WEBHOOK_SECRET"].removeprefix("whsec_"))
db = sqlite3.connect(os.environ["USERS"])
db.execute("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, email TEXT NOT NULL)")
db.execute("CREATE TABLE IF NOT EXISTS leavers (id TEXT NOT NULL, email TEXT)")


def leave(user_id, email):
    db.execute("DELETE FROM users WHERE id = ?", (user_id,))
    db.execute("INSERT INTO leavers VALUES (?, ?)", (user_id, email))


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    message_id, timestamp = environ["HTTP_WEBHOOK_ID"], environ["HTTP_WEBHOOK_TIMESTAMP"]
    right = "v1," + base64.b64encode(hmac.digest(secret, f"{message_id}.{timestamp}.".encode() + body, "sha256")).decode()
    if abs(time.time() - int(timestamp)) > 300 or not hmac.compare_digest(right, environ["HTTP_WEBHOOK_SIGNATURE"]):
        start_response("400 Bad Request", [("Content-Length", "0")])
        return [b""]
    event = json.loads(body)
    user = event["data"]
    if event["type"] == "organization.directory.user_deleted":
        leave(user["id"], user["email"])
    elif event["type"] in ("organization.directory.user_created", "organization.directory.user_updated"):
        if user["active"]:
            db.execute("REPLACE INTO users VALUES (?, ?)", (user["id"], user["email"]))
        else:
            leave(user["id"], user["email"])
    db.commit()
    start_response("201 Created", [("Content-Length", "0")])
    return [b""]


def sync():
    with httpx.Client(base_url=os.environ["SCALEKIT_ENVIRONMENT_URL"], timeout=30) as client:
        credentials = {"client_id": os.environ["SCALEKIT_CLIENT_ID"], "client_secret": os.environ["SCALEKIT_CLIENT_SECRET"]}
        token = client.post("/oauth/token", data={"grant_type": "client_credentials", **credentials}).raise_for_status().json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        path = f"/api/v1/organizations/{os.environ['ORGANIZATION']}/directories/{os.environ['DIRECTORY']}/users"
        listed, token = set(), ""
        while True:
            page = client.get(path, params={"page_size": 100, "page_token": token, "include_detail": "true"}).raise_for_status().json()
            for user in page["users"]:
                if user["user_detail"]["active"]:
                    listed.add(user["id"])
                    db.execute("REPLACE INTO users VALUES (?, ?)", (user["id"], user["email"]))
            token = page["next_page_token"]
            if not token:
                break
    for user_id, email in db.execute("SELECT id, email FROM users").fetchall():
        if user_id not in listed:
            leave(user_id, email)
    db.commit()


if sys.argv[1] == "sync":
    sync()
elif sys.argv[1] == "serve":
    with make_server("127.0.0.1", 0, application) as server:
        print(server.server_port, flush=True)
        server.serve_forever()
elif sys.argv[1] == "users":
    print(json.dumps(dict(db.execute("SELECT id, email FROM users"))))
elif sys.argv[1] == "leavers":
    for user_id, email in db.execute("SELECT id, email FROM leavers").fetchall():
        print(user_id, email)
        db.execute("DELETE FROM leavers WHERE id = ?", (user_id,))
    db.commit()
