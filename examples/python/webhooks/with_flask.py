"""A webhook endpoint in Flask. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import os

import serving
from flask import Flask, request

import headcount
import headcount.flask


def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


app = Flask(__name__)
app.add_url_rule("/webhooks/scalekit", view_func=headcount.flask.endpoint(receive), methods=["POST"])

if os.environ.get("AFTER_A_PARSER"):

    @app.before_request
    def parse() -> None:
        """Parses the body before the endpoint reads it."""
        request.get_json(silent=True)


if __name__ == "__main__":
    serving.wsgi(app)
