"""The stores in progress: bounded in memory, joined by retries, and waited for by requests."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from functools import partial

from gateway.errors import RequestError, retry_later
from gateway.recent_stores import RecentStores
from gateway.storing import store
from gateway.temporal_health import OUTAGE, TemporalHealth

RETRY_SECONDS = 1
"""The `Retry-After` of a 503; SDKs increase the delay by themselves."""

_MAX_BYTES = 64 * 1024 * 1024
"""The limit for messages that are being stored, whether or not their requests still wait."""

_CLOSE_TIMEOUT_SECONDS = 5
"""How long a closing process waits for stores whose requests have ended."""

Store = asyncio.Future[None]
"""Completes when Temporal has an execution."""


class Stores:
    """Begins stores, and waits for them on behalf of requests.

    A request that waits too long gets a 503, but its stores continue: a retry joins them.

    Args:
        health: The health of Temporal.
        timeout_seconds: How long a request waits.
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
            start: Starts the execution; it may be called again, which has no further effect.
        """
        return asyncio.create_task(store(self._health, start))

    def begin(
        self, size: int, create: Callable[[], Store], keys: Collection[Hashable] = ()
    ) -> Store:
        """Begin a store.

        Args:
            size: The bytes that it holds in memory until it ends.
            create: Creates it.
            keys: The keys under which a retry can join it.

        Raises:
            RequestError: Temporal is out of reach, or too much is being stored.
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
        """Return the store with this key: the one in progress, or a new one.

        Args:
            key: The same for a retry.
            size: See `begin`.
            create: See `begin`.

        Returns:
            None if a store with this key has recently completed.

        Raises:
            RequestError: Temporal is out of reach, or too much is being stored.
        """
        if self.recent.is_stored(key):
            return None
        return self.recent.in_progress(key) or self.begin(size, create, [key])

    async def wait(
        self, stores: Iterable[Store | None], *, unjoinable: Iterable[Store | None] = ()
    ) -> None:
        """Wait until Temporal has all of these.

        Args:
            stores: The stores; None is one that has completed.
            unjoinable: Those of them that no retry can join; they are cancelled on a timeout.

        Raises:
            RequestError: It takes too long, or Temporal rejects one of them.
        """
        try:
            await self._health.wait_for(filter(None, stores), self._timeout_seconds)
        except TimeoutError:
            # A retry would not be recognised, and would be stored a second time.
            for abandoned in filter(None, unjoinable):
                abandoned.cancel()
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
            ended.exception()  # Mark it as retrieved: perhaps no request waits any longer.

    def _not_stored(self) -> RequestError:
        state = "out of reach" if self._health.failure else "slow"
        reason = f"not stored: Temporal is {state}; send it again"
        return retry_later(503, reason, RETRY_SECONDS)
