"""What Temporal does not have yet: bounded, in the order of the calls, shared between threads."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock
from typing import Any, Self

from durable_analytics.calls import Outcome
from durable_analytics.errors import ClientClosed


class Awaited(bytes):
    """A message as JSON whose caller wants to know what becomes of it; most are plain bytes."""

    message_id: str
    callback: Callable[[Outcome], Any]

    @classmethod
    def of(cls, item: bytes, message_id: str, callback: Callable[[Outcome], Any]) -> Self:
        """The same bytes, and whom to tell."""
        awaited = cls(item)
        awaited.message_id, awaited.callback = message_id, callback
        return awaited


_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes to Temporal together."""

    first: int
    """The number of its first message, counted from the start."""

    items: Sequence[bytes]


class Buffer:
    """A queue of messages, and the count of those on their way.

    A message is unsettled from `put` until `settle`. Whoever has to wait gets a future, which a
    thread and an event loop can both wait for.

    Args:
        max_messages: How many messages may be unsettled.
        flush_bytes: How many queued bytes count as enough to flush.
        overhead_bytes: What a message costs beside its own bytes.
        wake: Called when `arm` asked for it, from whichever thread puts.
    """

    def __init__(
        self,
        *,
        max_messages: int,
        flush_bytes: int,
        overhead_bytes: int,
        wake: Callable[[], None],
    ) -> None:
        self._max_messages = max_messages
        self._flush_bytes = flush_bytes
        self._overhead_bytes = overhead_bytes
        self._wake = wake
        # Reentrant: a signal handler or a finalizer may call `put` while its own thread is in here.
        self._lock = RLock()
        self._queue: deque[bytes] = deque()
        self._bytes = 0
        self._head = 0
        """The number of the first queued message."""
        self._due = 0
        """Messages of lower numbers are to be sent without waiting for more."""
        self._on_their_way: dict[int, int] = {}
        """Of each batch in flight, oldest first: its first number, its size."""
        self._most_queued = max_messages
        self._wake_at: float = 0
        self._wake_bytes: float = _NEVER
        self.is_closed = False
        self._waiting_for_room: set[Future[None]] = set()
        self._waiting_for_flush: dict[Future[None], int] = {}

    @property
    def unsettled(self) -> int:
        """How many messages Temporal does not have yet."""
        with self._lock:
            return len(self._queue) + sum(self._on_their_way.values())

    def put(self, item: bytes) -> bool:
        """Enqueue a message; returns False where there is no room.

        Raises:
            ClientClosed: No more are taken.
        """
        with self._lock:
            queued = len(self._queue)
            if queued >= self._most_queued:
                if self.is_closed:
                    raise ClientClosed("the client was closed: the message was not enqueued")
                return False
            self._queue.append(item)
            self._bytes += len(item) + self._overhead_bytes
            if queued < self._wake_at and self._bytes < self._wake_bytes:
                return True
            self._wake_at = self._wake_bytes = _NEVER
        self._wake()
        return True

    def arm(self, messages: int) -> bool:
        """Whether so many messages are queued, or enough bytes, or some that are due.

        Where not, `wake` will be called as soon as it is so.
        """
        with self._lock:
            if (
                len(self._queue) >= messages
                or self._bytes >= self._flush_bytes
                or self._head < self._due
            ):
                return True
            self._wake_at = messages - 1
            self._wake_bytes = self._flush_bytes
            return False

    def everything_is_due(self) -> None:
        """What is queued now is to be sent without waiting for more."""
        with self._lock:
            self._due = self._head + len(self._queue)

    def cut(self, max_messages: int, max_bytes: int) -> Batch:
        """Take what fits a batch from the front of the queue, which is not empty."""
        with self._lock:
            queue, size = self._queue, 0
            items: list[bytes] = []
            while queue and len(items) < max_messages:
                more = len(queue[0]) + self._overhead_bytes
                if items and size + more > max_bytes:
                    break
                size += more
                items.append(queue.popleft())
            batch = Batch(self._head, items)
            self._bytes -= size
            self._head += len(items)
            self._on_their_way[batch.first] = len(items)
            self._measure_room()
            return batch

    def settle(self, batch: Batch) -> None:
        """Forget a batch: Temporal has it, or its callers were told that it has not."""
        with self._lock:
            del self._on_their_way[batch.first]
            self._measure_room()
            # A dict keeps the order of the cuts: its first key is the oldest batch.
            settled = next(iter(self._on_their_way), self._head)
            done = [f for f, end in self._waiting_for_flush.items() if end <= settled]
            for future in done:
                del self._waiting_for_flush[future]
            if len(self._queue) < self._most_queued:
                done += self._waiting_for_room
                self._waiting_for_room.clear()
        _resolve(done)

    def room(self) -> Future[None]:
        """A future that is done once there may be room; whoever waited has to try again.

        Raises:
            ClientClosed: There will be none.
        """
        future: Future[None] = Future()
        with self._lock:
            if self.is_closed:
                raise ClientClosed("the client was closed: there is no room any more")
            if len(self._queue) >= self._most_queued:
                self._waiting_for_room.add(future)
                return future
        _resolve([future])
        return future

    def no_longer_waits(self, future: Future[None]) -> None:
        """Forget a future of `room` or `flush` whose owner gave up."""
        with self._lock:
            self._waiting_for_room.discard(future)
            self._waiting_for_flush.pop(future, None)

    def flush(self) -> Future[None]:
        """A future that is done once all that was put before is settled."""
        future: Future[None] = Future()
        with self._lock:
            self._due = end = self._head + len(self._queue)
            idle = next(iter(self._on_their_way), self._head) >= end
            if not idle:
                self._waiting_for_flush[future] = end
        if idle:
            _resolve([future])
        else:
            self._wake()
        return future

    def close(self) -> None:
        """Take no more; whoever waits for room learns it."""
        with self._lock:
            self.is_closed = True
            self._measure_room()
            waiting = list(self._waiting_for_room)
            self._waiting_for_room.clear()
        _resolve(waiting)

    def drain(self) -> list[bytes]:
        """Take all that is queued."""
        with self._lock:
            left = list(self._queue)
            self._queue.clear()
            self._head += len(left)
            self._bytes = 0
        return left

    def abandon(self, error: Exception) -> None:
        """Nothing will be settled any more: whoever waits for a flush gets this error."""
        with self._lock:
            self._on_their_way.clear()
            waiting = list(self._waiting_for_flush)
            self._waiting_for_flush.clear()
        for future in waiting:
            with suppress(InvalidStateError):  # its owner has given up
                future.set_exception(error)

    def _measure_room(self) -> None:
        """One number for `put` to look at, whatever the reason why nothing may be put."""
        in_flight = sum(self._on_their_way.values())
        self._most_queued = 0 if self.is_closed else self._max_messages - in_flight


def _resolve(futures: list[Future[None]]) -> None:
    for future in futures:
        with suppress(InvalidStateError):  # its owner has given up
            future.set_result(None)
