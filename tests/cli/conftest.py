"""The command of an operator, beside a worker."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.worker_settings import settings_for
from worker import Settings, register


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
async def queue(temporal: Client, standin: StandIn, task_queue: str) -> AsyncIterator[str]:
    """The task queue of a worker of this test alone, without the failures of other tests."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        yield task_queue
