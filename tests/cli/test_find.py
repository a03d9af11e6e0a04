"""`find`: the execution of a message."""

import uuid

from temporalio.client import Client

from durable_analytics import AnalyticsClient
from durable_analytics.temporal.codecs import data_converter
from tests.support.command import Command
from tests.support.json_objects import Execute
from tests.support.visible import until_closed
from worker import Settings


async def test_finds_a_single_message(
    command: Command, temporal: Client, running_worker: Settings
) -> None:
    """By the workflow id that our clients choose."""
    analytics = AnalyticsClient(temporal, task_queue=running_worker.task_queue)
    handle = await analytics.track(integration="journy", user_id="u-1", event="Hi")
    await handle.result()
    await until_closed(temporal, handle.workflow_id)

    ended = await command("find", handle.message_id, "--json")

    assert ended.status == 0
    (found,) = ended.json
    assert found["workflow_id"] == handle.workflow_id
    assert (found["method"], found["integration"]) == ("track", "journy")
    assert (found["status"], found["index"]) == ("completed", None)


async def test_finds_a_message_of_a_batch(
    command: Command, execute: Execute, temporal: Client
) -> None:
    """With the index in the batch, for a message with an id and for one that got one."""
    workflow_id, own = f"test-{uuid.uuid4()}", f"own-{uuid.uuid4()}"
    messages = [
        {"type": "track", "user_id": "u-1", "event": "Hi"},
        {"type": "track", "user_id": "u-1", "event": "Ho", "message_id": own},
    ]
    await execute("Batch", {"integration": "segment", "messages": messages}, id=workflow_id)
    await until_closed(temporal, workflow_id)

    (found,) = (await command("find", own, "--json")).json

    assert (found["workflow_id"], found["index"]) == (workflow_id, 1)


async def test_finds_a_generated_id(
    command: Command, temporal: Client, running_worker: Settings
) -> None:
    """Also in compressed payloads, and under a workflow id that the caller chose."""
    config = temporal.config()
    config["data_converter"] = data_converter(compress=True)
    workflow_id = f"test-{uuid.uuid4()}"
    properties = {"text": "a" * 2000}
    output = await Client(**config).execute_workflow(
        "Track",
        {"track": {"user_id": "u-1", "event": "Hi", "properties": properties}},
        id=workflow_id,
        task_queue=running_worker.task_queue,
    )

    await until_closed(temporal, workflow_id)

    ended = await command("find", output["track"]["message_id"])

    assert ended.status == 0
    assert workflow_id in ended.out.replace("\n", "")


async def test_says_that_nothing_was_found(command: Command) -> None:
    """In one line, with the exit status 1."""
    ended = await command("find", "no-such-message", "--since", "1h")

    assert ended.status == 1
    assert ended.out == ""
    assert ended.err.startswith("durable-analytics: no execution that Temporal still keeps has")
    assert ended.err.count("\n") == 1
