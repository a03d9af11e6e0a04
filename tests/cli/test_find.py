"""`find`: the execution of a message."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import PendingActivityState as State
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.clients_with_keys import client_with_keys
from tests.support.command import Command
from tests.support.failed_deliveries import run
from tests.support.json_objects import Execute, Json
from tests.support.visible import until_closed, until_visible
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_process
from tests.worker.pauses import until_attempt
from worker import Settings, register

MESSAGE: Json = {"user_id": "u-1", "event": "Hi", "message_id": "m-late"}


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
    assert (found["outcome"], found["reason"]) == ("delivered", None)


@pytest.mark.parametrize("mark", ['"', "\\", "'", "'' OR WorkflowId != '", "%_;--"])
async def test_finds_an_id_with_a_mark_of_the_query(
    command: Command, temporal: Client, running_worker: Settings, mark: str
) -> None:
    """It is text, whatever it means to the query of Temporal or to its database."""
    message_id = f"a{mark}b-{uuid.uuid4()}"
    analytics = AnalyticsClient(temporal, task_queue=running_worker.task_queue)
    handle = await analytics.track(
        integration="journy", user_id="u-1", event="Hi", message_id=message_id
    )
    await handle.result()
    description = await temporal.get_workflow_handle(handle.workflow_id).describe()
    await until_visible(temporal, f"RunId = '{description.run_id}' AND CloseTime IS NOT NULL")

    ended = await command("find", message_id, "--since", "1h", "--json")
    other = await command("find", f"a{mark}", "--since", "1h", "--json")

    assert [one["workflow_id"] for one in ended.json] == [handle.workflow_id]
    assert (other.status, other.json) == (1, [])


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


@pytest.mark.parametrize("keys", ["", "a-key"])
async def test_finds_the_messages_of_a_user(
    command: Command,
    temporal: Client,
    running_worker: Settings,
    execute: Execute,
    monkeypatch: pytest.MonkeyPatch,
    keys: str,
) -> None:
    """Single ones and those in batches, with the search attribute and without."""
    if keys:
        monkeypatch.setenv("ANALYTICS_USER_HASH_KEYS", keys)
    user, workflow_id = f"u-{uuid.uuid4()}", f"test-{uuid.uuid4()}"
    analytics = AnalyticsClient(
        temporal, task_queue=running_worker.task_queue, user_hash_keys=["a-key"]
    )
    single = await analytics.track(integration="segment", user_id=user, event="Hi")
    await single.result()
    messages: list[Json] = [{"type": "track", "userId": u, "event": "Hi"} for u in ("u-1", user)]
    await execute(
        "Batch",
        {"integration": "segment", "messages": [*messages, {"type": "track", "userId": user}]},
        id=workflow_id,
    )
    for one_id in (single.workflow_id, workflow_id):
        await until_closed(temporal, one_id)

    ended = await command("find", "--user", user, "--since", "1h", "--json")
    nobody = await command("find", "--user", f"{user}-2", "--since", "1h")

    found = {(one["workflow_id"], one["index"]): one["outcome"] for one in ended.json}
    assert found == {
        (single.workflow_id, None): "delivered",
        (workflow_id, 1): "delivered",
        (workflow_id, 2): "refused",
    }
    assert (nobody.status, nobody.out) == (1, "")


async def test_tells_which_message_of_a_batch_was_refused(
    command: Command, execute: Execute, temporal: Client
) -> None:
    """And why; the others of the batch were delivered."""
    workflow_id, good, bad = (f"test-{uuid.uuid4()}" for _ in range(3))
    messages = [
        {"type": "track", "user_id": "u-1", "event": "Hi", "message_id": good},
        {"type": "track", "user_id": "u-1", "message_id": bad},
    ]
    await execute("Batch", {"integration": "segment", "messages": messages}, id=workflow_id)
    await until_closed(temporal, workflow_id)

    delivered, refused = await command("find", good), await command("find", bad)

    assert delivered.out.startswith(f"delivered  {workflow_id}, messages.0, started ")
    assert refused.out.startswith(f"refused  {workflow_id}, messages.1, started ")
    assert refused.out.endswith("\n  ValidationError: messages.1.event is required\n")


async def test_tells_why_a_single_message_failed(
    command: Command, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """With the failure type; and whether it has been delivered since."""
    standin.script("segment", {"status": 400})
    analytics = AnalyticsClient(temporal, task_queue=running_worker.task_queue)
    handle = await analytics.track(integration="segment", user_id="u-1", event="Hi")
    await handle.outcome()
    await until_closed(temporal, handle.workflow_id)

    (found,) = (await command("find", handle.message_id, "--json")).json
    await command("failed", "redrive", handle.workflow_id, "--yes")
    redriven = (await command("find", handle.message_id)).out

    assert (found["status"], found["outcome"]) == ("failed", "refused")
    assert found["reason"] == "Rejected: Segment answered 400"
    assert redriven.startswith(f"redriven  {handle.workflow_id}, started ")


async def test_a_message_that_was_run_again(
    command: Command, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Only what became of it last: an earlier run would look as if it had failed."""
    analytics = AnalyticsClient(temporal, task_queue=running_worker.task_queue)
    message_id = f"again-{uuid.uuid4()}"
    standin.script("posthog", {"status": 401})
    for _ in range(2):
        handle = await analytics.track(
            integration="posthog", user_id="u-1", event="Hi", message_id=message_id
        )
        output = await handle.outcome()
    await until_visible(
        temporal, f"WorkflowId = '{handle.workflow_id}' AND CloseTime IS NOT NULL", 2
    )

    (found,) = (await command("find", message_id, "--json")).json

    assert output["status"] == "success"
    assert (found["outcome"], found["status"]) == ("delivered", "completed")


