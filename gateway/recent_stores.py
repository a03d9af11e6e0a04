"""Remembers stores in progress and recently completed, so that a retry joins the first attempt."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable

_MAX_ENTRIES = 100_000
"""Completed stores that are remembered, about 30 MB; the oldest are forgotten first."""

_RETENTION_SECONDS = 600.0
"""Longer than SDKs retry."""


class RecentStores:
    """Stores by key, in the memory of this process.

    Args:
        max_entries: The most completed stores that are remembered.
        retention_seconds: How long a completed store is remembered.
        clock: Returns seconds from any fixed start.
    """

    def __init__(
        self,
        max_entries: int = _MAX_ENTRIES,
        retention_seconds: float = _RETENTION_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._retention_seconds = retention_seconds
        self._clock = clock
        self._in_progress: dict[Hashable, asyncio.Future[None]] = {}
        # In the order in which the stores completed. A plain dict would look through the places of
        # all that were deleted to find the oldest one.
        self._expiries: OrderedDict[Hashable, float] = OrderedDict()

    def is_stored(self, key: Hashable) -> bool:
        """Whether a store with this key has recently completed."""
        expiry = self._expiries.get(key)
        return expiry is not None and expiry > self._clock()

    def in_progress(self, key: Hashable) -> asyncio.Future[None] | None:
        """The store with this key that is in progress, if any."""
        return self._in_progress.get(key)

    def add(self, keys: Collection[Hashable], store: asyncio.Future[None]) -> None:
        """Remember a store that begins, under each of these keys."""
        self._in_progress.update(dict.fromkeys(keys, store))

    def forget(self, key: Hashable) -> None:
        """Forget a completed store: the next one with this key begins anew."""
        self._expiries.pop(key, None)

    def complete(self, keys: Collection[Hashable], store: asyncio.Future[None]) -> None:
        """Remember that a store has completed, with the keys that it began with, or has failed."""
        for key in keys:
            del self._in_progress[key]
        if store.cancelled() or store.exception():
            return
        now = self._clock()
        for key in keys:
            self._expiries.pop(key, None)
            self._expiries[key] = now + self._retention_seconds
        while self._expiries:
            oldest, expiry = next(iter(self._expiries.items()))
            if len(self._expiries) <= self._max_entries and expiry > now:
                break
            del self._expiries[oldest]
