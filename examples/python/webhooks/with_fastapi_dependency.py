"""A webhook endpoint in FastAPI: the event is a dependency of the function. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

from typing import Annotated

import serving
from fastapi import Depends, FastAPI, Response

import headcount
import headcount.fastapi

app = FastAPI()


@app.post("/webhooks/scalekit", status_code=201, response_class=Response)
def receive(event: Annotated[headcount.Event, Depends(headcount.fastapi.verified())]) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


if __name__ == "__main__":
    serving.asgi(app)
