"""`find` of messages that go to several integrations."""

import uuid

import pytest
from temporalio.api.enums.v1 import PendingActivityState as State
from temporalio.client import Client

from durable_analytics.temporal import integration_control
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.failed_deliveries import closed, run
from tests.support.json_objects import Execute, Json
from tests.support.visible import until_closed, until_visible
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_process
from tests.worker.pauses import until_attempt

MESSAGE: Json = {"user_id": "u-1", "event": "Hi"}
TWO = ["segment", "journy"]


@pytest.mark.parametrize(
    ("workflow", "own", "index"),
    [
        ("Track", {"track": MESSAGE}, None),
        ("Batch", {"messages": [{"type": "identify", "user_id": "u-1"}] * 2}, 1),
    ],
)
async def test_finds_a_generated_id(
    command: Command,
    execute: Execute,
    temporal: Client,
    standin: StandIn,
    workflow: str,
    own: Json,
    index: int | None,
) -> None:
    """All integrations have got it; the caller chose the workflow id."""
    workflow_id = f"test-{uuid.uuid4()}"
    await execute(workflow, {"deliver_to": TWO, **own}, id=workflow_id)
    await until_closed(temporal, workflow_id)
    message_id = standin.accepted["journy"][-1].id
    assert message_id

    (found,) = (await command("find", message_id, "--json")).json

    assert (found["workflow_id"], found["index"]) == (workflow_id, index)
    assert (found["outcome"], found["integration"]) == ("delivered", "segment, journy")


async def test_tells_why_a_message_waits(
    command: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its second integration is paused; the execution has no search attributes."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    standin.script("journy", *[{"status": 503}] * 20)
    handle = await temporal.start_workflow(
        "Track",
        {"deliverTo": TWO, "track": {**MESSAGE, "message_id": task_queue}},
        id=f"fanout:track:{task_queue}",
        task_queue=task_queue,
    )
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")
    (untouched,) = (await command("find", task_queue, "--json")).json
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await until_attempt(handle, 2, State.PENDING_ACTIVITY_STATE_SCHEDULED)
        await integration_control.pause(temporal, task_queue, "journy", reason="moving")
        (paused,) = (await command("find", task_queue, "--json")).json
        await handle.cancel()
        await until_closed(temporal, handle.id)
        await integration_control.resume(temporal, task_queue, "journy")

    assert untouched["integration"] == paused["integration"] == "segment, journy"
    assert untouched["reason"] == "nothing has been sent: is a worker running?"
    assert paused["reason"].startswith(
        "the integration journy is paused by an operator: moving; attempt "
    )


async def test_the_integration_that_the_worker_has_chosen(
    command: Command, execute: Execute, temporal: Client
) -> None:
    """The workflow id of our clients begins with `default` if the caller named none."""
    message_id = str(uuid.uuid4())
    workflow_id = f"default:track:{message_id}"
    await execute("Track", {"track": {**MESSAGE, "message_id": message_id}}, id=workflow_id)
    await until_closed(temporal, workflow_id)

    (found,) = (await command("find", message_id, "--json")).json

    assert found["integration"] == "segment"


async def test_tells_whether_all_of_a_refused_fan_out_was_redriven(
    command: Command, temporal: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its integrations was unknown, so it had failed at both."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", queue)
    message = {**MESSAGE, "message_id": queue}
    data = {"deliver_to": ["segment", "nowhere"], "track": message}
    handle = await run(temporal, queue, "Track", data)
    await closed(temporal, queue, 1)
    outcomes: list[str] = []

    for options in (["--integration", "segment"], ["--to", "journy"]):
        await command("failed", "redrive", handle.id, *options, "--yes")
        found = (await command("find", queue, "--json")).json  # the redrives, too
        outcomes += [one["outcome"] for one in found if one["workflow_id"] == handle.id]

    assert outcomes == ["refused", "redriven"]
