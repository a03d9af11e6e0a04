"""What an execution stores: no stack trace of what is expected, and answers bounded as written."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

from temporalio.client import Client, WorkflowFailureError

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.programs import TEMPORAL
from worker import Settings


def traces(value: Any) -> Iterator[str]:
    """Every stack trace in a history."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "stackTrace" and item:
                yield item
            yield from traces(item)
    elif isinstance(value, list):
        for item in value:
            yield from traces(item)


async def history_of(client: Client, workflow_id: str) -> Json:
    """The events of an execution, as JSON."""
    history: Json = json.loads(
        (await client.get_workflow_handle(workflow_id).fetch_history()).to_json()
    )
    return history


async def test_a_validation_error_has_no_stack_trace(
    temporal: Client, running_worker: Settings
) -> None:
    """Started as the command line does; its history stays small."""
    workflow_id = f"no-event-{uuid.uuid4()}"
    process = await asyncio.create_subprocess_exec(
        *(TEMPORAL, "workflow", "execute", "--type", "Track", "--workflow-id", workflow_id),
        *("--task-queue", running_worker.task_queue, "--input", '{"track":{"user_id":"u"}}'),
        *("--address", temporal.service_client.config.target_host),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await process.communicate()

    assert b"track.event is required" in written
    assert b".py" not in written
    description = await temporal.get_workflow_handle(workflow_id).describe()
    assert description.raw_description.workflow_execution_info.history_size_bytes < 2_500


async def test_a_refusal_of_the_provider_has_no_stack_trace(
    execute: Execute, temporal: Client, standin: StandIn
) -> None:
    standin.script("segment", {"status": 400})
    workflow_id = f"rejected-{uuid.uuid4()}"

    await execute("Track", {"track": {"user_id": "u", "event": "E"}}, id=workflow_id)

    assert not list(traces(await history_of(temporal, workflow_id)))


async def test_answers_are_bounded_as_they_are_written(execute: Execute, standin: StandIn) -> None:
    """Headers too: an emoji is written in twelve characters."""
    limits = {f"X-RateLimit-{name}": "😀" * 200 for name in ("Limit", "Remaining", "Reset")}
    answer = {"status": 200, "headers": limits, "body": "😀" * 1000}
    standin.script("segment", *[answer] * 250)

    output = await execute(
        "Batch", {"messages": [{"type": "delete", "user_id": f"u-{n}"} for n in range(250)]}
    )

    assert (output["status"], output["accepted"]) == ("success", 250)
    assert len(output["responses"]) == 250
    assert len(json.dumps(output)) < 400_000


async def test_status_is_the_first_key(temporal: Client, running_worker: Settings) -> None:
    """As it is stored, of an output and of a failure."""
    for event, path in (("E", "workflowExecutionCompletedEventAttributes"), ("", "")):
        workflow_id = f"keys-{uuid.uuid4()}"
        handle = await temporal.start_workflow(
            "Track",
            {"track": {"user_id": "u", "event": event}},
            id=workflow_id,
            task_queue=running_worker.task_queue,
        )
        try:
            await handle.result()
        except WorkflowFailureError:
            assert not path
        history = await handle.fetch_history()
        last = history.events[-1]
        if path:
            (payload,) = last.workflow_execution_completed_event_attributes.result.payloads
        else:
            failure = last.workflow_execution_failed_event_attributes.failure
            payload = failure.application_failure_info.details.payloads[0]
        assert payload.data.startswith(b'{"status":')
