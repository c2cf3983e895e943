import asyncio

import headcount.asgi
from handling import GUARD, handle


async def handler(event):
    return 503 if await asyncio.to_thread(handle, event) else None


app = headcount.asgi.endpoint(handler, replay_guard=GUARD)
