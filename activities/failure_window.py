"""How many attempts of the last seconds failed."""

from collections import deque

_PARTS = 10
"""The window moves in steps of a tenth of its length."""


class FailureWindow:
    """Counts of attempts in a moving window.

    Args:
        seconds: The length of the window.
    """

    def __init__(self, seconds: float) -> None:
        self._part_seconds = seconds / _PARTS
        self._parts: deque[list[int]] = deque()
        """Of each part with attempts: its number, the attempts, and those that failed."""

    def add(self, now: float, *, failed: bool) -> None:
        """Count an attempt."""
        number = int(now / self._part_seconds)
        if not self._parts or self._parts[-1][0] != number:
            self._parts.append([number, 0, 0])
            self._drop(number)
        part = self._parts[-1]
        part[1] += 1
        part[2] += failed

    def counts(self, now: float) -> tuple[int, int]:
        """Return the attempts, and those of them that failed."""
        self._drop(int(now / self._part_seconds))
        return sum(part[1] for part in self._parts), sum(part[2] for part in self._parts)

    def clear(self) -> None:
        """Forget all attempts."""
        self._parts.clear()

    def _drop(self, number: int) -> None:
        while self._parts and self._parts[0][0] <= number - _PARTS:
            self._parts.popleft()
