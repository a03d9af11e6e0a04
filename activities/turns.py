"""The turns of an activity's requests, where `max_requests_per_second` limits them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

from activities.http import HttpClient, Pace
from activities.pauses import watch_pauses

_SECONDS_BETWEEN_CHECKS = 0.5
_BEATS = 3
"""Heartbeats per heartbeat timeout."""


class TurnGivenUp(Exception):
    """A request was not sent, because its activity must stop."""


class Turns:
    """The turns of one activity.

    One of its requests waits at a time, so that a single message does not wait behind all requests
    of a batch.

    Args:
        pace: The pace of the integration; None if it has no limit.
        must_stop: Whether a request that waits must not be sent. Default: never.
    """

    def __init__(self, pace: Pace | None, must_stop: Callable[[], bool] = bool) -> None:
        self.must_stop = must_stop
        self._pace = pace
        self._one_at_a_time = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until a request may be sent.

        Raises:
            TurnGivenUp: The activity must stop.
        """
        if self._pace is None:
            return
        async with self._one_at_a_time:
            if self.must_stop():
                raise TurnGivenUp
            turn = asyncio.ensure_future(self._pace.turn())
            try:
                while not (await asyncio.wait([turn], timeout=_SECONDS_BETWEEN_CHECKS))[0]:
                    if self.must_stop():
                        raise TurnGivenUp
            finally:
                turn.cancel()


@asynccontextmanager
async def turns_of_single(
    client: HttpClient, integration: str, *, may_give_up: bool
) -> AsyncIterator[Turns]:
    """Make the turns of a single message, and send heartbeats while it waits and is sent.

    Args:
        client: The client of the integration.
        integration: Its name.
        may_give_up: Whether the workflow schedules the request again if it was not sent.
    """
    if client.pace is None:
        yield Turns(None)
        return
    async with watch_pauses(integration) as pause:
        beating = asyncio.create_task(_keep_beating())
        try:
            yield Turns(
                client.pace,
                lambda: may_give_up and (pause.is_paused() or activity.is_worker_shutdown()),
            )
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
