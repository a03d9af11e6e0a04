"""Records the state of each integration for the metrics, as Temporal and all workers know it."""

import asyncio
from contextlib import suppress

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.errors import UnreadablePayload
from durable_analytics.temporal import integration_control
from runtime.metrics import Metrics

_INTERVAL_SECONDS = 5.0


async def record_states(client: Client, task_queue: str, metrics: Metrics) -> None:
    """Record the states until it is cancelled; without a reader of the metrics, ask nothing.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        metrics: The metrics of the process.
    """
    while metrics.is_recorded:
        with suppress(RPCError, UnreadablePayload):  # what was recorded before still counts
            states = await integration_control.states(client, task_queue)
            metrics.states(
                {
                    name: states[name]["state"] if name in states else "running"
                    for name in metrics.integrations
                }
            )
        await asyncio.sleep(_INTERVAL_SECONDS)
