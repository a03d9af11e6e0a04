"""A message whose time is over while its integration is paused says by whom and why."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import UNLIKELY, outcome, own_process, start

pytestmark = pytest.mark.slow

PAUSED = "the integration segment is paused by an operator: maintenance (Ann); "


@pytest.mark.parametrize(
    "timeouts",
    [{"total_timeout": "PT1S"}, {"queue_timeout": "PT1S"}],
    ids=["total_timeout", "queue_timeout"],
)
async def test_the_error_says_why(
    temporal: Client, standin: StandIn, task_queue: str, timeouts: Json
) -> None:
    """A single message and a batch; both are `Unavailable`."""
    policies = {"request": timeouts}
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.pause(temporal, task_queue, "segment", reason="maintenance", by="Ann")
        single = await start(temporal, task_queue, policies=policies)
        batch = await temporal.start_workflow(
            "Batch",
            {
                "integration": "segment",
                "messages": [{"type": "track", **UNLIKELY}] * 2,
                "policies": policies,
            },
            id=task_queue,
            task_queue=task_queue,
        )
        outputs = [await outcome(single), await outcome(batch)]
        await control.resume(temporal, task_queue, "segment")

    for output in outputs:
        assert output["error"]["type"] == "Unavailable"
        assert PAUSED in output["error"]["message"]
    assert outputs[0]["error"]["message"].startswith(PAUSED)
    assert not standin.requests


async def test_earlier_attempts_are_kept(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """One that failed before the pause is in the output, with its response."""
    policies = {"request": {"total_timeout": "PT6S", "retry_policy": {"initial_interval": "PT2S"}}}
    standin.script("segment", {"status": 503})
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await start(temporal, task_queue, policies=policies)
        await standin.wait_for(1)
        await control.pause(
            temporal,
            task_queue,
            "segment",
            reason="maintenance",
            by="Ann",
            for_=timedelta(minutes=5),
        )
        output = await outcome(handle)
        await control.resume(temporal, task_queue, "segment")

    assert output["error"]["type"] == "Unavailable"
    assert output["error"]["message"].startswith(PAUSED)
    assert [attempt["status_code"] for attempt in output["attempts"]] == [503]
    assert output["response"]["status_code"] == 503


async def test_without_a_pause_nothing_is_said(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The reason of a timeout stays as it is."""
    standin.script("segment", *[{"delay": 30}] * 3)
    policies = {"request": {"total_timeout": "PT1S"}}
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(await start(temporal, task_queue, policies=policies))

    assert output["error"]["type"] == "Unavailable"
    assert "paused" not in output["error"]["message"]
