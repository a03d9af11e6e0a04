"""A result that somebody wrote by hand fails the execution, not its workflow task for ever."""

import asyncio
import uuid

import pytest
from temporalio.client import AsyncActivityHandle, Client
from temporalio.exceptions import ApplicationError

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

HANGING = {"policies": {"request": {"single_attempt_timeout": "PT60S"}}}
TRACK: Json = {"user_id": "u", "event": "E"}


async def hanging_request(
    execute: Execute, temporal: Client, standin: StandIn, method: str
) -> tuple[asyncio.Future[Json], AsyncActivityHandle]:
    """Start a delivery whose request hangs; return its output to come, and the request."""
    standin.script("segment", {"delay": 60})
    workflow_id = f"by-hand-{uuid.uuid4()}"
    data = {"messages": [{"type": "track", **TRACK}]} if method == "Batch" else {"track": TRACK}
    running = asyncio.ensure_future(execute(method, {**data, **HANGING}, id=workflow_id))
    await standin.wait_for(1)
    description = await temporal.get_workflow_handle(workflow_id).describe()
    (pending,) = description.raw_description.pending_activities
    return running, temporal.get_async_activity_handle(
        workflow_id=workflow_id, run_id=description.run_id, activity_id=pending.activity_id
    )


@pytest.mark.parametrize(
    "result",
    [
        "done",
        None,
        {},
        {"accepted": "all", "rejected": [], "responses": []},
        {"accepted": 2, "rejected": [], "responses": []},
        {"accepted": 0, "rejected": [{"index": 0}], "responses": []},
        {"accepted": 1, "rejected": [], "responses": ["200"]},
    ],
)
@pytest.mark.parametrize("method", ["Batch", "Track"])
async def test_a_foreign_result_fails_the_execution(
    execute: Execute, temporal: Client, standin: StandIn, method: str, result: object
) -> None:
    running, request = await hanging_request(execute, temporal, standin, method)
    await request.complete(result)

    output = await asyncio.wait_for(running, 30)
    assert output["status"] == "failure"
    assert output["error"]["type"] == "Internal"
    assert "completed the activity manually" in output["error"]["message"]


async def test_the_contracts_result_is_taken(
    execute: Execute, temporal: Client, standin: StandIn
) -> None:
    """An operator who has delivered a message in another way can say so."""
    standin.script("segment", {"delay": 60})
    workflow_id = f"by-hand-{uuid.uuid4()}"
    running = asyncio.ensure_future(execute("Track", {"track": TRACK, **HANGING}, id=workflow_id))
    await standin.wait_for(1)
    run_id = (await temporal.get_workflow_handle(workflow_id).describe()).run_id

    response = {"status_code": 200, "headers": {}, "body": "by phone", "truncated": False}
    await temporal.get_async_activity_handle(
        workflow_id=workflow_id, run_id=run_id, activity_id="2"
    ).complete(response)

    assert (await asyncio.wait_for(running, 30))["response"] == response


@pytest.mark.parametrize(
    "detail",
    [
        "x",
        {"error": 5},
        {"error": {"type": "Nope", "message": "m", "fields": []}},
        {"error": {"type": "Rejected", "message": 5, "fields": []}},
        {"error": {"type": "Rejected", "message": "m", "fields": []}, "accepted": "%%%"},
        {"error": {"type": "Rejected", "message": "m", "fields": []}, "accepted": "//8="},
        {"error": {"type": "Rejected", "message": "m" * 1_500_000, "fields": []}},
    ],
)
@pytest.mark.parametrize("method", ["Batch", "Track"])
async def test_a_foreign_failure_fails_the_execution(
    execute: Execute, temporal: Client, standin: StandIn, method: str, detail: object
) -> None:
    running, request = await hanging_request(execute, temporal, standin, method)
    error = ApplicationError("by hand", detail, type="Rejected", non_retryable=True)
    await request.fail(error)

    output = await asyncio.wait_for(running, 30)
    # A bitmap of other places settles the place that it names, and no other.
    is_settled = method == "Batch" and isinstance(detail, dict) and detail.get("accepted") == "//8="
    assert output["status"] == ("success" if is_settled else "failure")
    assert output.get("accepted", 0) == int(is_settled)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("no longer needed", "no longer needed"),
        ("x" * 5000, "x" * 199 + "…"),
    ],
)
@pytest.mark.parametrize("method", ["Batch", "Track"])
async def test_a_failure_without_a_type_shows_its_reason(
    execute: Execute, temporal: Client, standin: StandIn, method: str, reason: str, shown: str
) -> None:
    """As of `temporal activity fail --reason …`."""
    running, request = await hanging_request(execute, temporal, standin, method)
    await request.fail(ApplicationError(reason, non_retryable=True))

    output = await asyncio.wait_for(running, 30)
    assert output["error"]["type"] == "Internal"
    assert output["error"]["message"].endswith(f"the activity failed unexpectedly ({shown})")


async def test_a_foreign_result_that_is_too_large(
    execute: Execute, temporal: Client, standin: StandIn
) -> None:
    standin.script("segment", {"delay": 60})
    workflow_id = f"by-hand-{uuid.uuid4()}"
    running = asyncio.ensure_future(execute("Track", {"track": TRACK, **HANGING}, id=workflow_id))
    await standin.wait_for(1)
    run_id = (await temporal.get_workflow_handle(workflow_id).describe()).run_id

    response = {"status_code": 200, "headers": {}, "body": "z" * 1_800_000, "truncated": False}
    await temporal.get_async_activity_handle(
        workflow_id=workflow_id, run_id=run_id, activity_id="2"
    ).complete(response)

    assert (await asyncio.wait_for(running, 30))["error"]["type"] == "Internal"
