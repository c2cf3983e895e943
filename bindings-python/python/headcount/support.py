"""What only Python can make for the native half: a coroutine, and a named tuple."""

from collections.abc import Awaitable
from typing import Callable, NamedTuple, TypeVar

_T = TypeVar("_T")


class Stats(NamedTuple):
    """What a client has done since it was made: ``client.stats()``."""

    requests: int
    """Requests sent, those for tokens and those that failed among them."""
    retries: int
    """Requests that repeated one before them."""
    throttled: int
    """Answers that asked to be left alone: 429, or any with ``Retry-After``."""
    token_renewals: int
    """Access tokens fetched."""
    pages: int
    """Pages of listings that have come."""
    bytes: int
    """Bytes of answers' bodies, decompressed."""


async def run(start: Callable[[], Awaitable[_T]]) -> _T:
    """A coroutine that begins when it is first run."""
    return await start()
