"""A webhook endpoint as a WSGI application, without a framework. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import serving

import headcount
import headcount.wsgi


def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


application = headcount.wsgi.endpoint(receive)

if __name__ == "__main__":
    serving.wsgi(application)
