"""Concurrent calls to the server for each item of a stream, in order and in bounded number."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

MOST_AT_ONCE = 16
"""Calls at the same time. Each may hold an input of 2 MiB."""

T = TypeVar("T")
R = TypeVar("R")


async def map_concurrently(
    work: Callable[[T], Awaitable[R]], items: AsyncIterator[T], most: int = MOST_AT_ONCE
) -> AsyncGenerator[R, None]:
    """Yield the result of each item, in the order of the items.

    Args:
        work: Called with each item.
        items: The items; no more of them are taken than are worked on.
        most: The largest number of calls at the same time.
    """
    tasks: deque[asyncio.Future[R]] = deque()
    try:
        async for item in items:
            tasks.append(asyncio.ensure_future(work(item)))
            if len(tasks) >= most:
                yield await tasks.popleft()
        while tasks:
            yield await tasks.popleft()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(items, AsyncGenerator):
            await items.aclose()
