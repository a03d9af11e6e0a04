"""The local activity that tells a delivery whether its integration is paused."""

from temporalio import activity

from durable_analytics.temporal import integration_control
from durable_analytics.wire.integration_state import READ_STATE, IntegrationState


@activity.defn(name=READ_STATE)
async def read_state(integration: str) -> IntegrationState:
    """Return the state of an integration: running, paused or probing.

    A pause applies to one task queue of workers: the queue on which this local activity runs.
    """
    task_queue = activity.info().task_queue
    return await integration_control.state(activity.client(), task_queue, integration)
