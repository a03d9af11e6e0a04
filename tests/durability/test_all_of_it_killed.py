"""Workers and the Temporal server are killed under a service that tracks: all of it arrives."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from durable_analytics import BufferingClient
from durable_analytics.temporal.connection import connect
from durable_analytics.testing import StandIn
from tests.support.embedded_server import server
from tests.support.free_ports import free_port
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

MESSAGES = 20_000
PATIENCE = timedelta(minutes=1)


def arrived(standin: StandIn) -> set[str]:
    """The ids that the provider has seen."""
    bodies = [request["body"] for request in standin.requests]
    return {message["messageId"] for body in bodies for message in body["batch"]}


async def wait_for_part(standin: StandIn, part: float) -> None:
    """Wait until the provider has seen so much of all."""
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while len(arrived(standin)) < part * MESSAGES:
            await standin.wait_for(len(standin.requests) + 1, PATIENCE.total_seconds())


async def test_workers_twice_and_the_server_once(
    standin: StandIn, tmp_path: Path, task_queue: str
) -> None:
    """In the middle of it each time; the same ids arrive as were enqueued, and no other."""
    port, file = free_port(), tmp_path / "temporal.db"
    away = connect(target_host=f"127.0.0.1:{port}")

    async with server(port, file) as client:
        analytics = BufferingClient(
            await away,
            integration="segment",
            task_queue=task_queue,
            max_queue_size=MESSAGES,
            max_batch_messages=200,
        )
        tracked = asyncio.create_task(asyncio.to_thread(track_all, analytics))
        for part in (0.1, 0.3):
            async with worker_process(client, standin, task_queue) as worker:
                await wait_for_part(standin, part)
                worker.process.kill()
                await worker.ended()
    async with (
        server(port, file) as client,
        worker_process(client, standin, task_queue),
        analytics,
    ):
        enqueued = await tracked
        await analytics.aflush(PATIENCE)
        await wait_for_part(standin, 1.0)

    assert len(enqueued) == MESSAGES
    assert arrived(standin) == enqueued


def track_all(analytics: BufferingClient) -> set[str]:
    """In a thread of its own, as a service does; returns the ids."""
    return {
        analytics.track(user_id=f"u-{number % 100}", event="Tracked", properties={"n": number})
        for number in range(MESSAGES)
    }
