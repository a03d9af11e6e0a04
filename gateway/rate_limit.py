"""A token bucket that limits the requests of a source within one process."""

import math
import time
from collections.abc import Callable

from gateway.errors import retry_later


class RateLimit:
    """A token bucket: it holds the requests of one second, and refills continuously.

    Args:
        per_second: Requests a second; None means no limit.
        clock: Returns seconds from any fixed start.
    """

    def __init__(
        self, per_second: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._capacity = max(1.0, per_second or 0)
        self._tokens = self._capacity
        self._refilled_at = clock()

    def take(self) -> None:
        """Count one request.

        Raises:
            RequestError: 429, the limit is exceeded.
        """
        if self._per_second is None:
            return
        now = self._clock()
        refill = (now - self._refilled_at) * self._per_second
        self._tokens = min(self._capacity, self._tokens + refill)
        self._refilled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / self._per_second
            reason = (
                f"more than {self._per_second:g} requests a second: "
                "put more messages into each request"
            )
            raise retry_later(429, reason, math.ceil(wait))
        self._tokens -= 1
