"""Calls that repeat a message id: they join the first delivery, unless it has failed."""

from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient, DeliveryHandle, Interrupted, Rejected
from durable_analytics.testing import StandIn
from tests.support.noted_starts import Starts
from tests.support.worker_settings import settings_for
from worker import register


async def run_id(handle: DeliveryHandle) -> str | None:
    """Which execution the id stands for now."""
    return (await handle.workflow.describe()).run_id


async def test_one_that_runs_is_joined(temporal: Client, standin: StandIn) -> None:
    """While no worker has taken it: one execution, one request, one output for both callers."""
    settings = settings_for(standin, task_queue=f"joining-{uuid4()}")
    analytics = AnalyticsClient(temporal, integration="segment", task_queue=settings.task_queue)

    first = await analytics.track(user_id="u-1", event="E", message_id="joined")
    execution = await run_id(first)
    second = await analytics.track(user_id="u-1", event="Other", message_id="joined")

    assert first.workflow_id == second.workflow_id == "segment:track:joined"
    assert await run_id(second) == execution
    async with Worker(temporal, task_queue=settings.task_queue, plugins=[register(settings)]):
        output = await first.result()
        assert await second.result() == output
    assert output["track"]
    assert output["track"]["event"] == "E"
    assert [request["body"]["event"] for request in standin.requests] == ["E"]


async def test_one_that_succeeded_is_joined(
    analytics: AnalyticsClient, starts: Starts, standin: StandIn
) -> None:
    """Its output is returned, and nothing is sent again."""
    message_id = str(uuid4())
    first = await analytics.track(user_id="u-1", event="E", message_id=message_id)
    output = await first.result()
    execution = await run_id(first)

    second = await analytics.track(user_id="u-1", event="E", message_id=message_id)

    assert await second.result() == output
    assert (second.message_id, await run_id(second)) == (message_id, execution)
    assert len(starts.noted) == 2
    assert len(standin.requests) == 1


async def test_one_that_failed_is_delivered_anew(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """A second execution, with the same message id for the provider to see."""
    message_id = str(uuid4())
    standin.script("segment", {"status": 400})
    first = await analytics.track(user_id="u-1", event="E", message_id=message_id)
    with pytest.raises(Rejected):
        await first.result()
    execution = await run_id(first)

    second = await analytics.track(user_id="u-1", event="E", message_id=message_id)
    output = await second.result()

    assert output["status"] == "success"
    assert await run_id(second) != execution
    assert [request["answered"] for request in standin.requests] == [400, 200]
    assert {request["body"]["messageId"] for request in standin.requests} == {message_id}


async def test_one_that_was_cancelled_is_delivered_anew(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """Whoever calls again wants it delivered."""
    message_id = str(uuid4())
    standin.script("segment", *[{"status": 500}] * 20)
    first = await analytics.track(user_id="u-1", event="E", message_id=message_id)
    await standin.wait_for(1)
    await first.workflow.cancel()
    with pytest.raises(Interrupted):
        await first.result()
    standin.clear()

    second = await analytics.track(user_id="u-1", event="E", message_id=message_id)

    assert (await second.result())["status"] == "success"
    assert [request["body"]["messageId"] for request in standin.requests] == [message_id]


async def test_ids_are_an_integrations_and_a_methods_own(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """The same id elsewhere is another message."""
    message_id = str(uuid4())
    handles = [
        await analytics.track(user_id="u-1", event="E", message_id=message_id),
        await analytics.identify(user_id="u-1", message_id=message_id),
        await analytics.track(
            user_id="u-1", event="E", message_id=message_id, integration="rudderstack"
        ),
    ]

    for handle in handles:
        await handle.result()
    assert [handle.workflow_id for handle in handles] == [
        f"segment:track:{message_id}",
        f"segment:identify:{message_id}",
        f"rudderstack:track:{message_id}",
    ]
    assert len(standin.requests) == 3
