"""FastAPI with each endpoint twice: with headcount's helper, and without, reading the body and answering 201."""

import socket
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


app = FastAPI()
app.add_route("/without/route", without_route, methods=["POST"])
app.add_route("/with/route", headcount.fastapi.endpoint(handle), methods=["POST"])


@app.post("/without/dependency")
async def without_dependency(body: Annotated[bytes, Depends(body_of)]) -> Response:
    return Response(status_code=201)


@app.post("/with/dependency")
async def with_dependency(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> Response:
    return Response(status_code=201)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off")).run(sockets=[listener])
