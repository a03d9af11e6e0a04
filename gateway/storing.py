"""Stores an execution: repeats its start, with the same id, until Temporal has it."""

import asyncio
from collections.abc import Awaitable, Callable

from durable_analytics.temporal.batch_start import is_permanent
from gateway.temporal_health import OUTAGE, TemporalHealth

_CHECK_AFTER_SECONDS = 0.25
"""If a start takes longer, a check finds out whether Temporal responds at all."""

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
"""The first and the longest pause between two attempts. A pause ends early if a check finds that
Temporal responds again."""


async def store(health: TemporalHealth, start: Callable[[], Awaitable[object]]) -> None:
    """Return once Temporal has an execution, however long it takes.

    An attempt that got no response may have started the execution; then the next attempt joins it.

    Args:
        health: Learns the result of each attempt, and signals when Temporal responds again.
        start: Starts the execution with `start_once`, each time with the same id.

    Raises:
        RPCError: Temporal refuses the execution permanently.
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
    """Start the execution once; return whether Temporal has it.

    Return False if Temporal stopped responding during the start and responds again: the start
    itself could hang until its timeout.
    """
    attempt = asyncio.ensure_future(start())
    try:
        await asyncio.wait({attempt}, timeout=_CHECK_AFTER_SECONDS)
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
    """Wait until Temporal responds again, but at most this long."""
    try:
        async with asyncio.timeout(seconds):
            await health.recovered.wait()
    except TimeoutError:
        pass
