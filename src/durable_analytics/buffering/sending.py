"""When to flush: the loop that cuts batches from a buffer and has few of them in flight."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from durable_analytics.buffering.buffer import Batch, Buffer
from durable_analytics.buffering.starting import Starter
from durable_analytics.buffering.telling import Teller
from durable_analytics.errors import NotAccepted


@dataclass(frozen=True, slots=True)
class Pace:
    """When to flush, and how much at a time; the settings of the client."""

    flush_at: int
    flush_interval: timedelta
    max_batch_bytes: int
    max_batch_messages: int
    max_flushes: int


class Sender:
    """Flushes a buffer until it is cancelled, then tells of what is left.

    Batches grow with the load: while `max_flushes` are in flight, what comes is queued, and the
    next batch takes all of it that fits.
    """

    def __init__(self, buffer: Buffer, starter: Starter, teller: Teller, pace: Pace) -> None:
        self._buffer = buffer
        self._starter = starter
        self._teller = teller
        self._pace = pace
        self._woken = asyncio.Event()
        self._slots = asyncio.Semaphore(pace.max_flushes)
        self._left: list[bytes] = []

    def wake(self) -> None:
        """Look at the buffer again; called in the loop's own thread."""
        self._woken.set()

    async def run(self) -> None:
        """Send, until cancelled."""
        flushes: dict[asyncio.Task[None], None] = {}
        try:
            while True:
                await self._until_due()
                await self._slots.acquire()
                batch = self._buffer.cut(self._pace.max_batch_messages, self._pace.max_batch_bytes)
                flush = asyncio.create_task(self._flush(batch))
                flushes[flush] = None
                flush.add_done_callback(flushes.pop)
        finally:
            self._buffer.close()
            unfinished = list(flushes)
            for flush in unfinished:
                flush.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
            self._tell_of_what_is_left()

    async def _until_due(self) -> None:
        await self._until(1)
        try:
            async with asyncio.timeout(self._pace.flush_interval.total_seconds()):
                await self._until(self._pace.flush_at)
        except TimeoutError:
            pass  # The interval is over: there are fewer, and they have waited long enough.
        self._buffer.everything_is_due()

    async def _until(self, messages: int) -> None:
        while not self._buffer.arm(messages):
            await self._woken.wait()
            self._woken.clear()

    async def _flush(self, batch: Batch) -> None:
        try:
            await self._starter.start(batch.items, self._left)
            self._buffer.settle(batch)
        finally:
            self._slots.release()

    def _tell_of_what_is_left(self) -> None:
        left = self._left + self._buffer.drain()
        error = NotAccepted(
            f"the client was closed before Temporal had {len(left)} messages: "
            "they are not known to be kept"
        )
        if left:
            self._teller.lost(left, error)
        self._buffer.abandon(error)
