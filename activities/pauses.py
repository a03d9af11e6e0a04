"""Whether an integration is paused while an activity sends many requests to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.temporal.integration_control import state
from durable_analytics.wire.integration_state import RUNNING, IntegrationState
from durable_analytics.wire.methods import integration_queue

_SECONDS_BETWEEN_READS = 1.5
"""A pause holds within two seconds. The first reading is as late: most activities end before."""


@dataclass(slots=True)
class PauseWatch:
    """The state of an integration as this activity knows it."""

    state: IntegrationState = field(default_factory=lambda: RUNNING)

    def is_paused(self) -> bool:
        """Whether no further request may be sent."""
        return self.state["state"] == "paused"


@asynccontextmanager
async def watch_pauses(integration: str) -> AsyncIterator[PauseWatch]:
    """Keep reading the state of an integration.

    Only on the integration's own task queue, which then holds the rest of a batch.
    """
    watch = PauseWatch()
    watching = asyncio.create_task(_keep_reading(watch, integration))
    try:
        yield watch
    finally:
        watching.cancel()


async def _keep_reading(watch: PauseWatch, integration: str) -> None:
    task_queue = _validation_queue(integration)
    if task_queue is None:
        return
    client: Client = activity.client()
    while True:
        await asyncio.sleep(_SECONDS_BETWEEN_READS)
        try:
            watch.state = await state(client, task_queue, integration)
        except RPCError:
            continue  # what was known before still counts


def _validation_queue(integration: str) -> str | None:
    """Return the task queue of Validation; None if this is not the integration's own queue."""
    queue = activity.info().task_queue
    validation_queue = queue.removesuffix(integration_queue("", integration))
    return validation_queue if validation_queue != queue else None
