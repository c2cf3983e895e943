"""What the endpoints of all frameworks share: reading and verifying a request, and calling the handler."""

from __future__ import annotations

import asyncio
import inspect
import logging
from http import HTTPStatus
from typing import Any, Awaitable, Callable, Optional, Union

from ._headcount import Event, ReplayGuard, Webhook
from .errors import Error, WebhookVerificationError

Handler = Callable[[Event], object]
AsyncHandler = Callable[[Event], Awaitable[object]]

logger = logging.getLogger("headcount")


class Refused(Exception):
    """Raised for a request that is answered with a status and no body, so that an attacker does not learn the reason."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Receiver:
    """Verifies requests and passes their events to the handler.

    The default verifier is made at the first request, so that an application can be imported without its secret. Threads that make it at the
    same time make equal ones.
    """

    def __init__(
        self, handler: Union[Handler, AsyncHandler], webhook: Optional[Webhook], replay_guard: Optional[ReplayGuard] = None
    ) -> None:
        if not callable(handler):
            raise TypeError(f"handler: expected a function that takes an event, got {type(handler).__name__}")
        if webhook is not None and not isinstance(webhook, Webhook):
            raise TypeError(f"webhook: expected a headcount.Webhook, got {type(webhook).__name__}")
        if replay_guard is not None and not isinstance(replay_guard, ReplayGuard):
            raise TypeError(f"replay_guard: expected a headcount.ReplayGuard, got {type(replay_guard).__name__}")
        self.handler = handler
        self.replay_guard = replay_guard
        self._webhook: Optional[Webhook] = None
        if webhook is not None:
            self._use(webhook)
        called = getattr(handler, "__call__", None)
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)

    @property
    def webhook(self) -> Webhook:
        """The verifier. Raises ConfigError if its secret is missing: the server answers 500, and the event is sent again."""
        if self._webhook is None:
            try:
                self._use(Webhook())
            except Error as error:
                logger.error("a webhook cannot be verified: %s", error)
                raise
        assert self._webhook is not None
        return self._webhook

    def _use(self, webhook: Webhook) -> None:
        if self.replay_guard is not None:
            self.replay_guard.check_tolerance(webhook)
        self._webhook = webhook

    def declared_length(self, declared: Union[str, bytes, None]) -> Optional[int]:
        """Returns the length that the header Content-Length declares, or None if there is none.

        Raises Refused if it is not a number in ASCII digits (RFC 9110, 8.6) or exceeds the limit. Called before the body is read.
        """
        if declared is None or len(declared) == 0:
            return None
        if not declared.isascii() or not declared.isdigit():
            raise Refused(400)
        # Python refuses to convert a text of more than 4,300 digits, so a longer number is not converted: it exceeds the limit.
        length = int(declared) if len(declared) < 20 else self.webhook.max_body + 1
        self.check_length(length)
        return length

    def check_length(self, length: int) -> None:
        """Raises Refused if the length exceeds the limit."""
        if length > self.webhook.max_body:
            raise Refused(413)

    def read(self, read: Callable[[int], bytes], declared: Optional[int]) -> bytes:
        """Reads a body of ``declared`` bytes, or to its end if that is None. Reads at most one byte more than the limit. Raises
        Refused if the body exceeds the limit.
        """
        wanted = self.webhook.max_body + 1 if declared is None else declared
        body = bytearray()
        while len(body) < wanted:
            part = read(wanted - len(body))
            if not part:
                break
            body += part
        self.check_length(len(body))
        return bytes(body)

    def verify(self, body: bytes, headers: Any) -> Event:
        """Returns the event of a request. If it cannot be verified, logs the reason and raises Refused."""
        try:
            return self.webhook.verify(body, headers)
        except WebhookVerificationError as error:
            raise refused(error) from None

    async def is_new(self, event: Event) -> bool:
        """Returns whether the event has not been handled yet. A replay guard that may block is called in a thread."""
        guard = self.replay_guard
        if guard is None:
            return True
        return _log_repeated(event, await asyncio.to_thread(guard.check, event) if guard.blocking else guard.check(event))

    async def record(self, event: Event) -> None:
        """Records that the event was handled. A replay guard that may block is called in a thread."""
        guard = self.replay_guard
        if guard is not None:
            await asyncio.to_thread(guard.commit, event) if guard.blocking else guard.commit(event)

    async def handle(self, event: Event) -> Optional[Answer]:
        """Calls the handler unless the event was handled before. Records the event unless the handler's answer has a status other than 2xx.

        Returns None if the event was handled, by this call or before; the caller then answers 201. Otherwise returns the
        handler's answer. Raises Refused if the handler raises ``WebhookVerificationError``. A handler that is not a coroutine
        function runs in a thread.
        """
        if not await self.is_new(event):
            return None
        try:
            result = self.handler(event) if self.is_async else await asyncio.to_thread(self.handler, event)
            if inspect.isawaitable(result):
                result = await result
        except WebhookVerificationError as error:
            raise refused(error) from None
        answer = Answer.of(result)
        if answer is None:
            await self.record(event)
        return answer

    def handle_now(self, event: Event) -> Optional[Answer]:
        """As ``handle``, without an event loop: a coroutine function runs in a new loop."""
        guard = self.replay_guard
        if guard is not None and not _log_repeated(event, guard.check(event)):
            return None
        try:
            result = self.handler(event)
            if inspect.isawaitable(result):
                result = asyncio.run(_finish(result))
        except WebhookVerificationError as error:
            raise refused(error) from None
        answer = Answer.of(result)
        if answer is None and guard is not None:
            guard.commit(event)
        return answer


class Answer:
    """A handler's answer whose status is not 2xx: the event was not handled, and is sent again."""

    def __init__(self, status: int, result: object) -> None:
        self.status = status
        self.result = result
        """What the handler returned."""

    @staticmethod
    def of(result: object) -> Optional[Answer]:
        """Returns the answer for a handler's result, or None if the event was handled.

        A status is an ``HTTPStatus``, an ``int`` from 400 to 599, the ``status_code`` of a framework's response, or the second item of a
        tuple such as Flask's ``("busy", 503)``. Other results mean that the event was handled.
        """
        status = _status(result)
        return None if status is None or 200 <= status < 300 else Answer(status, result)


