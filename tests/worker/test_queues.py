"""Requests run on a task queue of their integration, where the process polls it."""

import uuid
from typing import Any

from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import UNLIKELY, outcome, own_process, own_worker, start


async def planned_queues(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The task queues of the activities in an execution's history."""
    return [
        event.activity_task_scheduled_event_attributes.task_queue.name
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def start_batch(client: Client, task_queue: str, integration: str) -> Any:
    """Start a batch of two messages."""
    messages = [{"type": "track", **UNLIKELY}] * 2
    return await client.start_workflow(
        "Batch",
        {"integration": integration, "messages": messages},
        id=f"test-{uuid.uuid4()}",
        task_queue=task_queue,
    )


async def test_requests_run_on_the_queue_of_their_integration(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Those of single messages and of batches."""
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handles = [
            await start(temporal, task_queue),
            await start(temporal, task_queue, integration="journy"),
            await start_batch(temporal, task_queue, "trakio"),
        ]
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 3
    queues = [await planned_queues(handle) for handle in handles]
    assert queues == [[f"{task_queue}.{name}"] for name in ("segment", "journy", "trakio")]


async def test_a_worker_alone_sends_on_its_own_queue(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Nobody polls another one."""
    async with own_worker(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await start(temporal, task_queue)
        output = await outcome(handle)

    assert output["status"] == "success"
    assert await planned_queues(handle) == [task_queue]


async def test_plans_of_an_earlier_release_are_served(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """They name the task queue of the workflow."""
    standin.script("segment", {"status": 503})
    settings = settings_for(standin, task_queue=task_queue)

    async with own_worker(temporal, settings):
        handle = await start(temporal, task_queue)
        await standin.wait_for(1)
    async with own_process(temporal, settings):
        output = await outcome(handle)

    assert output["status"] == "success"
    assert await planned_queues(handle) == [task_queue]


async def test_without_integration_queues_a_process_plans_as_before(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """So that the release before can serve the plans."""
    settings = settings_for(standin, task_queue=task_queue, integration_queues=False)

    async with own_process(temporal, settings):
        handle = await start(temporal, task_queue)
        output = await outcome(handle)

    assert output["status"] == "success"
    assert await planned_queues(handle) == [task_queue]


async def test_an_integration_that_hangs_takes_no_place_of_another(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Each queue has places of its own."""
    standin.script("segment", {"delay": 1.5})
    settings = settings_for(standin, task_queue=task_queue, max_concurrent_activities=1)

    async with own_process(temporal, settings):
        slow = [await start(temporal, task_queue) for _ in range(2)]
        await standin.wait_for(1)
        await outcome(await start(temporal, task_queue, integration="journy"))
        arrived = [request["integration"] for request in standin.requests]
        outputs = [await outcome(handle) for handle in slow]

    assert arrived == ["segment", "journy"]
    assert [output["status"] for output in outputs] == ["success"] * 2
