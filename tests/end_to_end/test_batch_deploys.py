"""A batch while workers of the release before, which has no `Batch.Send`, share the queue."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from tests.support.batches import DELETE, ids, numbered, start_batch
from tests.support.earlier_batch import NEW_BATCH, earlier_worker
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker

THREE = [*numbered(1), DELETE, *numbered(2)[1:]]
ALL = [["m-0"], ["/regulations"], ["m-1"]]


async def wait_for_event(handle: WorkflowHandle[Any, Any], attributes: str) -> None:
    """Wait until the history has an event with these attributes."""
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.HasField(attributes):  # type: ignore[arg-type]
            return


@pytest.mark.slow
async def test_a_worker_that_does_not_know_the_activity_leaves_it_to_another(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Even if the policy allows only one attempt."""
    settings = settings_for(standin, task_queue=task_queue)
    once = {"request": {"retry_policy": {"maximum_attempts": 1}}}

    async with earlier_worker(temporal, settings, NEW_BATCH):
        handle = await start_batch(temporal, task_queue, {"policies": once, "messages": THREE})
        await wait_for_event(handle, "activity_task_failed_event_attributes")
    async with own_worker(temporal, settings):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("success", 3)
    assert [ids(request) for request in standin.requests] == ALL


async def test_an_execution_of_the_release_before_goes_on_in_this_one(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It keeps its `Batch.Request` for each slice, and loses none and repeats none."""
    standin.script("segment", {}, {"status": 503})
    settings = settings_for(standin, task_queue=task_queue)
    later = {"request": {"retry_policy": {"initial_interval": "PT2S"}}}

    async with earlier_worker(temporal, settings):
        handle = await start_batch(temporal, task_queue, {"policies": later, "messages": THREE})
        await standin.wait_for(2)
    async with own_worker(temporal, settings):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("success", 3)
    assert [ids(request) for request in standin.requests] == [ALL[0], ALL[1], *ALL[1:]]


@pytest.mark.slow
async def test_an_execution_of_this_release_waits_for_it(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A worker of the release before fails its tasks, and not the execution."""
    standin.script("segment", {}, {"status": 503})
    settings = settings_for(standin, task_queue=task_queue)

    async with own_worker(temporal, settings):
        handle = await start_batch(temporal, task_queue, {"messages": THREE})
        await standin.wait_for(2)
    async with earlier_worker(temporal, settings):
        await handle.signal("causes a workflow task")
        await wait_for_event(handle, "workflow_task_failed_event_attributes")
    async with own_worker(temporal, settings):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("success", 3)
    assert [ids(request) for request in standin.requests] == [ALL[0], ALL[1], *ALL[1:]]


async def test_halving_in_the_release_before(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The status 413 fails `Batch.Request`, and the workflow sends the halves."""
    standin.script("segment", {"status": 413})
    settings = settings_for(standin, task_queue=task_queue)

    async with earlier_worker(temporal, settings):
        output = await outcome(await start_batch(temporal, task_queue, {"messages": numbered(4)}))

    assert (output["status"], output["accepted"]) == ("success", 4)
    assert [len(ids(request)) for request in standin.requests] == [4, 2, 2]
