"""A worker with a task queue of its own for each test: what other tests failed stays apart."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.worker_settings import settings_for
from worker import register


@pytest.fixture
async def queue(temporal: Client, standin: StandIn, task_queue: str) -> AsyncIterator[str]:
    """The task queue of a worker that delivers to the stand-in."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        yield task_queue
