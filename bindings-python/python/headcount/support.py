"""Parts of the native module that must be written in Python: coroutines, a generic class and a named tuple."""

from collections.abc import AsyncIterator, Awaitable, Generator
from typing import Any, Callable, Generic, NamedTuple, Optional, TypeVar

_T = TypeVar("_T")


class Stats(NamedTuple):
    """Counters of a client since it was made, in this process: ``client.stats()``."""

    requests: int
    """Number of requests sent, including token requests and failed ones."""
    retries: int
    """Number of requests that were retries."""
    throttled: int
    """Number of answers that asked the client to wait: status 429, or a ``Retry-After`` header."""
    token_renewals: int
    """Number of access tokens fetched."""
    pages: int
    """Number of pages of listings received."""
    bytes: int
    """Number of bytes in the bodies of answers, after decompression."""


async def run(start: Callable[[], Awaitable[_T]]) -> _T:
    """Calls ``start`` when this coroutine is first awaited, and returns the result of the awaitable that ``start`` returns."""
    return await start()


async def next_item(take: Callable[[], Optional[_T]], fill: Callable[[], Awaitable[None]]) -> _T:
    """Returns the next item. It is taken after the last ``await``, so that a task that is cancelled while it waits takes no item."""
    while (item := take()) is None:
        await fill()
    return item


class AsyncRows(Generic[_T]):
    """Rows that an ``AsyncMirror`` returns: ``await`` it for a list, or iterate over it with ``async for``."""

    def __init__(self, read: Callable[[], Awaitable[list[_T]]]) -> None:
        self._read = read

    def __await__(self) -> Generator[Any, Any, list[_T]]:
        return self._read().__await__()

    async def __aiter__(self) -> AsyncIterator[_T]:
        for row in await self._read():
            yield row
