"""A webhook endpoint as an ASGI application, without a framework. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import serving

import headcount
import headcount.asgi


async def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


app = headcount.asgi.endpoint(receive)

if __name__ == "__main__":
    serving.asgi(app)
