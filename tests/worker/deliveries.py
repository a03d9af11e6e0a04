"""Starting deliveries in the tests of the worker."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.worker import Worker

from tests.support.json_objects import Json
from worker import Settings, register, workers

UNLIKELY = {
    "user_id": "u-7f3a",
    "event": "Unlikely Event",
    "properties": {"unlikely_key": "unlikely-value"},
}
"""A message whose parts are found nowhere by chance."""

USER_DATA = ("u-7f3a", "Unlikely Event", "unlikely_key", "unlikely-value")


@asynccontextmanager
async def own_worker(
    client: Client, settings: Settings, clients: Mapping[str, httpx.AsyncClient] | None = None
) -> AsyncIterator[Worker]:
    """A Temporal `Worker` as a team would make it."""
    plugin = register(settings, clients=clients)
    async with Worker(client, task_queue=settings.task_queue, plugins=[plugin]) as worker:
        yield worker


@asynccontextmanager
async def own_process(client: Client, settings: Settings) -> AsyncIterator[list[Worker]]:
    """All workers of a process, with a task queue for each integration."""
    made = workers(client, settings)
    async with AsyncExitStack() as stack:
        for worker in made:
            await stack.enter_async_context(worker)
        yield made


async def start(
    client: Client, task_queue: str, message: Json | None = None, **input: Any
) -> WorkflowHandle[Any, Any]:
    """Start a `Track`."""
    return await client.start_workflow(
        "Track",
        {"integration": "segment", **input, "track": message or UNLIKELY},
        id=f"test-{uuid.uuid4()}",
        task_queue=task_queue,
    )


async def outcome(handle: WorkflowHandle[Any, Any]) -> Json:
    """The output, of a failure too."""
    try:
        output: Json = await handle.result()
    except WorkflowFailureError as failure:
        output = failure.cause.details[0]  # type: ignore[attr-defined]
    return output
