"""Timeouts that Temporal tells, not the activity: the queue's, and an attempt that never ends."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import register


class Deaf(httpx.AsyncBaseTransport):
    """Answers 503 once; then it neither answers nor heeds a cancellation, as a stuck worker."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_deaf = asyncio.Event()
        self.released = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See base class."""
        self.calls += 1
        if self.calls == 1:
            return httpx.Response(503, text="maintenance", request=request)
        self.is_deaf.set()
        while not self.released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.released.wait()
        return httpx.Response(200, request=request)


@pytest.fixture
async def deaf(temporal: Client, standin: StandIn) -> AsyncIterator[Deaf]:
    """A worker on the task queue "deaf", with room for one request at a time."""
    transport = Deaf()
    settings = settings_for(standin, task_queue="deaf")
    async with httpx.AsyncClient(transport=transport) as client:
        plugin = register(settings, clients={"segment": client})
        async with Worker(
            temporal, task_queue="deaf", plugins=[plugin], max_concurrent_activities=1
        ):
            yield transport
            transport.released.set()


async def deliver(temporal: Client, **policy: Any) -> Json:
    """Deliver one track with this policy, and return the output of its failure."""
    data = {
        "integration": "segment",
        "policies": {"request": policy},
        "track": {"user_id": "u-1", "event": "E"},
    }
    with pytest.raises(WorkflowFailureError) as failed:
        await temporal.execute_workflow("Track", data, id=f"deaf-{uuid.uuid4()}", task_queue="deaf")
    output: Json = failed.value.cause.details[0]  # type: ignore[attr-defined]
    return output


async def test_the_last_answer_is_there_when_the_last_attempt_times_out(
    temporal: Client, deaf: Deaf
) -> None:
    """It was heartbeat before the first attempt failed."""
    output = await deliver(temporal, single_attempt_timeout=2, retry_policy={"maximum_attempts": 2})

    assert output["error"]["type"] == "Unavailable"
    assert output["error"]["message"] == "an attempt took longer than single_attempt_timeout"
    assert output["response"]["status_code"] == 503
    assert output["response"]["body"] == "maintenance"
    assert deaf.calls == 2


async def test_a_request_that_no_worker_takes_is_unavailable(temporal: Client, deaf: Deaf) -> None:
    """The only slot is taken by a request that hangs."""
    deaf.calls = 1
    hanging = await temporal.start_workflow(
        "Track",
        {"integration": "segment", "track": {"user_id": "u-1", "event": "E"}},
        id=f"deaf-{uuid.uuid4()}",
        task_queue="deaf",
    )
    await deaf.is_deaf.wait()

    output = await deliver(temporal, queue_timeout=1, single_attempt_timeout=1)

    assert output["error"]["type"] == "Unavailable"
    assert output["error"]["message"] == "no worker started the request within queue_timeout"
    await hanging.terminate()