@pytest.mark.parametrize(
    ("workflow", "own"),
    [
        ("Track", {"integration": "segment", "track": MESSAGE}),
        ("Track", {"deliver_to": ["segment", "journy"], "track": MESSAGE}),
        ("Batch", {"integration": "segment", "messages": [{"type": "track", **MESSAGE}]}),
    ],
)
async def test_a_message_whose_execution_timed_out(
    command: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    workflow: str,
    own: Json,
) -> None:
    """Until a redrive has delivered it."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    handle = await run(temporal, task_queue, workflow, own, execution_timeout=timedelta(seconds=1))
    await until_closed(temporal, handle.id)

    (before,) = (await command("find", "m-late", "--json")).json
    plugin = register(settings_for(standin, task_queue=task_queue))
    async with Worker(temporal, task_queue=task_queue, plugins=[plugin]):
        await command("failed", "redrive", handle.id, "--yes")
    found = (await command("find", "m-late", "--json")).json

    outcomes = {one["workflow_id"]: one["outcome"] for one in found}
    assert before["outcome"] == "timed_out"
    assert outcomes[handle.id] == "redriven"


async def test_tells_why_a_message_waits(
    command: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody has taken it; then its last attempt; then the pause of its integration."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    standin.script("trakio", *[{"status": 503}] * 20)
    message = {"user_id": "u-1", "event": "Hi", "message_id": task_queue}
    handle = await temporal.start_workflow(
        "Track",
        {"integration": "trakio", "track": message},
        id=f"test-{uuid.uuid4()}",
        task_queue=task_queue,
    )
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")
    untouched = (await command("find", task_queue)).out
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await standin.wait_for(1)
        await until_attempt(handle, 2, State.PENDING_ACTIVITY_STATE_SCHEDULED)
        failing = (await command("find", task_queue)).out
        await integration_control.pause(temporal, task_queue, "trakio", reason="moving")
        paused = (await command("find", task_queue)).out
        await handle.cancel()
        await until_closed(temporal, handle.id)
        await integration_control.resume(temporal, task_queue, "trakio")
    cancelled = (await command("find", task_queue)).out

    assert untouched.startswith(f"waiting  {handle.id}, started ")
    assert untouched.endswith("\n  nothing has been sent: is a worker running?\n")
    assert "attempt 2 is next" in failing
    assert failing.endswith("; the last one: Trak.io answered 503\n")
    assert "  the integration trakio is paused by an operator: moving; attempt " in paused
    assert cancelled.startswith(f"canceled  {handle.id}, started ")


async def test_tells_that_the_workflow_task_of_a_message_fails(
    command: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker runs, and does not have the key of the message: its log says so."""
    key = new_key("k1")
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    client = await client_with_keys(temporal, key)
    handle = await client.start_workflow(
        "Track",
        {"integration": "segment", "track": {"user_id": "u-1", "event": "Hi"}},
        id=task_queue,
        task_queue=task_queue,
    )
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await until_visible(temporal, f"TaskQueue = '{task_queue}'")
        async with asyncio.timeout(30):
            while await pending_workflow_task_attempt(handle) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the server has no event for it
        monkeypatch.setenv("ANALYTICS_ENCRYPTION_KEYS", key)
        found = (await command("find", task_queue)).out
        await handle.terminate()

    assert found.startswith(f"waiting  {handle.id}, started ")
    assert "is a worker running?" not in found
    assert "the log of the worker and the Temporal UI say why" in found


