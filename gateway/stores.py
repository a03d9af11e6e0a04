"""Stores executions in Temporal, within a memory limit, while requests wait for the result.

Here, a store is one operation: an execution is started, again and again if necessary, until
Temporal has it. A retry of a request joins the stores that the first request began.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from functools import partial

from gateway.errors import RequestError, retry_later
from gateway.recent_stores import RecentStores
from gateway.storing import store
from gateway.temporal_health import OUTAGE, TemporalHealth

RETRY_SECONDS = 1
"""The `Retry-After` of a 503; SDKs increase the delay from one retry to the next."""

_MAX_BYTES = 64 * 1024 * 1024
"""The limit for the messages of all stores in progress, even if their requests no longer wait."""

_CLOSE_TIMEOUT_SECONDS = 5
"""How long a process that shuts down waits for stores whose requests have already ended."""

Store = asyncio.Future[None]
"""A store; it completes when Temporal has the execution."""


class Stores:
    """The stores in progress.

    If a request waits too long, the response is 503. Its stores continue, and a retry joins them.

    Args:
        health: Whether Temporal responds.
        timeout_seconds: How long a request waits for its stores.
    """

    def __init__(self, health: TemporalHealth, timeout_seconds: float) -> None:
        self._health = health
        self._timeout_seconds = timeout_seconds
        self._in_progress: set[Store] = set()
        self._bytes = 0
        self.recent = RecentStores()
        """The stores that a retry can join."""

    def create_task(self, start: Callable[[], Awaitable[object]]) -> Store:
        """Store an execution in a background task.

        Args:
            start: Starts the execution. It may be called several times, and must start only one.
        """
        return asyncio.create_task(store(self._health, start))

    def begin(
        self, size: int, create: Callable[[], Store], keys: Collection[Hashable] = ()
    ) -> Store:
        """Begin a store, and count its bytes until it ends.

        Args:
            size: The bytes of its messages in memory.
            create: Creates the store.
            keys: The keys by which a retry finds the store.

        Raises:
            RequestError: Temporal is out of reach, or the memory limit is reached.
        """
        if self._health.failure:
            raise self._not_stored()
        if self._bytes + size > _MAX_BYTES and self._in_progress:
            raise retry_later(
                503,
                "not stored: the gateway is storing too many messages; send it again",
                RETRY_SECONDS,
            )
        begun = create()
        self._in_progress.add(begun)
        self._bytes += size
        self.recent.add(keys, begun)
        begun.add_done_callback(partial(self._end, size, keys))
        return begun

    def join(self, key: Hashable, size: int, create: Callable[[], Store]) -> Store | None:
        """Return the store in progress with this key, or begin one.

        Args:
            key: The key of the store; a retry has the same one.
            size: See `begin`.
            create: See `begin`.

        Returns:
            None if a store with this key has recently completed.

        Raises:
            RequestError: Temporal is out of reach, or the memory limit is reached.
        """
        if self.recent.is_stored(key):
            return None
        return self.recent.in_progress(key) or self.begin(size, create, [key])

    async def wait(
        self, stores: Iterable[Store | None], *, unjoinable: Iterable[Store | None] = ()
    ) -> None:
        """Wait until all of these stores have completed.

        Args:
            stores: The stores; None stands for a completed one.
            unjoinable: Those of `stores` that a retry cannot find; they are cancelled on a timeout.

        Raises:
            RequestError: It takes too long, or Temporal rejects one of them.
        """
        try:
            await self._health.wait_for(filter(None, stores), self._timeout_seconds)
        except TimeoutError:
            # A retry would begin another store, and its messages would be stored twice.
            for unjoinable_store in filter(None, unjoinable):
                unjoinable_store.cancel()
            raise self._not_stored() from None
        except OUTAGE:
            raise RequestError(
                413, "Temporal rejects it because of its size: send less at once"
            ) from None

    async def close(self) -> None:
        """Wait for the stores in progress for a few seconds, unless Temporal is out of reach."""
        if self._in_progress and not self._health.failure:
            await asyncio.wait(self._in_progress, timeout=_CLOSE_TIMEOUT_SECONDS)

    def _end(self, size: int, keys: Collection[Hashable], ended: Store) -> None:
        self.recent.complete(keys, ended)
        self._in_progress.discard(ended)
        self._bytes -= size
        if not ended.cancelled():
            # Mark the exception as retrieved; if no request waits, asyncio would log it.
            ended.exception()

    def _not_stored(self) -> RequestError:
        state = "out of reach" if self._health.failure else "slow"
        reason = f"not stored: Temporal is {state}; send it again"
        return retry_later(503, reason, RETRY_SECONDS)
