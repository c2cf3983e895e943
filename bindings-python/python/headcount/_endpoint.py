"""The part that the endpoints of all frameworks share: reading, verifying and answering a request."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any, Awaitable, Callable, Optional, Union

from ._headcount import Event, ReplayGuard, Webhook
from .errors import WebhookVerificationError

Handler = Callable[[Event], object]
AsyncHandler = Callable[[Event], Awaitable[object]]

logger = logging.getLogger("headcount")


class Refused(Exception):
    """A request that is answered with a status and no body, so that an attacker learns nothing about the reason."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Receiver:
    """Verifies requests and passes their events to the handler. Made at start-up, so that a missing secret is an error at that time."""

    def __init__(
        self, handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook], replay_guard: Optional[ReplayGuard] = None
    ) -> None:
        if not callable(handler):
            raise TypeError(f"the handler is a {type(handler).__name__}: expected a function that takes an event")
        self.handler = handler
        self.webhook = Webhook() if webhook is None else webhook
        self.replay_guard = replay_guard
        called = getattr(handler, "__call__", None)
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)

    def check_length(self, declared: Union[str, bytes, int, None]) -> None:
        """Raises Refused if the declared length is not a number or exceeds the limit. Called before the body is read."""
        try:
            length = int(declared or 0)
        except ValueError:
            raise Refused(400) from None
        if length > self.webhook.max_body:
            raise Refused(413)

    def verify(self, body: bytes, headers: Any) -> Event:
        """Returns the event of a request, or raises Refused. The reason is logged."""
        try:
            return self.webhook.verify(body, headers)
        except WebhookVerificationError as error:
            logger.info("a webhook was refused: %s", error)
            raise Refused(413 if error.reason == "body_too_large" else 400) from None

    async def is_new(self, event: Event) -> bool:
        """Whether the event has not been handled yet. A guard that may block is called in a thread."""
        guard = self.replay_guard
        if guard is None:
            return True
        return _log_repeated(event, await asyncio.to_thread(guard.check, event) if guard.blocking else guard.check(event))

    async def done(self, event: Event) -> None:
        """Records that the event was handled. An event whose handler failed is handled again when it is sent again."""
        guard = self.replay_guard
        if guard is not None:
            await asyncio.to_thread(guard.commit, event) if guard.blocking else guard.commit(event)

    async def handle(self, event: Event) -> None:
        """Calls the handler unless the event was handled before. A handler that is no coroutine function runs in a thread."""
        guarded = self.replay_guard is not None
        if guarded and not await self.is_new(event):
            return
        result = self.handler(event) if self.is_async else await asyncio.to_thread(self.handler, event)
        if inspect.isawaitable(result):
            await result
        if guarded:
            await self.done(event)

    def handle_now(self, event: Event) -> None:
        """As ``handle``, without an event loop: a coroutine function runs in a new loop."""
        guard = self.replay_guard
        if guard is not None and not _log_repeated(event, guard.check(event)):
            return
        result = self.handler(event)
        if inspect.isawaitable(result):
            asyncio.run(_finish(result))
        if guard is not None:
            guard.commit(event)


def _log_repeated(event: Event, new: bool) -> bool:
    if not new:
        logger.info("a webhook was sent again and has been handled before: %s", event.id)
    return new


async def _finish(result: Awaitable[object]) -> None:
    await result
