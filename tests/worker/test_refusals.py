"""Credentials that are refused in a row, or a receiver that wants no more, pause an integration."""

import pytest
from temporalio.client import Client

from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from durable_analytics.wire.integration_state import control_id
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import is_held, requests_waiting, until_ended, until_held, until_state
from worker import Settings

pytestmark = pytest.mark.slow

WRONG = "a-wrong-and-unlikely-key"


def settings(standin: StandIn, task_queue: str, write_key: str) -> Settings:
    """Segment's account with this key."""
    return settings_with(
        standin,
        task_queue,
        base_url=standin.base_url("segment"),
        write_key=write_key,
        pause_after_unauthorized=3,
    )


async def test_a_worker_with_other_credentials_ends_the_pause(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """One with the same ones does not; the history has no credentials."""
    wrong = settings(standin, task_queue, WRONG)
    async with own_process(temporal, wrong):
        refused = [await outcome(await start(temporal, task_queue)) for _ in range(3)]
        await until_held(temporal, task_queue)
        state = await control.state(temporal, task_queue, "segment")
    async with own_process(temporal, wrong):
        handle = await start(temporal, task_queue)
        await requests_waiting([handle])
        await outcome(await start(temporal, task_queue, integration="journy"))
        still = await control.state(temporal, task_queue, "segment")
    key = standin.vendors["segment"].credentials["write_key"]
    async with own_process(temporal, settings(standin, task_queue, key)):
        output = await outcome(handle)
        await until_ended(temporal, task_queue)

    assert [one["error"]["type"] for one in refused] == ["Unauthorized"] * 3
    assert (state["state"], state["by"]) == ("paused", "credentials")
    assert state["reason"]
    assert state["reason"].startswith("3 times in a row without a success: Segment answered 401")
    assert (still["state"], still["since"]) == ("paused", state["since"])
    assert output["status"] == "success"
    assert not await is_held(temporal, task_queue)
    workflow = temporal.get_workflow_handle(control_id(task_queue, "segment"))
    history = (await workflow.fetch_history()).to_json()
    assert WRONG not in history
    assert key not in history


async def test_calls_do_not_count(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """They may go to an endpoint that the credentials are not for."""
    standin.script("segment", *[{"status": 403}] * 5)
    key = standin.vendors["segment"].credentials["write_key"]
    call = {"method": "POST", "path": "/v1/other", "body": {}}
    async with own_process(temporal, settings(standin, task_queue, key)):
        for number in range(5):
            handle = await temporal.start_workflow(
                "Call",
                {"integration": "segment", "call": call},
                id=f"{task_queue}-{number}",
                task_queue=task_queue,
            )
            await outcome(handle)
        output = await outcome(await start(temporal, task_queue))

    assert output["status"] == "success"
    assert (await control.state(temporal, task_queue, "segment"))["state"] == "running"


async def test_410_of_a_webhook_pauses_until_resume(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The receiver wants no more messages; the others wait."""
    standin.script("webhook", {"status": 410})
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        gone = await outcome(await start(temporal, task_queue, integration="webhook"))
        await until_state(temporal, task_queue, "paused", "webhook")
        await until_held(temporal, task_queue, "webhook")
        state = await control.state(temporal, task_queue, "webhook")
        handle = await start(temporal, task_queue, integration="webhook")
        await requests_waiting([handle])
        sent = len(standin.requests)
        await control.resume(temporal, task_queue, "webhook")
        output = await outcome(handle)

    assert gone["error"]["type"] == "Rejected"
    assert (state["by"], state["until"]) == ("provider", None)
    assert state["reason"] == "Webhook answered 410: the receiver wants no more messages"
    assert sent == 1
    assert output["status"] == "success"
