"""`Batch` as an earlier release has it: a `Batch.Request` for each slice; no `Batch.Send`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities import activities
from activities.batch_send import BatchSend
from activities.batch_validation import BatchValidation
from activities.prepared_batches import PreparedBatches
from durable_analytics.wire.methods import ABSENT, BATCH
from durable_analytics.wire.plans import BatchPlan
from worker import Settings
from worker.http_clients import http_clients
from workflows import Batch
from workflows.batch_results import BatchResults
from workflows.delivery import validate
from workflows.slice_requests import SliceRequests


@workflow.defn(name="Batch")
class EarlierBatch:
    """Sends no batch in one activity."""

    @workflow.run
    async def run(self, input: RawValue) -> Any:
        """Send slice by slice."""
        results = BatchResults(input, await validate(BATCH, input))
        await SliceRequests(results).run()
        return results.output()


class EarlierValidation(BatchValidation):
    """Plans as this release does, without the key for `Batch.Send`."""

    async def __call__(self, input: RawValue = ABSENT, origin: RawValue = ABSENT) -> BatchPlan:
        """Return the plan."""
        plan: Any = await super().__call__(input, origin)
        del plan["batch_send"]
        earlier: BatchPlan = plan
        return earlier


@asynccontextmanager
async def earlier_worker(
    client: Client, settings: Settings, batch: type = EarlierBatch
) -> AsyncIterator[None]:
    """A worker that does not know `Batch.Send`.

    Args:
        client: The connection.
        settings: The settings.
        batch: The workflow; `Batch` for a worker that schedules what it cannot run itself.
    """
    clients = http_clients(settings, {})
    made = activities(settings.deliverable(), clients, lambda _: None)
    requests = [one for one in made.requests if not isinstance(one, BatchSend)]
    validations = made.validations
    if batch is EarlierBatch:
        validations = [one for one in validations if not isinstance(one, BatchValidation)]
        own = EarlierValidation(settings.deliverable(), PreparedBatches())
        validations.append(activity.defn(name=BATCH.validation)(own))
    try:
        async with Worker(
            client,
            task_queue=settings.task_queue,
            workflows=[batch],
            activities=[*validations, *requests],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            yield
    finally:
        for one in clients.values():
            await one.aclose()


NEW_BATCH = Batch
"""The workflow of this release."""
