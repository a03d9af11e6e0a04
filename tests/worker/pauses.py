"""What the tests of pauses look at: the limit of a task queue, and what waits on it."""

import asyncio
import uuid
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client, WorkflowHandle

from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.queue_limits import read_limit
from durable_analytics.wire.integration_state import control_id
from tests.worker.deliveries import UNLIKELY


async def start_batch(client: Client, task_queue: str, count: int) -> Any:
    """Start a batch for Segment."""
    messages = [{"type": "track", **UNLIKELY}] * count
    return await client.start_workflow(
        "Batch",
        {"integration": "segment", "messages": messages},
        id=f"test-{uuid.uuid4()}",
        task_queue=task_queue,
    )


async def is_held(client: Client, task_queue: str, integration: str = "segment") -> bool:
    """Whether the server gives out no request to an integration."""
    limit = await read_limit(client, f"{task_queue}.{integration}")
    return limit is not None and limit.requests_per_second == 0


async def set_limit(client: Client, queue: str, rate: float, reason: str) -> None:
    """Set a limit as the `temporal` command line does."""
    request = api.UpdateTaskQueueConfigRequest(
        namespace=client.namespace,
        task_queue=queue,
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        update_queue_rate_limit=api.UpdateTaskQueueConfigRequest.RateLimitUpdate(
            rate_limit=RateLimit(requests_per_second=rate), reason=reason
        ),
    )
    await client.workflow_service.update_task_queue_config(request)


async def control_priority(client: Client, task_queue: str) -> int:
    """The priority of the tasks of Segment's control workflow: 1 is the highest, 0 the default."""
    described = await client.get_workflow_handle(control_id(task_queue, "segment")).describe()
    priority: int = described.raw_description.workflow_execution_info.priority.priority_key
    return priority


async def until_ended(client: Client, task_queue: str) -> None:
    """Wait for the end of Segment's control workflow."""
    async with asyncio.timeout(20):
        await client.get_workflow_handle(control_id(task_queue, "segment")).result()


async def pending_activities(handle: WorkflowHandle[Any, Any]) -> list[Any]:
    """The activities of an execution that wait or run."""
    return list((await handle.describe()).raw_description.pending_activities)


async def until_attempt(handle: WorkflowHandle[Any, Any], attempt: int, state: Any) -> None:
    """Wait until the one activity of an execution has this attempt in this state."""
    async with asyncio.timeout(30):
        while [(one.attempt, one.state) for one in await pending_activities(handle)] != [  # noqa: ASYNC110
            (attempt, state)
        ]:
            await asyncio.sleep(0.05)  # the server has no event for it


async def requests_waiting(handles: list[Any]) -> list[int]:
    """The attempts of the requests that wait in Temporal, one of each execution."""
    found = []
    async with asyncio.timeout(30):
        for handle in handles:
            while not (pending := await pending_activities(handle)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the server has no event for it
            found.append(pending[0].attempt)
    return found


async def until_held(client: Client, task_queue: str, integration: str = "segment") -> None:
    """Wait until the server gives out no request to an integration."""
    async with asyncio.timeout(30):
        while not await is_held(client, task_queue, integration):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the server has no event for it


async def until_state(
    client: Client, task_queue: str, state: str, integration: str = "segment"
) -> None:
    """Wait until an integration is in this state."""
    async with asyncio.timeout(60):
        while (await control.state(client, task_queue, integration))["state"] != state:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the server has no event for it


async def until_probe(client: Client, task_queue: str) -> None:
    """Wait until Segment's task queue was released for a probe, and is held because it is sent."""
    await until_state(client, task_queue, "probing")
    async with asyncio.timeout(30):
        while await is_held(client, task_queue):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the server has no event for it
    await until_held(client, task_queue)
