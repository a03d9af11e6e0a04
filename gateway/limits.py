"""Requests a second, in one process; a bucket needs no library that counts in tasks or threads."""

import math
import time
from collections.abc import Callable

from gateway.refusals import try_again


class Rate:
    """A bucket of as many requests as come in a second; it fills as time goes by.

    Args:
        per_second: Requests; None takes all of them.
        clock: Seconds, from whatever start.
    """

    def __init__(
        self, per_second: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._most = max(1.0, per_second or 0)
        self._left = self._most
        self._at = clock()

    def take(self) -> None:
        """Count a request.

        Raises:
            Refusal: There are too many.
        """
        if self._per_second is None:
            return
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            wait = (1 - self._left) / self._per_second
            told = f"more than {self._per_second:g} requests a second: send more in each"
            raise try_again(429, told, math.ceil(wait))
        self._left -= 1
