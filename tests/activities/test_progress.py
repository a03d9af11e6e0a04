"""Heartbeats record the progress of a batch soon, and seldom enough."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from activities.progress import HEARTBEAT_INTERVAL, Progress
from durable_analytics.wire.indexes import decode_indexes


def environment(heartbeats: asyncio.Queue[Any], timeout: timedelta) -> ActivityEnvironment:
    """An activity whose heartbeats are kept."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, is_local=False, heartbeat_timeout=timeout
    )
    environment.on_heartbeat = heartbeats.put_nowait
    return environment


async def test_each_settled_message_is_recorded_soon() -> None:
    """The first at once, the others together after the shortest interval."""
    heartbeats: asyncio.Queue[Any] = asyncio.Queue()
    recorded: list[int] = []
    loop = asyncio.get_running_loop()

    async def activity() -> float:
        progress = Progress()
        async with progress.heartbeats(), asyncio.timeout(10):
            began_at = loop.time()
            for index in range(500):
                progress.accepted.add(index)
                progress.changed.set()
                await asyncio.sleep(0)
            while 500 not in recorded:
                recorded.append(len(decode_indexes((await heartbeats.get())["accepted"])))
            return loop.time() - began_at

    seconds = await environment(heartbeats, timedelta(minutes=1)).run(activity)

    assert len(recorded) <= 1 + seconds / HEARTBEAT_INTERVAL.total_seconds()


async def test_requests_that_take_long_have_heartbeats() -> None:
    """Though nothing is settled, Temporal sees that the worker lives."""
    heartbeats: asyncio.Queue[Any] = asyncio.Queue()

    async def activity() -> list[Any]:
        async with Progress().heartbeats(), asyncio.timeout(10):
            return [await heartbeats.get() for _ in range(3)]

    received = await environment(heartbeats, timedelta(seconds=0.1)).run(activity)

    assert [heartbeat["accepted"] for heartbeat in received] == [""] * 3
