"""Temporal goes away under a buffering client, and comes back: every message arrives."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from durable_analytics import BufferingClient, Outcome, QueueFull
from durable_analytics.testing import StandIn
from tests.support.delivered import messages, wait_for_messages
from tests.support.embedded_server import server
from tests.support.free_ports import free_port
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_worker

pytestmark = pytest.mark.slow

SOON = timedelta(seconds=60)


class Lines(logging.Handler):
    """The log lines of the client, to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._condition = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        """See base class."""
        with self._condition:
            self.lines.append(record.getMessage())
            self._condition.notify_all()

    async def wait_for(self, part: str) -> None:
        """Wait for a line that begins so."""

        def is_there() -> bool:
            return any(line.startswith(part) for line in self.lines)

        def wait() -> bool:
            with self._condition:
                return self._condition.wait_for(is_there, SOON.total_seconds())

        assert await asyncio.to_thread(wait), self.lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the client logs."""
    lines, logger = Lines(), logging.getLogger("durable_analytics.buffering")
    logger.addHandler(lines)
    yield lines
    logger.removeHandler(lines)


def track(client: BufferingClient, count: int, told: list[Outcome]) -> list[str]:
    """Enqueue events; returns their ids."""
    return [client.track(user_id="u-1", event="E", callback=told.append) for _ in range(count)]


async def test_a_server_that_comes_late(
    standin: StandIn,
    tmp_path: Path,
    task_queue: str,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client has never been connected; what it holds is bounded, and nothing is lost."""
    port, told = free_port(), list[Outcome]()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    client = BufferingClient(integration="segment", task_queue=task_queue, max_queue_size=500)

    ids = track(client, 500, told)
    with pytest.raises(QueueFull):
        track(client, 1, told)
    await lines.wait_for("Temporal does not take messages (NotAccepted: no Temporal server")
    assert told == []

    async with server(port, tmp_path / "temporal.db") as temporal:
        await client.aflush(SOON)
        await client.aclose()
        async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
            arrived = await wait_for_messages(standin, 500)

    assert sorted(outcome.message_id for outcome in told) == sorted(ids)
    assert sorted(message["messageId"] for message in arrived) == sorted(ids)
    assert len(lines.lines) == 2
    assert lines.lines[1].startswith("Temporal takes messages again, after")


async def test_a_server_that_is_killed_under_load(
    standin: StandIn, tmp_path: Path, task_queue: str, lines: Lines
) -> None:
    """Batches whose answer was lost are joined, not doubled; the order of the calls is kept."""
    port, file, told = free_port(), tmp_path / "temporal.db", list[Outcome]()
    ids: list[str] = []
    enough, ended = asyncio.Event(), asyncio.Event()

    async def load(client: BufferingClient) -> None:
        while not ended.is_set():
            await client.room()
            ids.extend(track(client, 1, told))
            if len(ids) % 50 == 0:
                await asyncio.sleep(0)
            if len(told) > 1000:
                enough.set()

    async with server(port, file) as temporal:
        client = BufferingClient(
            temporal, integration="segment", task_queue=task_queue, max_queue_size=2000
        )
        loading = asyncio.create_task(load(client))
        await asyncio.wait_for(enough.wait(), SOON.total_seconds())
    await lines.wait_for("Temporal does not take messages")
    ended.set()

    async with server(port, file) as temporal:
        await asyncio.wait_for(loading, SOON.total_seconds())
        await client.aclose(SOON)
        async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
            await wait_for_messages(standin, len(ids))
            for workflow_id in {outcome.workflow_id for outcome in told}:
                await temporal.get_workflow_handle(str(workflow_id)).result()

    assert sorted(outcome.message_id for outcome in told if outcome.error is None) == sorted(ids)
    assert Counter(message["messageId"] for message in messages(standin)) == Counter(ids)
    assert lines.lines[-1].startswith("Temporal takes messages again, after")
