"""The turns of an activity's requests, where `max_requests_per_second` limits them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from activities.http import HttpClient, Pace
from activities.pauses import PauseWatch, watch_pauses
from activities.provider_health import Held, ProviderHealth

_SECONDS_BETWEEN_CHECKS = 0.5
_BEATS = 3
"""Heartbeats per heartbeat timeout."""


class Turns:
    """The turns of one activity.

    One of its requests waits at a time, so that a single message does not wait behind all requests
    of a batch.

    Args:
        pace: The pace of the integration; None if it has no limit.
        may_be_held: Whether a request is given back if it must not be sent now.
    """

    def __init__(self, pace: Pace | None, *, may_be_held: bool) -> None:
        self.may_be_held = may_be_held
        self.pause = PauseWatch()
        """The pause that the activity reads."""

        self._pace = pace
        self._one_at_a_time = asyncio.Lock()

    async def wait(self, health: ProviderHealth | None) -> None:
        """Wait until a request may be sent; without a limit, return at once.

        Args:
            health: What this process has seen of the provider; None if it does not concern the
                request.

        Raises:
            Held: Before the turn, the integration is paused, or the worker ends.
        """
        if self._pace is None:
            return
        async with self._one_at_a_time:
            self._check(health)
            turn = asyncio.ensure_future(self._pace.turn())
            try:
                while not (await asyncio.wait([turn], timeout=_SECONDS_BETWEEN_CHECKS))[0]:
                    self._check(health)
            finally:
                turn.cancel()

    def _check(self, health: ProviderHealth | None) -> None:
        if not self.may_be_held:
            return
        if health:
            health.check()
        if self.pause.is_paused():
            raise Held(self.pause.state)
        if activity.is_worker_shutdown():
            raise Held


async def ask_others(client: HttpClient) -> None:
    """Before the first request of an activity: learn of a pause that this process may not know.

    Args:
        client: The client of the integration.
    """
    info = activity.info()
    if client.health and not info.is_local:
        await client.health.ask_others(info.started_time - info.current_attempt_scheduled_time)


@asynccontextmanager
async def turns_of_single(
    client: HttpClient, integration: str, *, may_be_held: bool
) -> AsyncIterator[Turns]:
    """Make the turns of a single message, and send heartbeats while it waits and is sent.

    Args:
        client: The client of the integration.
        integration: Its name.
        may_be_held: Whether it is given back if it must not be sent now.
    """
    turns = Turns(client.pace, may_be_held=may_be_held)
    if client.pace is None and activity.info().heartbeat_timeout is None:
        yield turns
        return
    async with watch_pauses(integration) as turns.pause:
        beating = asyncio.create_task(_keep_beating())
        try:
            yield turns
        finally:
            beating.cancel()


async def _keep_beating() -> None:
    """Repeat the last heartbeat, which has the earlier attempts."""
    info = activity.info()
    if info.heartbeat_timeout is None or info.is_local:
        return
    while True:
        await asyncio.sleep(info.heartbeat_timeout.total_seconds() / _BEATS)
        activity.heartbeat(*info.heartbeat_details)
