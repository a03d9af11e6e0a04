"""How an execution is stored: its start is repeated, with the same id, until Temporal has it."""

import asyncio
from collections.abc import Awaitable, Callable

from durable_analytics.temporal.batch_start import is_permanent
from gateway.temporal_health import OUTAGE, TemporalHealth

_SOON_SECONDS = 0.25
"""If a start takes longer, a check asks Temporal whether it answers at all."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
"""Between two attempts; it ends early if a check finds that Temporal is back."""


async def store(health: TemporalHealth, start: Callable[[], Awaitable[object]]) -> None:
    """Return once Temporal has an execution, however long it takes.

    An attempt without response may have started the execution: the next attempt joins it.

    Args:
        health: Gets the result of each attempt, and signals when Temporal is back.
        start: Starts the execution with `start_once`, with the same id in each call.

    Raises:
        RPCError: Temporal refuses it for good.
    """
    attempt = object()
    pause = _FIRST_PAUSE_SECONDS
    health.began(attempt)
    try:
        while True:
            try:
                if await _attempt(health, start):
                    health.stored()
                    return
            except OUTAGE as error:
                if is_permanent(error) or is_permanent(error.__cause__):
                    raise
                health.store_failed(error)
                health.suspect()
                await _wait_for_recovery(health, pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    finally:
        health.ended(attempt)


async def _attempt(health: TemporalHealth, start: Callable[[], Awaitable[object]]) -> bool:
    """Start once; False if Temporal was out of reach meanwhile and is back, so that it hangs."""
    attempt = asyncio.ensure_future(start())
    try:
        await asyncio.wait({attempt}, timeout=_SOON_SECONDS)
        if not attempt.done():
            health.suspect()
            recovery = asyncio.create_task(health.recovered.wait())
            await asyncio.wait({attempt, recovery}, return_when=asyncio.FIRST_COMPLETED)
            recovery.cancel()
        if not attempt.done():
            return False
        attempt.result()
        return True
    finally:
        attempt.cancel()


async def _wait_for_recovery(health: TemporalHealth, seconds: float) -> None:
    """Wait until a check succeeds after one that failed, or for this long."""
    try:
        async with asyncio.timeout(seconds):
            await health.recovered.wait()
    except TimeoutError:
        pass
