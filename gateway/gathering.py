"""Small requests that come together go into one execution, and are answered when it is stored."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

MOST_MESSAGES = 1_000
"""In one execution; a provider without batches gets no more than these from one."""

_MOST_BYTES = 475_000
"""In one execution, so that one request of a provider carries it (Segment: 500 KB)."""

_Waiting = tuple[bytes, asyncio.Future[None]]
"""A message, and its request's."""


class Gatherer:
    """Gathers the messages to one integration.

    While one execution is being stored, what comes waits for the next: the busier Temporal is, the
    more go into each.

    Args:
        store: Stores messages in one execution; returns when Temporal has it.
        interval: How long the first message of an execution waits for others.
    """

    def __init__(
        self, store: Callable[[Sequence[bytes]], Awaitable[None]], interval: timedelta
    ) -> None:
        self._store = store
        self._seconds = interval.total_seconds()
        self._waiting: deque[_Waiting] = deque()
        self._flushing: asyncio.Task[None] | None = None

    async def put(self, content: bytes) -> None:
        """Return when Temporal has this message.

        Raises:
            Exception: Whatever kept `store` from storing it.
        """
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((content, stored))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await stored

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self._seconds)
                if cut := self._cut():
                    await self._settle(cut)
        finally:
            self._flushing = None

    def _cut(self) -> list[_Waiting]:
        cut: list[_Waiting] = []
        size = 0
        while self._waiting and len(cut) < MOST_MESSAGES:
            content, stored = self._waiting[0]
            if cut and size + len(content) > _MOST_BYTES:
                break
            self._waiting.popleft()
            # Whose caller has given up is sent again by that caller.
            if not stored.done():
                cut.append((content, stored))
                size += len(content) + 1
        return cut

    async def _settle(self, cut: Sequence[_Waiting]) -> None:
        failure: Exception | None = None
        try:
            await self._store([content for content, _ in cut])
        except Exception as error:  # noqa: BLE001  # whatever it is, each caller has to hear of it
            failure = error
        for _, stored in cut:
            if stored.done():
                continue
            if failure:
                stored.set_exception(failure)
            else:
                stored.set_result(None)
