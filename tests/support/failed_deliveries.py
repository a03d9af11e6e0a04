"""Failed deliveries to redrive, and what a provider has got of them."""

import asyncio
import contextlib
import time
import uuid
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.redrive import Redrive, Report
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json

ONE_ATTEMPT: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}


def track(number: int = 0, **fields: Any) -> Json:
    """A message of a user."""
    return {"user_id": f"u-{number}", "event": "Signed Up", **fields}


def unique(name: str = "order") -> str:
    """A workflow id, or a message id, of the test's own."""
    return f"{name}-{uuid.uuid4()}"


async def run(
    client: Client, task_queue: str, workflow: str, data: Json, **options: Any
) -> WorkflowHandle[Any, Any]:
    """Run an execution to its end, whether it fails or not."""
    options.setdefault("id", unique())
    handle = await client.start_workflow(workflow, data, task_queue=task_queue, **options)
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    return handle


async def fail_track(
    client: Client, standin: StandIn, task_queue: str, data: Json | None = None, **options: Any
) -> WorkflowHandle[Any, Any]:
    """A `Track` whose credentials the provider refuses."""
    standin.script("segment", {"status": 401})
    return await run(client, task_queue, "Track", data or {"track": track()}, **options)


def accepted_ids(standin: StandIn, integration: str = "segment") -> list[str | None]:
    """The ids of the messages that a provider has accepted, with repetitions."""
    return [message.id for message in standin.accepted[integration]]


async def visible(client: Client, query: str, count: int) -> None:
    """Wait until the list of executions has so many."""
    deadline = time.monotonic() + 10
    while (await client.count_workflows(query)).count < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def closed(client: Client, task_queue: str, count: int) -> None:
    """Wait until the list has so many closed executions of a task queue."""
    await visible(client, f"TaskQueue = '{task_queue}' AND CloseTime IS NOT NULL", count)


async def redrive(client: Client, queue: str, **filters: object) -> Report:
    """Redrive all failed deliveries that the filters mean."""
    return await Redrive(client, queue, Filters(**filters)).run()  # type: ignore[arg-type]


def redriven(count: int, skipped: int = 0) -> Report:
    """The report of a redrive in which nothing failed."""
    return Report(selected=count + skipped, redriven=count, skipped=skipped)


async def reset(client: Client, workflow_id: str, run_id: str) -> None:
    """Run an execution again from its first task, as `temporal workflow reset` does."""
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            workflow_task_finish_event_id=4,
            request_id=unique(),
        )
    )