def _status(result: object) -> Optional[int]:
    """Returns the status that a handler's result has, or None if it has none."""
    if isinstance(result, HTTPStatus):
        return int(result)
    if isinstance(result, int):
        return result if 400 <= result <= 599 else None
    if isinstance(result, tuple):
        return _number(result[1]) if len(result) in (2, 3) else None
    return _number(getattr(result, "status_code", None))


def _number(status: object) -> Optional[int]:
    """Converts the status of a response, which is a number or a text such as ``503 Service Unavailable``. Returns None for
    another value.
    """
    text = str(int(status)) if isinstance(status, int) else status if isinstance(status, str) else ""
    digits = text[:3]
    return int(digits) if len(digits) == 3 and digits.isascii() and digits.isdigit() and not text[3:4].isdigit() else None


def refused(error: WebhookVerificationError) -> Refused:
    """Returns the exception for a request that was refused by the verifier, or by the mirror because of malformed data. Logs the reason."""
    logger.warning("a webhook was refused: %s", error)
    return Refused(413 if error.reason == "body_too_large" else 400)


def _log_repeated(event: Event, is_new: bool) -> bool:
    """Logs an event that is not new. Returns ``is_new``."""
    if not is_new:
        logger.info("a webhook was sent again and has been handled before: %s", event.id)
    return is_new


async def _finish(result: Awaitable[object]) -> object:
    """Makes a coroutine of an awaitable, because ``asyncio.run`` accepts only coroutines."""
    return await result
