"""The command of an operator, beside a worker."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.visible import until_closed
from tests.support.worker_settings import settings_for
from worker import Settings, register

MESSAGE_ID = "0199a1f0-7c1e-7cc3-98c4-dc0c0c07398f"
"""A delivered message of the pages."""


@pytest.fixture
def command(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    temporal: Client,
    running_worker: Settings,
) -> Command:
    """The command, on the task queue of the running worker."""
    queue = running_worker.task_queue
    return Command(capsys, monkeypatch, temporal, {"ANALYTICS_TASK_QUEUE": queue})


@pytest.fixture
def operator(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    temporal: Client,
    task_queue: str,
) -> Command:
    """The command, on a task queue of its own, without any key."""
    return Command(capsys, monkeypatch, temporal, {"ANALYTICS_TASK_QUEUE": task_queue})


@pytest.fixture
async def queue(temporal: Client, standin: StandIn, task_queue: str) -> AsyncIterator[str]:
    """The task queue of a worker of this test alone, without the failures of other tests."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        yield task_queue


@pytest.fixture
async def history(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """A delivered message, a failed one, an input in a file, and the settings of the worker.

    Returns their workflow ids.
    """
    analytics = AnalyticsClient(
        temporal, integration="segment", task_queue=running_worker.task_queue
    )
    delivered = await analytics.track(user_id="u-9", event="Hi", message_id=MESSAGE_ID)
    await delivered.result()
    standin.script("segment", {"status": 401})
    failed = await analytics.track(user_id="u-9", event="Hi")
    await failed.outcome()
    for handle in (delivered, failed):
        await until_closed(temporal, handle.workflow_id)
    order = {"track": {"user_id": "u-1", "event": "Order Completed"}}
    (tmp_path / "order.json").write_text(json.dumps(order))
    monkeypatch.chdir(tmp_path)
    for name, value in {"WRITE_KEY": "a-key", "BASE_URL": standin.base_url("segment")}.items():
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__SEGMENT__{name}", value)
    return [delivered.workflow_id, failed.workflow_id]
