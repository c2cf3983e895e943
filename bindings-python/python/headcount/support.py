"""What only Python can make for the native half: coroutines, a generic class, and a named tuple."""

from collections.abc import AsyncIterator, Awaitable, Generator
from typing import Any, Callable, Generic, NamedTuple, Optional, TypeVar

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


async def next_item(take: Callable[[], Optional[_T]], fill: Callable[[], Awaitable[None]]) -> _T:
    """The next item: taken without a wait behind it, so that a task that is cancelled leaves it to the next one."""
    while (item := take()) is None:
        await fill()
    return item


class AsyncRows(Generic[_T]):
    """What an ``AsyncMirror`` lists: ``await`` it for a list, or go through it with ``async for``."""

    def __init__(self, read: Callable[[], Awaitable[list[_T]]]) -> None:
        self._read = read

    def __await__(self) -> Generator[Any, Any, list[_T]]:
        return self._read().__await__()

    async def __aiter__(self) -> AsyncIterator[_T]:
        for row in await self._read():
            yield row
