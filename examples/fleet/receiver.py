"""Receives Scalekit's webhooks: ``uvicorn receiver:app``. Run as many as you like behind a load balancer."""

import headcount
import headcount.asgi
import settings

mirror = settings.open_mirror()
# A missing or malformed secret is an error now, not at the first webhook.
endpoint = headcount.asgi.endpoint(mirror.apply, headcount.Webhook())


async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/healthz":
        return await healthz(send)
    await endpoint(scope, receive, send)


async def healthz(send):
    """Answers a load balancer that asks whether this process runs."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
