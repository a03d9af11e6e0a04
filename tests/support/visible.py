"""Waiting until Temporal lists executions, which it does a moment after they change."""

import asyncio

from temporalio.client import Client


async def until_visible(client: Client, query: str, count: int = 1) -> None:
    """Wait until so many executions match a query; the server has no event for it."""
    while (await client.count_workflows(query)).count < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


async def until_closed(client: Client, workflow_id: str) -> None:
    """Wait until an execution is listed as closed."""
    await until_visible(client, f"WorkflowId = '{workflow_id}' AND CloseTime IS NOT NULL")
