"""FastAPI with three variants of each route: one reads the body and answers 201, one checks the signature and parses the body by hand, one uses
headcount's endpoint."""

import base64
import hmac
import json
import os
import socket
import time
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Request, Response

import headcount
import headcount.fastapi


async def handle(event: headcount.Event) -> None:
    pass


async def without_route(request: Request) -> Response:
    await request.body()
    return Response(status_code=201)


async def body_of(request: Request) -> bytes:
    return await request.body()


KEY = base64.b64decode(os.environ["SCALEKIT_WEBHOOK_SECRET"].removeprefix("whsec_"))


async def by_hand(request: Request) -> object:
    """Verifies by hand, with the minimum of checks: one signature version, one signature, no size limits."""
    body, headers = await request.body(), request.headers
    message, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > 300:
        raise ValueError("too old")
    expected = hmac.digest(KEY, f"{message}.{timestamp}.".encode() + body, "sha256")
    if not hmac.compare_digest(expected, base64.b64decode(headers["webhook-signature"].removeprefix("v1,"))):
        raise ValueError("no match")
    return json.loads(body)


async def by_hand_route(request: Request) -> Response:
    await by_hand(request)
    return Response(status_code=201)


app = FastAPI()
app.add_route("/without/route", without_route, methods=["POST"])
app.add_route("/by-hand/route", by_hand_route, methods=["POST"])
app.add_route("/with/route", headcount.fastapi.endpoint(handle), methods=["POST"])


@app.post("/without/dependency")
async def without_dependency(body: Annotated[bytes, Depends(body_of)]) -> Response:
    return Response(status_code=201)


@app.post("/by-hand/dependency")
async def by_hand_dependency(event: Annotated[object, Depends(by_hand)]) -> Response:
    return Response(status_code=201)


@app.post("/with/dependency")
async def with_dependency(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> Response:
    return Response(status_code=201)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")).run(sockets=[listener])
