"""A buffer with the thread that flushes it; at the end, every message that may be lost is reported.

Whoever waits for the thread also checks that it still runs.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from threading import RLock

from durable_analytics.buffering._buffer import Buffer
from durable_analytics.buffering._flusher import BatchStarter, Flusher, OnFailure
from durable_analytics.buffering._reports import Outage
from durable_analytics.buffering._settings import ClientSettings
from durable_analytics.buffering._thread import FlusherThread, ForkClaim
from durable_analytics.buffering._uwsgi import is_uwsgi_master, uwsgi_will_fork
from durable_analytics.errors import NotAccepted
from durable_analytics.temporal.connection import Connection

_CHECK_SECONDS = 0.5
"""How often a waiting caller checks that the thread runs: it may have ended without notice."""


class Deadline:
    """The end of a wait, after a timeout from now on; None waits without end."""

    def __init__(self, timeout: timedelta | None) -> None:
        seconds = float("inf") if timeout is None else timeout.total_seconds()
        self._end = time.monotonic() + seconds

    @property
    def has_passed(self) -> bool:
        """Whether no time remains."""
        return time.monotonic() >= self._end

    def remaining_seconds(self, limit: float) -> float:
        """Return the time that remains, up to this limit."""
        return max(0.0, min(self._end - time.monotonic(), limit))


class Pipeline:
    """Takes messages and sends them, until it is stopped or its thread fails.

    Args:
        settings: The settings of the client.
        forked: Whether this process was forked from one that may have used Temporal.
        replace: Called if the thread has failed, with this pipeline, which takes no more messages.
        count_lost: Called with the number of messages that are not known to be stored.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        forked: bool,
        replace: Callable[["Pipeline"], None],
        count_lost: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._forked = forked
        self._replace = replace
        self._count_lost = count_lost
        self._end_lock = RLock()
        self._error: NotAccepted | None = None
        self._has_ended = False
        self._thread = FlusherThread(self._make_flusher, self._end)
        self.buffer = Buffer(
            max_messages=settings.max_queue_size,
            flush_bytes=settings.flush.max_batch_bytes,
            overhead_bytes=settings.overhead_bytes,
            wake=self._wake,
        )
        self._claim: ForkClaim | None = None

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this pipeline's thread."""
        return self._thread.is_current

    def hand_over(self) -> list[bytes]:
        """Return, in one of the forked processes, the messages that the parent will not send."""
        return self.buffer.queued() if self._claim is not None and self._claim.take() else []

    def stop(self) -> None:
        """End the thread, and wait until the remaining messages are reported."""
        self._thread.stop()
        self._check_thread()

    def wait(self, future: Future[None], deadline: Deadline) -> None:
        """Block this thread for a future of the buffer.

        Raises:
            TimeoutError: The deadline has passed.
            NotAccepted: The thread ended before it had sent everything.
        """
        while True:
            try:
                return future.result(deadline.remaining_seconds(_CHECK_SECONDS))
            except TimeoutError:
                self._check_thread()
                if deadline.has_passed and not future.done():
                    raise

    async def wait_in_loop(self, future: Future[None], deadline: Deadline) -> None:
        """Wait as `wait` does, without blocking the event loop."""
        waited = asyncio.wrap_future(future)
        try:
            while not waited.done():
                seconds = deadline.remaining_seconds(_CHECK_SECONDS)
                await asyncio.wait((waited,), timeout=seconds)
                self._check_thread()
                if deadline.has_passed and not future.done():
                    raise TimeoutError
            await waited
        finally:
            waited.cancel()

    def _wake(self, somebody_waits: bool) -> bool:  # the buffer's one argument
        if uwsgi_will_fork() and not somebody_waits:
            if self._claim is None and is_uwsgi_master():
                self._claim = ForkClaim()
            return False
        return self._thread.wake()

    def _make_flusher(self, on_failure: OnFailure) -> Flusher:
        settings, buffer = self._settings, self.buffer
        connection = Connection(
            settings.client, data_converter=settings.data_converter, forked=self._forked
        )
        starter = BatchStarter(settings, connection, Outage(lambda: buffer.unsettled))
        return Flusher(buffer, starter, settings.flush, on_failure)

    def _check_thread(self) -> None:
        if self._thread.has_ended:
            self._end("it ended without a word")

    def _end(self, reason: str | None) -> None:
        """Report the unsettled messages; a call after one that raised continues where that ended.

        Args:
            reason: Why the thread ended; None if it was stopped.
        """
        with self._end_lock:
            if self._has_ended:
                return
            if reason is not None:
                self._replace(self)
            parts = self.buffer.abandon()
            lost = [part for part in parts if part.items and part.workflow_id is None]
            if self._error is None:
                count = sum(len(part.items) for part in lost)
                self._count_lost(count)
                self._error = NotAccepted(describe_loss(count, reason))
            for part in parts:
                if part.workflow_id is not None:
                    self._settings.notifier.accepted(part)
            if lost:
                self._settings.notifier.failed(lost, self._error)
            self.buffer.fail_waiters(self._error if lost else None)
            self._has_ended = True


def describe_loss(count: int, reason: str | None = None) -> str:
    """Return what happened to messages; without a reason, the client was closed."""
    event = "the client was closed" if reason is None else "the sending thread failed"
    cause = "" if reason is None else f" ({reason})"
    return f"{event} before Temporal had {count} messages: they are not known to be kept{cause}"
