"""What a handle returns and raises when the delivery has failed or was ended from outside."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from durable_analytics import (
    AnalyticsClient,
    AnalyticsError,
    DeliveryError,
    FieldProblem,
    Internal,
    Interrupted,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
    UnknownIntegration,
    UnsupportedMethod,
    ValidationError,
)
from durable_analytics.errors import DELIVERY_ERRORS
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json

ONCE: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}
TOO_MUCH = "x" * 33 * 1024

FAILURES: dict[type[DeliveryError], tuple[int | None, Any]] = {
    ValidationError: (None, {"properties": {"text": TOO_MUCH}}),
    UnknownIntegration: (None, {"integration": "nowhere"}),
    UnsupportedMethod: (None, {"integration": "trophy", "context": None}),
    Unauthorized: (401, {}),
    Rejected: (400, {}),
    RateLimited: (429, {"policies": ONCE}),
    Unavailable: (500, {"policies": ONCE}),
}
"""The provider's answer, if it comes to that, and what the call is made with."""


@pytest.mark.parametrize("error", FAILURES)
async def test_a_failure_is_raised_as_its_type(
    analytics: AnalyticsClient, standin: StandIn, error: type[DeliveryError]
) -> None:
    """With its fields and the contract's output, which `outcome` returns instead."""
    status, options = FAILURES[error]
    if status:
        standin.script("segment", {"status": status, "body": {"message": "no"}})
    handle = await analytics.track(user_id="u-1", event="E", **options)

    with pytest.raises(DeliveryError) as failed:
        await handle.result()

    assert type(failed.value) is error
    output = failed.value.output
    assert output is not None
    assert (output["status"], output["error"]["type"]) == ("failure", error.__name__)
    assert str(failed.value) == output["error"]["message"]
    assert failed.value.as_json() == output["error"]
    if status is None:
        assert (output["response"], standin.requests) == (None, [])
    else:
        assert output["response"]["status_code"] == status
        assert output["response"]["body"] == {"message": "no"}
        assert [request["answered"] for request in standin.requests] == [status]
    assert await handle.outcome() == output


async def test_fields_are_named(analytics: AnalyticsClient) -> None:
    """What only the worker can refuse comes back like what the client refuses."""
    handle = await analytics.track(user_id="u-1", event="E", properties={"text": TOO_MUCH})

    with pytest.raises(ValidationError) as failed:
        await handle.result()

    (problem,) = failed.value.fields
    assert isinstance(problem, FieldProblem)
    assert problem.path == "track"
    assert str(failed.value) == f"{problem.path} {problem.message}"


async def test_outcome_of_a_success_is_its_output(analytics: AnalyticsClient) -> None:
    """The same as `result`, as often as it is asked for."""
    handle = await analytics.track(user_id="u-1", event="E")

    output = await handle.outcome()

    assert output["status"] == "success"
    assert await handle.result() == output


@pytest.mark.parametrize("end", ["cancel", "terminate"])
async def test_ended_from_outside(analytics: AnalyticsClient, standin: StandIn, end: str) -> None:
    """Interrupted: there is no output, of either kind."""
    standin.script("segment", *[{"status": 500}] * 20)
    handle = await analytics.track(user_id="u-1", event="E")
    await standin.wait_for(1)

    await getattr(handle.workflow, end)()

    for ask in (handle.result, handle.outcome):
        with pytest.raises(Interrupted, match=r"CancelledError|TerminatedError"):
            await ask()


@workflow.defn(name="Track")
class Strange:
    """Fails as a newer or a broken worker might."""

    @workflow.run
    async def run(self, input: Json) -> None:
        """Fail with the type and the details that the event's properties name."""
        properties = input["track"]["properties"]
        raise ApplicationError("strange", *properties["details"], type=properties["type"])


@pytest.fixture
async def strange(temporal: Client) -> AsyncIterator[AnalyticsClient]:
    """A client whose deliveries fail as they are told to."""
    task_queue = f"strange-{uuid4()}"
    async with Worker(
        temporal,
        task_queue=task_queue,
        workflows=[Strange],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield AnalyticsClient(temporal, task_queue=task_queue)


@pytest.mark.parametrize("kind", DELIVERY_ERRORS)
async def test_every_failure_type_has_its_class(strange: AnalyticsClient, kind: str) -> None:
    """Even where the failure came without details; then there is no output to return."""
    properties = {"type": kind, "details": []}
    handle = await strange.track(user_id="u-1", event="E", properties=properties)

    for ask in (handle.result, handle.outcome):
        with pytest.raises(DELIVERY_ERRORS[kind], match="strange") as failed:
            await ask()
        assert (failed.value.output, failed.value.fields) == (None, ())


async def test_the_failure_of_a_bug_is_internal(strange: AnalyticsClient) -> None:
    """With an output as any other."""
    output: Any = {"status": "failure", "error": {"type": "Internal", "message": "m", "fields": []}}
    properties = {"type": "Internal", "details": [output]}
    handle = await strange.track(user_id="u-1", event="E", properties=properties)

    assert await handle.outcome() == output
    with pytest.raises(Internal):
        await handle.result()


@pytest.mark.parametrize("details", [[], ["text"], [{}], [{"status": "failure"}]])
async def test_a_failure_that_nobody_knows(strange: AnalyticsClient, details: list[Any]) -> None:
    """A `DeliveryError` all the same, which callers catch."""
    properties = {"type": "Unheard", "details": details}
    handle = await strange.track(user_id="u-1", event="E", properties=properties)

    with pytest.raises(AnalyticsError) as failed:
        await handle.result()

    assert type(failed.value) is DeliveryError
    assert failed.value.fields == ()
