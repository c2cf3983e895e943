from fastapi import APIRouter, Depends, FastAPI, HTTPException

import headcount.fastapi
from handling import GUARD, handle

router = APIRouter(route_class=headcount.fastapi.WebhookRoute)


@router.post("/webhooks/scalekit", status_code=201)
async def receive(event: headcount.Event = Depends(headcount.fastapi.verified(replay_guard=GUARD))):
    if handle(event):
        raise HTTPException(503)


app = FastAPI()
app.include_router(router)
