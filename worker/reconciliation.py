"""What a starting worker puts right: a task queue that is held although nobody pauses it."""

import asyncio
import logging
from collections.abc import Iterable

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.temporal.queue_limits import LimitsUnsupportedError, release
from durable_analytics.wire.integration_state import CHECK, control_id
from durable_analytics.wire.methods import integration_queue
from worker.health_signals import HealthSignals

log = logging.getLogger("durable_analytics.integrations")

_AGAIN_SECONDS = 5.0


async def reconcile(
    client: Client,
    task_queue: str,
    integrations: Iterable[str],
    signals: HealthSignals | None = None,
) -> None:
    """Release the queues whose control workflow is gone, and let the others set their limit again.

    It tries again until the server answers.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        integrations: The names of the integrations.
        signals: Told which integrations are paused.
    """
    for name in integrations:
        while True:
            try:
                is_paused = await _reconcile_one(client, task_queue, name)
            except LimitsUnsupportedError as error:
                log.warning("integrations cannot be held", extra={"reason": str(error)})
                return
            except RPCError as error:
                log.warning(
                    "the state of an integration is not known",
                    extra={"integration": name, "reason": error.message},
                )
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                if is_paused and signals:
                    await signals.found_paused(name)
                break


async def _reconcile_one(client: Client, task_queue: str, name: str) -> bool:
    """Return whether the integration is paused."""
    handle = client.get_workflow_handle(control_id(task_queue, name))
    try:
        is_running = (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        if is_running:
            await handle.signal(CHECK)
            return True
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    if await release(client, integration_queue(task_queue, name)):
        log.warning(
            "a task queue was held although the integration is not paused",
            extra={"integration": name},
        )
    return False