async def pending_workflow_task_attempt(handle: WorkflowHandle[Any, Any]) -> int:
    """The attempt of the workflow task that waits or runs; 0 if none does."""
    return (await handle.describe()).raw_description.pending_workflow_task.attempt


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


async def test_tells_that_a_message_was_filtered(
    command: Command, execute: Execute, temporal: Client
) -> None:
    workflow_id, message_id = f"test-{uuid.uuid4()}", f"own-{uuid.uuid4()}"
    message = {"type": "track", "user_id": "u-1", "event": "Hi"}
    filtered = {**message, "message_id": message_id, "integrations": {"All": False}}
    messages = [message, filtered]
    await execute("Batch", {"integration": "segment", "messages": messages}, id=workflow_id)
    await until_closed(temporal, workflow_id)

    (found,) = (await command("find", message_id, "--json")).json

    assert found["outcome"] == "filtered"
    assert found["reason"].startswith("by integrations: its integrations have All: false")


async def test_tells_that_a_message_was_filtered_beside_refused_ones(
    command: Command, execute: Execute, temporal: Client
) -> None:
    """The batch has failed, because nothing was accepted."""
    workflow_id, refused, filtered = (f"test-{uuid.uuid4()}" for _ in range(3))
    message = {"type": "track", "user_id": "u-1"}
    messages = [
        {**message, "message_id": refused},
        {**message, "event": "Hi", "message_id": filtered, "integrations": {"All": False}},
    ]
    output = await execute(
        "Batch", {"integration": "segment", "messages": messages}, id=workflow_id
    )
    await until_closed(temporal, workflow_id)

    found = [(await command("find", one, "--json")).json[0] for one in (refused, filtered)]

    assert output["status"] == "failure"
    assert [one["outcome"] for one in found] == ["refused", "filtered"]


async def test_tells_what_has_become_of_a_message_at_each_integration(
    command: Command, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Of a fan-out, found by its id."""
    standin.script("journy", {"status": 400})
    analytics = AnalyticsClient(
        temporal, deliver_to=["segment", "journy", "trophy"], task_queue=running_worker.task_queue
    )
    handle = await analytics.track(user_id="u-1", event="Hi")
    await handle.outcome()
    await until_closed(temporal, handle.workflow_id)

    (found,) = (await command("find", handle.message_id, "--json")).json
    await command("failed", "redrive", handle.workflow_id, "--yes")
    (after,) = (await command("find", handle.message_id, "--json")).json

    assert found["outcome"] == after["outcome"] == "partial"
    assert found["reason"].startswith("segment: delivered; journy: refused (Rejected: ")
    assert "; trophy: filtered (by unsupported: " in found["reason"]
    assert "journy: redriven" in after["reason"]
