"""What the endpoints of all frameworks have in common: what is read, what is verified, what is answered."""

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
    """A request that is answered with a status and nothing else: whoever tries signatures out learns nothing."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Receiver:
    """A verifier and what its events are given to. Made at start-up, so that a secret that is missing is found then."""

    def __init__(
        self, handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook], replay_guard: Optional[ReplayGuard] = None
    ) -> None:
        if not callable(handler):
            raise TypeError(f"the handler is a {type(handler).__name__}: expected a function of an event")
        self.handler = handler
        self.webhook = Webhook() if webhook is None else webhook
        self.replay_guard = replay_guard
        called = getattr(handler, "__call__", None)
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)

    def check_length(self, declared: Union[str, bytes, int, None]) -> None:
        """Refuses a body by its declared length, before any of it is read."""
        try:
            length = int(declared or 0)
        except ValueError:
            raise Refused(400) from None
        if length > self.webhook.max_body:
            raise Refused(413)

    def verify(self, body: bytes, headers: Any) -> Event:
        """The event of a request, or Refused. The reason is logged, for whoever sets the endpoint up."""
        try:
            return self.webhook.verify(body, headers)
        except WebhookVerificationError as error:
            logger.info("a webhook was refused: %s", error)
            raise Refused(413 if error.reason == "body_too_large" else 400) from None

    async def is_new(self, event: Event) -> bool:
        """Whether the guard lets the event through. A guard that would block the loop is asked in a thread."""
        guard = self.replay_guard
        if guard is None:
            return True
        return _told(event, await asyncio.to_thread(guard.check, event) if guard.blocking else guard.check(event))

    async def done(self, event: Event) -> None:
        """Tells the guard that the event was handled: what was not, is let through when it comes again."""
        guard = self.replay_guard
        if guard is not None:
            await asyncio.to_thread(guard.commit, event) if guard.blocking else guard.commit(event)

    async def handle(self, event: Event) -> None:
        """Calls the handler, unless that was done before; one that would block the loop, in a thread."""
        guarded = self.replay_guard is not None
        if guarded and not await self.is_new(event):
            return
        result = self.handler(event) if self.is_async else await asyncio.to_thread(self.handler, event)
        if inspect.isawaitable(result):
            await result
        if guarded:
            await self.done(event)

    def handle_now(self, event: Event) -> None:
        """Calls the handler, unless that was done before; a coroutine runs to its end in a loop of its own."""
        guard = self.replay_guard
        if guard is not None and not _told(event, guard.check(event)):
            return
        result = self.handler(event)
        if inspect.isawaitable(result):
            asyncio.run(_finish(result))
        if guard is not None:
            guard.commit(event)


def _told(event: Event, new: bool) -> bool:
    if not new:
        logger.info("a webhook came again and was handled before: %s", event.id)
    return new


async def _finish(result: Awaitable[object]) -> None:
    await result
