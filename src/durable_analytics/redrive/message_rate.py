"""A limit for the messages that are sent in a second, on average."""

import asyncio
import time


class MessageRate:
    """Spreads messages over time.

    Args:
        messages_per_second: The limit; None means no limit.
    """

    def __init__(self, messages_per_second: float | None) -> None:
        self._messages_per_second = messages_per_second
        self._next_start = time.monotonic()

    async def wait(self, messages: int) -> None:
        """Wait until this many messages may be sent; concurrent calls wait one after another."""
        if self._messages_per_second is None:
            return
        now = time.monotonic()
        start = max(self._next_start, now)
        self._next_start = start + messages / self._messages_per_second
        await asyncio.sleep(start - now)
