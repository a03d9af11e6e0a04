"""Combines parts that arrive at about the same time into one execution."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from durable_analytics.temporal import tracing
from gateway.partition import GATHERED_LIMIT_BYTES, Part, most_in_execution

_Entry = tuple[Part, asyncio.Future[None], Any]
"""A part, the future on which its request waits, and the trace of the request."""


_MOST_INTERVALS = 10
"""How long an execution waits for the senders of the last one."""


class Coalescer:
    """Combines parts with the same integration, source and options.

    While one execution is being stored, further parts wait for the next: the slower Temporal is,
    the larger the executions become. Senders that got a response send their next part soon: the
    next execution waits for as many parts, up to ten times as long as for others.

    Args:
        store: Stores a part in one execution at an integration; returns when Temporal has it.
        interval: How long the first part of an execution waits for others.
    """

    def __init__(self, store: Callable[[str, Part], Awaitable[None]], interval: timedelta) -> None:
        self._store = store
        self._interval_seconds = interval.total_seconds()
        self._queues: dict[tuple[str, str | None, bytes], deque[_Entry]] = {}
        self._flushing: set[asyncio.Task[None]] = set()

    def put(self, integration: str, part: Part) -> asyncio.Future[None]:
        """Add a part, whose messages stay together.

        Returns:
            A future that completes when Temporal has the part, with the exception of `store` if
            that raises one. A part is not stored if its future is cancelled while it waits.
        """
        stored = asyncio.get_running_loop().create_future()
        key = integration, part.source, part.options
        if key not in self._queues:
            self._queues[key] = deque()
            flushing = asyncio.create_task(self._flush(*key))
            self._flushing.add(flushing)
            flushing.add_done_callback(self._flushing.discard)
        self._queues[key].append((part, stored, tracing.current_context()))
        return stored

    async def _flush(self, integration: str, source: str | None, options: bytes) -> None:
        queue, expected = self._queues[integration, source, options], 1
        try:
            while True:
                await self._gather(queue, expected)
                if not queue:
                    return
                if entries := _take_entries(queue):
                    await self._store_entries(integration, entries)
                expected = len(entries) + len(queue)
        finally:
            del self._queues[integration, source, options]

    async def _gather(self, queue: deque[_Entry], expected: int) -> None:
        for _ in range(_MOST_INTERVALS):
            await asyncio.sleep(self._interval_seconds)
            if len(queue) >= expected:
                return

    async def _store_entries(self, integration: str, entries: Sequence[_Entry]) -> None:
        first = entries[0][0]
        combined = first.of([item for part, *_ in entries for item in part.items])
        failure: Exception | None = None
        parent, *links = [trace for *_, trace in entries]
        try:
            with tracing.span("store messages", parent=parent, links=links):
                await self._store(integration, combined)
        except Exception as error:  # noqa: BLE001  # every waiting request must get the exception
            failure = error
        if failure and len(entries) > 1:
            # Perhaps Temporal refuses only one of them, or all of them together.
            middle = len(entries) // 2
            await self._store_entries(integration, entries[:middle])
            await self._store_entries(integration, entries[middle:])
            return
        for _, stored, _ in entries:
            if stored.done():
                continue
            if failure:
                stored.set_exception(failure)
            else:
                stored.set_result(None)


def _take_entries(queue: deque[_Entry]) -> list[_Entry]:
    """Take the first entries that fit one execution, at least one; drop the cancelled ones.

    Args:
        queue: The entries, all with the same options.
    """
    entries: list[_Entry] = []
    first = queue[0][0]
    count, size = 0, len(first.options)
    max_items = most_in_execution(first.shared_bytes)
    while queue:
        part, stored, _ = queue[0]
        if not stored.done():
            count += len(part.items)
            size += part.messages_bytes
            if entries and (count > max_items or size > GATHERED_LIMIT_BYTES):
                break
            entries.append(queue[0])
        queue.popleft()
    return entries
