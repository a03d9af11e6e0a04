"""Message ids and times: made up once, kept over attempts, replays, retried and reset runs."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import CancelledError

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from worker import Settings

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "E"}}


async def test_two_messages_have_two_ids(execute: Execute) -> None:
    """Made from namespace, workflow, first run and activity: UUIDv5."""
    first, second = await execute("Track", TRACK), await execute("Track", TRACK)

    ids = [uuid.UUID(output["track"]["message_id"]) for output in (first, second)]
    assert ids[0] != ids[1]
    assert [one.version for one in ids] == [5, 5]


async def test_a_reset_execution_keeps_the_id(
    execute: Execute, temporal: Client, standin: StandIn
) -> None:
    """An operator who runs it again repeats the message, and the provider can see so."""
    workflow_id = f"reset-{uuid.uuid4()}"
    await execute("Track", TRACK, id=workflow_id)
    first_task_completed = 4

    await temporal.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            workflow_task_finish_event_id=first_task_completed,
            request_id=workflow_id,
            reason="test",
        )
    )
    await temporal.get_workflow_handle(workflow_id).result()

    first, second = (request["body"]["messageId"] for request in standin.requests)
    assert first == second


async def test_each_execution_of_a_schedule_is_a_message(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """A cron chain shares its first run; its messages share nothing."""
    handle = await temporal.start_workflow(
        "Track",
        TRACK,
        id=f"cron-{uuid.uuid4()}",
        task_queue=running_worker.task_queue,
        cron_schedule="@every 1s",
    )
    try:
        requests = await standin.wait_for(2)
    finally:
        await handle.terminate()

    assert len({request["body"]["messageId"] for request in requests}) == len(requests)


@pytest.mark.parametrize("given", ["", "m" * 100, {"a": 1}, ["m"], "\x00"])
async def test_an_id_that_tells_nothing_is_replaced(
    execute: Execute, standin: StandIn, given: object
) -> None:
    """With `"strict": false`, where it is no error: attempts need one id."""
    message = {**TRACK["track"], "messageId": given}

    output = await execute("Track", {"strict": False, "track": message})

    assert output["track"]["message_id"] == standin.requests[0]["body"]["messageId"]
    assert uuid.UUID(output["track"]["message_id"]).version == 5


async def test_the_time_is_the_start_of_the_execution(execute: Execute, temporal: Client) -> None:
    """Not the time of the validation, nor of an attempt."""
    workflow_id = f"time-{uuid.uuid4()}"
    output = await execute("Track", TRACK, id=workflow_id)

    description = await temporal.get_workflow_handle(workflow_id).describe()
    delivered = datetime.fromisoformat(output["track"]["timestamp"])
    started = description.start_time.replace(
        microsecond=description.start_time.microsecond // 1000 * 1000
    )
    assert delivered == started


@pytest.mark.parametrize(
    ("given", "delivered"),
    [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00+05:30", "2026-01-31T09:30:00+05:30"),
        ("2026-01-31T09:30:00", "2026-01-31T09:30:00+00:00"),
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
    ],
)
async def test_a_given_time_is_kept(
    execute: Execute, standin: StandIn, given: str, delivered: str
) -> None:
    """Without an offset it is UTC."""
    message = {**TRACK["track"], "timestamp": given}

    output = await execute("Track", {"integration": "segment", "track": message})

    assert output["track"]["timestamp"] == delivered
    assert standin.requests[0]["body"]["timestamp"] == delivered


async def test_null_for_id_and_time_means_absent(execute: Execute) -> None:
    """SDKs send nulls for what they do not know."""
    message = {**TRACK["track"], "message_id": None, "timestamp": None}

    output = await execute("Track", {"integration": "segment", "track": message})

    assert output["status"] == "success"
    assert uuid.UUID(output["track"]["message_id"])
    assert datetime.fromisoformat(output["track"]["timestamp"])


METRIC: Json = {"key": "words", "user": {"id": "u-1"}, "value": 750}


@pytest.mark.parametrize("offset", [timedelta(hours=-1), timedelta(days=1)])
async def test_a_provider_without_timestamps_takes_none_from_elsewhen(
    execute: Execute, standin: StandIn, offset: timedelta
) -> None:
    """Trophy would count it as happening now."""
    when = (datetime.now(UTC) + offset).isoformat()

    output = await execute(
        "Metric", {"integration": "trophy", "metric": {**METRIC, "timestamp": when}}
    )

    assert [field["path"] for field in output["error"]["fields"]] == ["metric.timestamp"]
    assert standin.requests == []


async def test_a_provider_without_timestamps_takes_one_that_means_now(execute: Execute) -> None:
    """A caller's clock may be a little off."""
    when = (datetime.now(UTC) - timedelta(seconds=20)).isoformat()

    output = await execute(
        "Metric", {"integration": "trophy", "metric": {**METRIC, "timestamp": when}}
    )

    assert output["status"] == "success"


async def test_a_cancelled_execution_ends_as_cancelled(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """During the wait for the next attempt, as during any other."""
    standin.script("segment", *[{"status": 500}] * 20)
    handle = await temporal.start_workflow(
        "Track", TRACK, id=f"cancel-{uuid.uuid4()}", task_queue=running_worker.task_queue
    )
    await standin.wait_for(1)

    await handle.cancel()

    with pytest.raises(WorkflowFailureError) as ended:
        await handle.result()
    assert isinstance(ended.value.cause, CancelledError)
