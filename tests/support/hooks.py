"""A hook of a worker that keeps the events that it hears of."""

import asyncio
from typing import Any


class Heard:
    """A hook that keeps what it is called with."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._loop = asyncio.get_running_loop()
        self._grew = asyncio.Condition()

    def __call__(self, event: Any) -> None:
        """Called on the hooks' own thread."""
        asyncio.run_coroutine_threadsafe(self._keep(event), self._loop).result()

    async def _keep(self, event: Any) -> None:
        async with self._grew:
            self.events.append(event)
            self._grew.notify_all()

    async def wait_for(self, count: int) -> list[Any]:
        """Wait until it was called so often."""
        async with asyncio.timeout(30), self._grew:
            await self._grew.wait_for(lambda: len(self.events) >= count)
        return self.events
