"""How a buffer is flushed: when a batch is taken, and how its executions are started."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from temporalio.common import RawValue

from durable_analytics.buffering._buffer import Batch, Buffer, Part
from durable_analytics.buffering._fork_guard import FORK_GUARD, forget_frames
from durable_analytics.buffering._reports import Outage
from durable_analytics.buffering._settings import ClientSettings, FlushSettings
from durable_analytics.errors import NotAccepted
from durable_analytics.temporal.batch_start import (
    batch_envelope,
    batch_id,
    batch_input,
    describe_failure,
    is_permanent,
    start_batch,
)
from durable_analytics.temporal.connection import Connection
from durable_analytics.wire.methods import named_integrations

_START_TIMEOUT = timedelta(seconds=5)
"""For one attempt to start an execution."""

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
"""Between two attempts."""

_LOAD = 5_000
"""Messages a second from which batches are filled: they would be started faster than they fill."""

_STEP_SECONDS = 0.02
"""How often it is checked that messages keep coming while a batch is filled."""

OnFailure = Callable[[BaseException | None], None]
"""Called with what ended the flusher; None if it was cancelled."""


class Flusher:
    """Flushes a buffer until it is cancelled; what is not settled then is still in the buffer.

    Batches grow with the load: while `max_flushes` are in flight, messages are queued, and the next
    batch takes all that fit. While messages keep coming fast, it waits until it is full.

    Args:
        buffer: What to flush.
        starter: Starts the executions of a batch.
        settings: When to flush, and how much at a time.
        on_failure: Called if a flush ends without having settled its batch.
    """

    def __init__(
        self,
        buffer: Buffer,
        starter: "BatchStarter",
        settings: FlushSettings,
        on_failure: OnFailure,
    ) -> None:
        self._buffer = buffer
        self._starter = starter
        self._settings = settings
        self._on_failure = on_failure
        self._woken = asyncio.Event()
        self._slots = asyncio.Semaphore(settings.max_flushes)
        self._flushes: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at the buffer again; called in the event loop."""
        self._woken.set()

    async def run(self) -> None:
        """Flush until cancelled."""
        settings, clock = self._settings, asyncio.get_running_loop().time
        taken_at = float("-inf")
        try:
            while True:
                await self._wait_until_due()
                is_under_load = self._slots.locked() or self._is_load(clock() - taken_at)
                await self._slots.acquire()
                if is_under_load:
                    await self._fill()
                taken_at = clock()
                batch = self._buffer.take_batch(
                    settings.max_batch_messages, settings.max_batch_bytes
                )
                flush = asyncio.create_task(self._flush(batch))
                self._flushes.add(flush)
                flush.add_done_callback(self._end_flush)
        finally:
            for flush in self._flushes:
                flush.cancel()
            await asyncio.gather(*self._flushes, return_exceptions=True)

    async def _wait_until_due(self) -> None:
        await self._wait_for_messages(1)
        try:
            async with asyncio.timeout(self._settings.flush_interval.total_seconds()):
                await self._wait_for_messages(self._settings.flush_at)
        except TimeoutError:
            pass  # The interval is over: fewer messages are enough.
        self._buffer.mark_all_due()

    def _is_load(self, seconds: float) -> bool:
        """Whether the messages that were queued in this time are so many that batches fill."""
        return self._buffer.count >= max(self._settings.flush_at, seconds * _LOAD)

    async def _fill(self) -> None:
        """Wait for a full batch, as long as messages keep coming fast."""
        most, clock = self._settings.max_batch_messages, asyncio.get_running_loop().time
        longest = min(most / _LOAD, self._settings.flush_interval.total_seconds())
        before, began = self._buffer.count, clock()
        while not self._buffer.arm_for_full_batch(most):
            try:
                async with asyncio.timeout(_STEP_SECONDS):
                    await self._woken.wait()
                self._woken.clear()
            except TimeoutError:
                seconds = clock() - began
                if seconds > longest or self._buffer.count - before < seconds * _LOAD:
                    return

    async def _wait_for_messages(self, count: int) -> None:
        while not self._buffer.arm(count):
            await self._woken.wait()
            self._woken.clear()

    async def _flush(self, batch: Batch) -> None:
        await self._starter.start(batch)
        self._buffer.settle(batch)

    def _end_flush(self, flush: asyncio.Task[None]) -> None:
        self._flushes.discard(flush)
        self._slots.release()
        if flush.cancelled():
            self._on_failure(None)
        elif error := flush.exception():
            self._on_failure(error)


class _RefusedError(Exception):
    """Temporal will not take this input, however often it is sent."""


class BatchStarter:
    """Starts `Batch` executions, and notifies the callers of their messages.

    Args:
        settings: The settings of the client.
        connection: The connection to Temporal.
        outage: Gets the attempts that fail and succeed.
    """

    def __init__(self, settings: ClientSettings, connection: Connection, outage: Outage) -> None:
        self._envelope = batch_envelope(settings.options)
        self._options = settings.options
        self._integrations = named_integrations(settings.options)
        self._task_queue = settings.task_queue
        self._notifier = settings.notifier
        self._connection = connection
        self._outage = outage

    async def start(self, batch: Batch) -> None:
        """Return once Temporal has all messages of a batch, or has refused some of them for good.

        A part that Temporal refuses is split into halves, until it is a single message.

        Args:
            batch: What fits one execution; its parts are removed once their callbacks were called.
        """
        while batch.parts:
            part = batch.parts[-1]
            try:
                part.workflow_id = await self._start_execution(part.items)
            except _RefusedError as refused:
                if len(part.items) > 1:
                    middle = len(part.items) // 2
                    batch.parts[-1:] = [Part(part.items[middle:]), Part(part.items[:middle])]
                    continue
                error = NotAccepted(f"Temporal refuses the message: {refused}")
                self._notifier.failed([part], error)
            else:
                self._notifier.accepted(part)
            batch.parts.pop()

    async def _start_execution(self, items: Sequence[bytes]) -> str:
        """Start an execution, and return its id; repeated until Temporal has or refuses it."""
        # The same id in all attempts: if the response to one was lost, the next one joins it.
        workflow_id = batch_id(self._options, uuid4())
        input = batch_input(self._envelope, items)
        pause_seconds = _FIRST_PAUSE_SECONDS
        while (failure := await self._attempt(workflow_id, input, len(items))) and not is_permanent(
            failure
        ):
            self._outage.failed(workflow_id, describe_failure(failure))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._outage.recovered(workflow_id)
        if failure:
            raise _RefusedError(str(failure)) from failure
        return workflow_id

    async def _attempt(self, workflow_id: str, input: RawValue, count: int) -> Exception | None:
        """Try to start an execution of so many messages once; returns why it failed."""
        async with FORK_GUARD.use(self._connection):
            try:
                await self._start_batch(workflow_id, input, count)
            except Exception as failure:  # noqa: BLE001  # whatever it is, the messages are kept
                forget_frames(failure)
                return failure
            return None

    async def _start_batch(self, workflow_id: str, input: RawValue, count: int) -> None:
        # Only this frame refers to the connection, which a fork may close after it.
        await start_batch(
            await self._connection.client(),
            workflow_id,
            input,
            integrations=self._integrations,
            count=count,
            task_queue=self._task_queue,
            start_timeout=_START_TIMEOUT,
        )
