"""The messages that Temporal does not have yet: a bounded queue, shared between threads."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any, Self

from durable_analytics.client.arguments import Outcome
from durable_analytics.errors import ClientClosed
from durable_analytics.wire.slices import cut_slices

_NEVER = float("inf")


class MessageWithCallback(bytes):
    """A message as JSON whose caller gets its outcome; messages without callback are `bytes`."""

    message_id: str
    callback: Callable[[Outcome], Any]

    @classmethod
    def of(cls, item: bytes, message_id: str, callback: Callable[[Outcome], Any]) -> Self:
        """The same bytes, with the callback."""
        message = cls(item)
        message.message_id, message.callback = message_id, callback
        return message


@dataclass(slots=True, eq=False)
class Part:
    """Messages that go to Temporal in one execution, and their state."""

    items: Sequence[bytes]

    workflow_id: str | None = None
    """The execution that carries them; None until Temporal has it."""

    notified: int = 0
    """The number of messages, from the first, whose callbacks were called."""


@dataclass(slots=True, eq=False)
class Batch:
    """Messages that were taken from the queue together."""

    first: int
    """The number of the first message, counted from the start of the buffer."""

    size: int
    """The number of messages."""

    parts: list[Part]
    """The parts that are not settled, in reverse order: several after a part was refused."""


class Buffer:
    """A queue of messages, and the batches in flight.

    A message is unsettled from `put` until `settle`, and stays in the buffer until then: if the
    sending thread ends, the buffer still holds every message that may be lost. Callers who wait get
    a future, for which a thread and an event loop can both wait.

    Args:
        max_messages: The limit of unsettled messages.
        flush_bytes: The size of the queue that starts a flush.
        overhead_bytes: What a message takes in a batch beside its own bytes.
        wake: Called with False by the `put` that reaches the threshold which `arm` has set, and
            with True by `flush`. If it returns False, the next `put` calls it again.
    """

    def __init__(
        self,
        *,
        max_messages: int,
        flush_bytes: int,
        overhead_bytes: int,
        wake: Callable[[bool], bool],
    ) -> None:
        self._max_messages = max_messages
        self._flush_bytes = flush_bytes
        self._overhead_bytes = overhead_bytes
        self._wake = wake
        # Reentrant: a signal handler or a finalizer may call `put` in a thread that holds the lock.
        self._lock = RLock()
        self._queue: deque[bytes] = deque()
        self._queue_bytes = 0
        self._head = 0
        """The number of the first queued message."""
        self._due = 0
        """Messages with lower numbers are sent without waiting for more."""
        self._in_flight: dict[int, Batch] = {}
        """The batches by the numbers of their first messages, the oldest first."""
        self._abandoned: Part | None = None
        """The queue at the moment of `abandon`."""
        self._queue_limit = max_messages
        """How many messages may be queued now: 0 once closed, so that `put` checks one number."""
        self._wake_at: float = 0
        self._wake_bytes: float = _NEVER
        self.is_closed = False
        self._room_waiters: set[Future[None]] = set()
        self._flush_waiters: dict[Future[None], int] = {}
        """With the number of the message before which all must be settled."""

    @property
    def unsettled(self) -> int:
        """How many messages Temporal does not have yet."""
        with self._lock:
            return len(self._queue) + self._count_in_flight()

    @property
    def count(self) -> int:
        """How many messages are queued."""
        return len(self._queue)

    def put(self, item: bytes) -> bool:
        """Enqueue a message; returns False if there is no room.

        Raises:
            ClientClosed: The buffer was closed.
        """
        with self._lock:
            queued = len(self._queue)
            if queued >= self._queue_limit:
                if self.is_closed:
                    raise ClientClosed("the client was closed: the message was not enqueued")
                return False
            self._queue.append(item)
            self._queue_bytes += len(item) + self._overhead_bytes
            if queued < self._wake_at and self._queue_bytes < self._wake_bytes:
                return True
            self._wake_at = self._wake_bytes = _NEVER
        if not self._wake(False):
            self._wake_at = 0
        return True

    def queued(self) -> list[bytes]:
        """The queue, without the lock: in a forked process a thread of the parent may hold it."""
        return list(self._queue)

    def arm(self, messages: int) -> bool:
        """Whether so many messages are queued, or enough bytes, or messages that are due.

        If not, `wake` will be called as soon as this is the case.
        """
        with self._lock:
            return self._head < self._due or self._arm(messages)

    def arm_for_full_batch(self, messages: int) -> bool:
        """Whether so many messages are queued, or enough bytes, or somebody waits for a flush.

        If not, `wake` will be called as soon as this is the case.
        """
        with self._lock:
            return bool(self._flush_waiters) or self._arm(messages)

    def _arm(self, messages: int) -> bool:
        if len(self._queue) >= messages or self._queue_bytes >= self._flush_bytes:
            return True
        self._wake_at = messages - 1
        self._wake_bytes = self._flush_bytes
        return False

    def mark_all_due(self) -> None:
        """Let the messages that are queued now be sent without waiting for more."""
        with self._lock:
            self._due = self._head + len(self._queue)

    def take_batch(self, max_messages: int, max_bytes: int) -> Batch:
        """Take as many messages from the front of the queue, which is not empty, as fit a batch."""
        with self._lock:
            items = next(
                cut_slices(self._queue, self._size, max_bytes=max_bytes, max_items=max_messages)
            )
            # In flight before it leaves the queue: it is in at least one of them at any time.
            batch = Batch(self._head, len(items), [Part(items)])
            self._in_flight[batch.first] = batch
            for _ in items:
                self._queue.popleft()
            self._queue_bytes -= sum(map(self._size, items))
            self._head += len(items)
            self._update_queue_limit()
            return batch

    def settle(self, batch: Batch) -> None:
        """Remove a batch: Temporal has it, or its callers know that it has not."""
        with self._lock:
            self._in_flight.pop(batch.first, None)
            self._update_queue_limit()
            settled_before = self._first_unsettled()
            done = [f for f, end in self._flush_waiters.items() if end <= settled_before]
            if len(self._queue) < self._queue_limit:
                done += self._room_waiters
        # Discarded after they are resolved: if this thread fails, `fail_waiters` ends the others.
        _resolve(done)
        for future in done:
            self.discard_waiter(future)

    def room(self) -> Future[None]:
        """A future that is done once there may be room; then the caller has to try again.

        Raises:
            ClientClosed: The buffer was closed.
        """
        future: Future[None] = Future()
        with self._lock:
            if self.is_closed:
                raise ClientClosed("the client was closed: room() has nothing to wait for")
            if len(self._queue) >= self._queue_limit:
                self._room_waiters.add(future)
                return future
        _resolve([future])
        return future

    def flush(self) -> Future[None]:
        """A future that is done once all messages that were put before are settled."""
        future: Future[None] = Future()
        with self._lock:
            self._due = end = self._head + len(self._queue)
            is_settled = self._first_unsettled() >= end
            if not is_settled:
                self._flush_waiters[future] = end
        if is_settled:
            _resolve([future])
        else:
            self._wake(True)
        return future

    def discard_waiter(self, future: Future[None]) -> None:
        """Remove a future of `room` or `flush` whose caller does not wait any longer."""
        with self._lock:
            self._room_waiters.discard(future)
            self._flush_waiters.pop(future, None)

    def close(self) -> None:
        """Take no more messages, and end the waits for room."""
        with self._lock:
            self.is_closed = True
            self._update_queue_limit()
            waiters = list(self._room_waiters)
        _resolve(waiters)

    def abandon(self) -> list[Part]:
        """Take no more messages, and return the unsettled ones in the order of the calls.

        No batch may be taken or settled any more. A second call returns the same parts.
        """
        with self._lock:
            self.is_closed = True
            self._update_queue_limit()
            if self._abandoned is None:
                self._abandoned = Part(tuple(self._queue))
            in_flight = [p for batch in self._in_flight.values() for p in reversed(batch.parts)]
            return [*in_flight, self._abandoned]

    def fail_waiters(self, error: Exception | None) -> None:
        """Drop what was abandoned, and end all waits: those for a flush with the error, if any."""
        with self._lock:
            self._in_flight.clear()
            self._head += len(self._queue)
            self._queue.clear()
            flush_waiters, room_waiters = list(self._flush_waiters), list(self._room_waiters)
        _resolve(flush_waiters, error)
        _resolve(room_waiters)

    def _size(self, item: bytes) -> int:
        return len(item) + self._overhead_bytes

    def _count_in_flight(self) -> int:
        return sum(batch.size for batch in self._in_flight.values())

    def _first_unsettled(self) -> int:
        """The number of the oldest message that is not settled, or of the next one."""
        return next(iter(self._in_flight), self._head)

    def _update_queue_limit(self) -> None:
        self._queue_limit = 0 if self.is_closed else self._max_messages - self._count_in_flight()


def _resolve(futures: Iterable[Future[None]], error: Exception | None = None) -> None:
    for future in futures:
        with suppress(InvalidStateError):  # the caller has cancelled it
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
