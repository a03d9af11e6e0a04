"""Waiting until Temporal lists executions, which it does a moment after they change."""

import asyncio

from temporalio.client import Client

from durable_analytics.wire.integration_state import CONTROL_WORKFLOW


async def until_visible(client: Client, query: str, count: int = 1) -> None:
    """Wait until so many executions match a query; the server has no event for it."""
    while (await client.count_workflows(query)).count < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def until_closed(client: Client, workflow_id: str) -> None:
    """Wait until an execution is listed as closed."""
    await until_visible(client, f"WorkflowId = '{workflow_id}' AND CloseTime IS NOT NULL")


def open_deliveries(task_queue: str) -> str:
    """The query for all deliveries of a task queue that have not ended."""
    return (
        f"TaskQueue = '{task_queue}' AND ExecutionStatus = 'Running' "
        f"AND WorkflowType != '{CONTROL_WORKFLOW}'"
    )


async def until_none_is_open(client: Client, task_queue: str) -> None:
    """Wait until no delivery of a task queue is listed as open."""
    while (await client.count_workflows(open_deliveries(task_queue))).count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
