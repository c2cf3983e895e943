"""A webhook endpoint in FastAPI: a route made by headcount. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import os

import serving
from fastapi import FastAPI, Request

import headcount
import headcount.fastapi


def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


app = FastAPI()
app.add_route("/webhooks/scalekit", headcount.fastapi.endpoint(receive), methods=["POST"])

if os.environ.get("AFTER_A_PARSER"):

    @app.middleware("http")
    async def parse(request: Request, call_next):
        """A middleware that parses the body before the endpoint reads it."""
        await request.json()
        return await call_next(request)


if __name__ == "__main__":
    serving.asgi(app)
