from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import headcount.starlette
from handling import GUARD, handle


def handler(event):
    return PlainTextResponse("busy", status_code=503) if handle(event) else None


app = Starlette(routes=[Route("/webhooks/scalekit", headcount.starlette.endpoint(handler, replay_guard=GUARD), methods=["POST"])])
