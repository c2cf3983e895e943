"""A webhook endpoint in Starlette. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import os

import serving
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Route

import headcount
import headcount.starlette


async def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


async def parse(request, call_next):
    """A middleware that parses the body before the endpoint reads it."""
    await request.json()
    return await call_next(request)


app = Starlette(
    routes=[Route("/webhooks/scalekit", headcount.starlette.endpoint(receive), methods=["POST"])],
    middleware=[Middleware(BaseHTTPMiddleware, dispatch=parse)] if os.environ.get("AFTER_A_PARSER") else [],
)

if __name__ == "__main__":
    serving.asgi(app)
