"""What a client is made of: made anew in a forked process, closed at the interpreter's exit."""

import asyncio
import atexit
import os
import sys
import time
from contextlib import suppress
from datetime import timedelta
from functools import cache
from threading import RLock
from typing import Any
from weakref import WeakSet

from durable_analytics.buffering.buffer import Awaited, Buffer
from durable_analytics.buffering.connecting import Connection
from durable_analytics.buffering.options import Setup
from durable_analytics.buffering.outage import Outage
from durable_analytics.buffering.sending import Sender
from durable_analytics.buffering.starting import Starter
from durable_analytics.buffering.thread import SenderThread
from durable_analytics.buffering.writing import Writer
from durable_analytics.errors import NotAccepted, QueueFull


class Engine:
    """Checks, keeps and sends messages."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._disabled = setup.disabled
        self._of_parents: list[SenderThread] = []
        self._begin(forked=False)
        _engines.add(self)
        _watch_process()

    def _begin(self, *, forked: bool) -> None:
        setup = self._setup
        self._closing = RLock()
        self._writer = Writer(
            strict=setup.options.get("strict", True),
            overhead_bytes=setup.overhead_bytes,
            most_bytes=setup.pace.max_batch_bytes,
        )
        self._thread = SenderThread(lambda: self._sender(buffer, forked=forked))
        self._buffer = buffer = Buffer(
            max_messages=setup.max_queue_size,
            flush_bytes=setup.pace.max_batch_bytes,
            overhead_bytes=setup.overhead_bytes,
            wake=self._thread.wake,
        )

    def _sender(self, buffer: Buffer, *, forked: bool) -> Sender:
        _watch_end_of_child()
        setup = self._setup
        starter = Starter(
            setup.options,
            task_queue=setup.task_queue,
            connection=Connection(setup.client, data_converter=setup.data_converter, forked=forked),
            outage=Outage(lambda: buffer.unsettled),
            teller=setup.teller,
        )
        return Sender(buffer, starter, setup.teller, setup.pace)

    def enqueue(self, key: str, call: Any) -> str:
        """Check a message and keep it; returns its id."""
        callback = call.pop("callback", None)
        item, message_id = self._writer.write(key, call)
        if callback is not None:
            if not callable(callback):
                raise TypeError("the callback of a message must be a function of its Outcome")
            item = Awaited.of(item, message_id, callback)
        if self._disabled:
            self._setup.teller.kept([item], None)
        elif not self._buffer.put(item):
            self._wait_and_put(item)
        return message_id

    def _wait_and_put(self, item: bytes) -> None:
        full = f"{self._setup.max_queue_size} messages wait for Temporal: this one was not enqueued"
        if _runs_event_loop():
            raise QueueFull(f"{full}; `await client.room()` before the call")
        if self._setup.wait_when_full is None:
            raise QueueFull(full)
        give_up = time.monotonic() + self._setup.wait_when_full.total_seconds()
        while True:
            room = self._buffer.room()
            try:
                room.result(max(0.0, give_up - time.monotonic()))
            except TimeoutError:
                self._buffer.no_longer_waits(room)
                raise QueueFull(f"{full}, though it could wait") from None
            if self._buffer.put(item):
                return

    async def room(self) -> None:
        """Wait until a message may be put."""
        while not (room := self._buffer.room()).done():
            try:
                await asyncio.wrap_future(room)
            finally:
                self._buffer.no_longer_waits(room)

    def flush(self, timeout: timedelta | None) -> None:
        """Wait until all that was put before is settled."""
        if self._thread.is_current:
            raise RuntimeError("a callback cannot wait for a flush: it would wait for itself")
        flushed = self._buffer.flush()
        try:
            flushed.result(_seconds(timeout))
        except TimeoutError:
            raise self._not_yet() from None
        finally:
            self._buffer.no_longer_waits(flushed)

    async def aflush(self, timeout: timedelta | None) -> None:  # noqa: ASYNC109  # as flush
        """Wait until all that was put before is settled, without blocking the event loop."""
        flushed = self._buffer.flush()
        try:
            async with asyncio.timeout(_seconds(timeout)):
                await asyncio.wrap_future(flushed)
        except TimeoutError:
            raise self._not_yet() from None
        finally:
            self._buffer.no_longer_waits(flushed)

    def _not_yet(self) -> NotAccepted:
        return NotAccepted(
            f"Temporal does not have {self._buffer.unsettled} messages yet: "
            "they stay in memory and are tried again"
        )

    def close(self, timeout: timedelta) -> None:
        """Take no more, flush, and stop; again, do nothing."""
        if self._thread.is_current:
            raise RuntimeError("a callback cannot close its client: it would wait for itself")
        with self._closing:
            self._buffer.close()
            # This starts the thread where another one has just put the first message.
            flushed = self._buffer.flush()
            try:
                with suppress(TimeoutError, NotAccepted):
                    flushed.result(timeout.total_seconds())
            finally:
                self._thread.stop()
        if not flushed.done():
            raise self._not_yet()
        flushed.result()

    def close_at_exit(self) -> None:
        """Close, where nobody is left to be raised to: what is left has been logged."""
        with suppress(NotAccepted):
            self.close(self._setup.exit_timeout)

    def begin_in_child(self) -> None:
        """Start empty: threads, locks and messages are the parent's, which sends them."""
        # What the parent's thread uses must not be finalised here: the event loop, for one, would
        # take its pipes out of the parent's selector.
        self._of_parents.append(self._thread)
        closed = self._buffer.is_closed
        self._begin(forked=True)
        if closed:
            self._buffer.close()


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _runs_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


_engines: WeakSet[Engine] = WeakSet()
"""A thread refers to its engine, so that none that has messages is missing here."""


def _close_all() -> None:
    for engine in list(_engines):
        engine.close_at_exit()


def _begin_all_in_child() -> None:
    for engine in list(_engines):
        engine.begin_in_child()


@cache
def _watch_process() -> None:
    """See the ends and the forks of this process; not at import, which may be a sandbox's."""
    atexit.register(_close_all)
    if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
        os.register_at_fork(after_in_child=_begin_all_in_child)


def _watch_end_of_child() -> None:
    """See the end of a process of `multiprocessing`, which ends without Python's own end."""
    if util := sys.modules.get("multiprocessing.util"):
        util.Finalize(None, _close_all, exitpriority=100)
