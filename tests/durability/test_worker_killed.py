"""A worker that is killed loses nothing: the next one delivers, with the same message id."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

VALIDATED = EventType.EVENT_TYPE_MARKER_RECORDED
REQUEST_STARTED = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED

PATIENT = {"request": {"single_attempt_timeout": "PT1M"}}

SOON_LOST = {"request": {"single_attempt_timeout": "PT2S"}}
"""Temporal sees after two seconds that an attempt's worker is gone."""


async def wait_for_event(handle: WorkflowHandle[Any, Any], wanted: EventType.ValueType) -> None:
    """Wait until an execution's history holds an event of this type."""
    async with asyncio.timeout(30):
        async for event in handle.fetch_history_events(wait_new_event=True):
            if event.event_type == wanted:
                return


async def test_between_validation_and_request(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Its validation is in the history, its request waits for a slot: killed in between."""
    standin.script("segment", {"delay": 60})

    async with worker_process(
        temporal, standin, task_queue, ANALYTICS_MAX_CONCURRENT_ACTIVITIES="1"
    ) as worker:
        occupies = await start(temporal, task_queue, policies=PATIENT)
        await standin.wait_for(1)
        handle = await start(temporal, task_queue)
        await wait_for_event(handle, VALIDATED)
        worker.process.kill()
        await worker.ended()

    assert REQUEST_STARTED not in [e.event_type async for e in handle.fetch_history_events()]
    standin.clear()
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    await occupies.terminate()
    assert output["status"] == "success"
    (request,) = standin.requests
    assert request["body"]["messageId"] == output["track"]["message_id"]


async def test_during_the_request(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """The provider has the request, nobody has its answer: it is sent again, with the same id."""
    standin.script("segment", {"delay": 60})

    async with worker_process(temporal, standin, task_queue) as worker:
        handle = await start(temporal, task_queue, policies=SOON_LOST)
        await standin.wait_for(1)
        worker.process.kill()
        await worker.ended()

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    assert output["status"] == "success"
    sent = [request["body"] for request in standin.requests]
    assert len(sent) == 2
    assert {body["messageId"] for body in sent} == {output["track"]["message_id"]}
    assert {body["timestamp"] for body in sent} == {output["track"]["timestamp"]}


async def test_before_the_first_worker(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """Fifty messages that wait for the first worker to start are delivered once each."""
    ids = [f"waited-{number:02}" for number in range(50)]
    message = {"user_id": "u-1", "event": "Waited"}
    handles = [await start(temporal, task_queue, {**message, "message_id": id_}) for id_ in ids]

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        outputs = await asyncio.gather(*map(outcome, handles))

    assert [output["status"] for output in outputs] == ["success"] * 50
    assert sorted(request["body"]["messageId"] for request in standin.requests) == ids
