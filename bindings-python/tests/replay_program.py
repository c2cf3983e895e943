"""A program that serves an endpoint with a replay guard.

The argument is the framework. REPLAY_GUARD is the guard's SQLite file; without it the guard is in memory.
"""

import os
import sys
from pathlib import Path

import headcount

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "python" / "webhooks"))

import serving  # noqa: E402

FILE = os.environ.get("REPLAY_GUARD")
GUARD = headcount.ReplayGuard.sqlite(FILE) if FILE else headcount.ReplayGuard()
FAILED = set()


def receive(event):
    if event.data.get("id") == "fails_once" and event.message_id not in FAILED:
        FAILED.add(event.message_id)
        raise RuntimeError("simulated failure of the database")
    print(event.message_id, flush=True)


async def receive_async(event):
    receive(event)


def django(handler):
    from django import setup
    from django.conf import settings
    from django.urls import path

    import headcount.django

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="a test's")
    setup()
    globals()["urlpatterns"] = [path("webhooks/scalekit", headcount.django.endpoint(handler, replay_guard=GUARD))]


def serve(name):
    if name == "asgi":
        import headcount.asgi

        serving.asgi(headcount.asgi.endpoint(receive_async, replay_guard=GUARD))
    elif name == "wsgi":
        import headcount.wsgi

        serving.wsgi(headcount.wsgi.endpoint(receive, replay_guard=GUARD))
    elif name == "starlette":
        from starlette.applications import Starlette
        from starlette.routing import Route

        import headcount.starlette

        endpoint = headcount.starlette.endpoint(receive, replay_guard=GUARD)
        serving.asgi(Starlette(routes=[Route("/webhooks/scalekit", endpoint, methods=["POST"])]))
    elif name == "fastapi_route":
        from fastapi import FastAPI

        import headcount.fastapi

        app = FastAPI()
        app.add_route("/webhooks/scalekit", headcount.fastapi.endpoint(receive, replay_guard=GUARD), methods=["POST"])
        serving.asgi(app)
    elif name == "fastapi_dependency":
        from fastapi import Depends, FastAPI

        import headcount.fastapi

        app = FastAPI()
        app.router.route_class = headcount.fastapi.WebhookRoute
        verified = headcount.fastapi.verified(replay_guard=GUARD)

        @app.post("/webhooks/scalekit", status_code=201)
        def endpoint(event: headcount.Event = Depends(verified)) -> None:
            receive(event)

        serving.asgi(app)
    elif name == "flask":
        from flask import Flask

        import headcount.flask

        app = Flask(__name__)
        app.add_url_rule("/webhooks/scalekit", view_func=headcount.flask.endpoint(receive, replay_guard=GUARD), methods=["POST"])
        serving.wsgi(app)
    elif name == "django_sync":
        from django.core.wsgi import get_wsgi_application

        django(receive)
        serving.wsgi(get_wsgi_application())
    elif name == "django_async":
        from django.core.asgi import get_asgi_application

        django(receive_async)
        serving.asgi(get_asgi_application())
    else:
        sys.exit(f"unknown framework: {name}")


if __name__ == "__main__":
    serve(sys.argv[1])
