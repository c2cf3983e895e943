from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

import headcount.fastapi
from handling import GUARD, handle

app = FastAPI()
app.router.route_class = headcount.fastapi.WebhookRoute
verified = headcount.fastapi.verified(replay_guard=GUARD)


@app.post("/webhooks/scalekit", status_code=201)
def receive(event: headcount.Event = Depends(verified)):
    if handle(event):
        return JSONResponse({"detail": "busy"}, status_code=503)
    return None
