"""The lock of redrives: one at a time, and it ends when its redrive has died."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from durable_analytics.redrive.lock import RedriveLock, RedriveRunning
from durable_analytics.redrive.names import lock_id
from workflows import redrive_lock

pytestmark = pytest.mark.slow

HISTORY = Path(__file__).with_name("lock.json")
"""Taken, renewed, released."""


async def test_a_second_redrive_waits_and_then_says_so(temporal: Client, queue: str) -> None:
    async with RedriveLock(temporal, queue):
        with pytest.raises(RedriveRunning, match="another redrive runs"):
            await RedriveLock(temporal, queue, patience_seconds=0).__aenter__()

    async with RedriveLock(temporal, queue):
        pass


async def test_a_second_redrive_begins_when_the_first_ends(temporal: Client, queue: str) -> None:
    async with RedriveLock(temporal, queue):
        second = asyncio.create_task(RedriveLock(temporal, queue).__aenter__())
        await asyncio.sleep(0.1)
        assert not second.done()

    lock = await asyncio.wait_for(second, 10)
    await lock.__aexit__(None, None, None)


async def test_the_lock_of_a_redrive_that_died_ends_after_its_lease(
    temporal: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then, its executions appear in the list, where the next redrive finds them."""
    monkeypatch.setattr(redrive_lock, "LEASE", timedelta(seconds=1))
    lock = RedriveLock(temporal, queue)

    with pytest.raises(ZeroDivisionError):
        async with lock:
            raise ZeroDivisionError

    with pytest.raises(RedriveRunning):
        await RedriveLock(temporal, queue, patience_seconds=0).__aenter__()
    await asyncio.wait_for(temporal.get_workflow_handle(lock_id(queue)).result(), 10)


async def test_a_redrive_that_has_lost_its_lock_sends_no_more(temporal: Client, queue: str) -> None:
    """Its computer slept for longer than the lease."""
    lock = RedriveLock(temporal, queue)
    async with lock:
        await temporal.get_workflow_handle(lock_id(queue)).terminate()
        other = RedriveLock(temporal, queue)
        async with other:
            with pytest.raises(RedriveRunning, match="run the same command again"):
                await lock.renew()
            await other.renew()


async def test_a_renewed_lock_stays(
    temporal: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive_lock, "LEASE", timedelta(seconds=1))
    lock = RedriveLock(temporal, queue)
    async with lock:
        for _ in range(4):
            await asyncio.sleep(0.4)
            await lock.renew()


async def test_a_recorded_lock_replays() -> None:
    """A deploy does not end the lock of a redrive that runs."""
    history = WorkflowHistory.from_json("lock", HISTORY.read_text())
    replayer = Replayer(workflows=[redrive_lock.RedriveLock])

    replayed = await replayer.replay_workflow(history)

    assert replayed.replay_failure is None
