"""A client within one process: it checks and queues messages, waits for them, and closes."""

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import RLock
from typing import Any

from durable_analytics.buffering._buffer import MessageWithCallback, Part
from durable_analytics.buffering._pipeline import Deadline, Pipeline, describe_loss
from durable_analytics.buffering._reports import is_in_callback
from durable_analytics.buffering._serializer import Serializer
from durable_analytics.buffering._settings import ClientSettings
from durable_analytics.client.checks import function
from durable_analytics.errors import ClientClosed, NotAccepted, QueueFull, ValidationError
from durable_analytics.wire.messages import JsonObject


class Session:
    """Checks, queues and sends the messages of one process.

    A pipeline whose thread fails reports its messages and is replaced: the next message starts
    another thread.

    Args:
        settings: The settings of the client.
        owner: An object that the sending thread keeps alive.
        parent: The session of the process that this one was forked from. It is kept, but never
            used: to finalise what the parent's thread uses would harm the parent.
    """

    def __init__(
        self, settings: ClientSettings, *, owner: object, parent: "Session | None" = None
    ) -> None:
        self.pid = os.getpid()
        self._settings = settings
        self._owner = owner
        self._parent = parent
        self._serializer = Serializer(
            strict=settings.options.get("strict", True),
            limit_bytes=settings.flush.max_batch_bytes - settings.overhead_bytes,
        )
        self._lock = RLock()
        self._close_lock = RLock()
        self.is_closed: bool = parent is not None and parent.is_closed
        self._lost = 0
        """How many messages are not known to be stored because a pipeline ended."""
        self._lost_at_flush = 0
        """How many of them `flush` has raised for."""
        self._lost_at_close = 0
        self.pipeline = self._make_pipeline()
        if self.is_closed:
            self.pipeline.buffer.close()

    def enqueue(self, key: str, call: Any) -> str:
        """Check and enqueue a message; returns its id.

        Args:
            key: The method's.
            call: The keywords; the session may change the dict.
        """
        callback = call.pop("callback", None)
        try:
            if callback is not None:
                function("callback", callback, "callback(outcome)")
            item, message_id = self._serializer.serialize(key, call)
        except (ValidationError, TypeError) as error:
            if not self._settings.reports_invalid:
                raise
            return self._report_invalid(key, call, callback, error)
        if callback is not None:
            item = MessageWithCallback.of(item, message_id, callback)
        if not self._settings.disabled:
            self._put(item)
        elif callback is not None:
            self._settings.notifier.accepted(Part([item]))
        return message_id

    def take_over(self) -> None:
        """Enqueue what the parent will not send, unless another process has taken it."""
        if self._parent is not None and not self.is_closed:
            for item in self._parent.pipeline.hand_over():
                self._put(item)

    async def room(self) -> None:
        """Wait until a message may be put."""
        while True:
            pipeline = self.pipeline
            try:
                room = pipeline.buffer.room()
            except ClientClosed:
                if pipeline is self.pipeline:
                    raise
                continue
            if room.done():
                return
            try:
                await pipeline.wait_in_loop(room, Deadline(None))
            finally:
                pipeline.buffer.discard_waiter(room)

    def flush(self, timeout: timedelta | None) -> None:
        """Wait until all that was put before is settled."""
        self._refuse_in_callback("wait for a flush")
        with self._flush() as (pipeline, flushed):
            pipeline.wait(flushed, Deadline(timeout))

    async def aflush(self, timeout: timedelta | None) -> None:  # noqa: ASYNC109  # as flush
        """Wait as `flush` does, without blocking the event loop."""
        with self._flush() as (pipeline, flushed):
            await pipeline.wait_in_loop(flushed, Deadline(timeout))

    def close(self, timeout: timedelta | None) -> None:
        """Take no more messages, flush, and stop. A second call does nothing."""
        self._refuse_in_callback("close its client")
        with self._close_lock:
            with self._lock:
                self.is_closed = True
                pipeline = self.pipeline
                pipeline.buffer.close()
            # This starts the thread if another one has just put the first message.
            flushed = pipeline.buffer.flush()
            try:
                with suppress(TimeoutError, NotAccepted):
                    pipeline.wait(flushed, Deadline(timeout))
            finally:
                pipeline.stop()
            with self._lock:
                lost, self._lost_at_close = self._lost - self._lost_at_close, self._lost
        if not flushed.done():  # a callback does not return
            raise NotAccepted(describe_loss(pipeline.buffer.unsettled))
        flushed.result()
        _raise_for_lost(lost)

    def close_at_exit(self) -> None:
        """Close, and only log what is lost: there is no caller to raise an exception to."""
        with suppress(NotAccepted):
            self.close(self._settings.exit_timeout)

    def _make_pipeline(self) -> Pipeline:
        return Pipeline(
            self._settings,
            forked=self._parent is not None,
            replace=self._replace,
            count_lost=self._count_lost,
        )

    def _replace(self, failed: Pipeline) -> None:
        with self._lock:
            if self.pipeline is failed:
                self.pipeline = self._make_pipeline()
            if self.is_closed:
                self.pipeline.buffer.close()

    def _count_lost(self, count: int) -> None:
        with self._lock:
            self._lost += count

    @contextmanager
    def _flush(self) -> Iterator[tuple[Pipeline, Future[None]]]:
        """Flush; the caller waits inside for the future. Raises NotAccepted afterwards."""
        pipeline = self.pipeline
        flushed = pipeline.buffer.flush()
        try:
            yield pipeline, flushed
        except TimeoutError:
            raise _still_waiting(pipeline) from None
        finally:
            pipeline.buffer.discard_waiter(flushed)
            with self._lock:
                lost, self._lost_at_flush = self._lost - self._lost_at_flush, self._lost
        _raise_for_lost(lost)

    def _put(self, item: bytes) -> None:
        deadline: Deadline | None = None
        while True:
            pipeline = self.pipeline
            try:
                if pipeline.buffer.put(item):
                    return
                deadline = deadline or self._deadline_for_room()
                room = pipeline.buffer.room()
                try:
                    pipeline.wait(room, deadline)
                finally:
                    pipeline.buffer.discard_waiter(room)
            except ClientClosed:
                if pipeline is self.pipeline:
                    raise
            except TimeoutError:
                raise self._queue_full(", and wait_when_full has expired") from None

    def _deadline_for_room(self) -> Deadline:
        if _runs_event_loop():
            raise self._queue_full("; `await client.room()` before the call")
        if self._settings.wait_when_full is None:
            raise self._queue_full()
        return Deadline(self._settings.wait_when_full)

    def _queue_full(self, hint: str = "") -> QueueFull:
        count = self._settings.max_queue_size
        reason = f"{count} messages wait for Temporal (max_queue_size)"
        return QueueFull(f"{reason}: this message was not enqueued{hint}")

    def _report_invalid(
        self, key: str, call: JsonObject, callback: Any, error: ValidationError | TypeError
    ) -> str:
        own_id = call.get("message_id")
        message_id = own_id if isinstance(own_id, str) and own_id else self._serializer.next_id()
        self._settings.notifier.invalid({"type": key, **call}, message_id, callback, error)
        return message_id

    def _refuse_in_callback(self, action: str) -> None:
        if is_in_callback() or self.pipeline.is_current:
            raise RuntimeError(
                f"a callback must not {action}: it runs in the thread that it would wait for"
            )


def _still_waiting(pipeline: Pipeline) -> NotAccepted:
    return NotAccepted(
        f"Temporal does not have {pipeline.buffer.unsettled} messages yet: "
        "they stay in memory, and the client tries to send them again"
    )


def _raise_for_lost(count: int) -> None:
    if count:
        raise NotAccepted(f"{count} messages are not known to be kept; the log says why")


def _runs_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
