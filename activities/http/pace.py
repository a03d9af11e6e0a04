"""The pace of an integration's requests: a token bucket for one process."""

import asyncio
from collections import deque

BURST = 2
"""Requests that may start at once after a quiet time, in all processes together. Of 30 requests,
they make the rate at most 7 % too high."""


class Pace:
    """Gives turns to requests, first come, first served. It belongs to one event loop.

    Args:
        requests_per_second: The rate of all processes together.
    """

    def __init__(self, requests_per_second: float) -> None:
        self.asked = asyncio.Event()
        """Set with each request that asks for a turn; who shares the rate clears it."""

        self._whole = requests_per_second
        self._part = 1.0
        self._tokens = 1.0
        self._filled_at: float | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def requests_per_second(self) -> float:
        """The rate of this process."""
        return self._whole * self._part

    @property
    def waiting(self) -> int:
        """The requests that wait for their turn."""
        return len(self._waiting)

    def take_part(self, part: float) -> None:
        """Take a part of the rate; other processes have the rest.

        Args:
            part: More than 0, and at most 1.
        """
        self._fill()
        self._part = part
        self._tokens = min(self._tokens, self._capacity)
        self._give_turns()

    async def turn(self) -> None:
        """Wait for the turn of a request."""
        self.asked.set()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._give_turns()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self._tokens += 1  # it had its turn, and does not use it
            self._give_turns()
            raise

    @property
    def _capacity(self) -> float:
        return max(1.0, BURST * self._part)

    def _fill(self) -> None:
        now = asyncio.get_running_loop().time()
        quiet = now - (self._filled_at if self._filled_at is not None else now)
        self._tokens = min(self._tokens + quiet * self.requests_per_second, self._capacity)
        self._filled_at = now

    def _give_turns(self) -> None:
        self._fill()
        while self._waiting and self._tokens >= 1:
            self._tokens -= 1
            self._waiting.popleft().set_result(None)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            delay = (1 - self._tokens) / self.requests_per_second
            self._timer = asyncio.get_running_loop().call_later(delay, self._give_turns)
