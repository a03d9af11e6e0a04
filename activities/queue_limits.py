"""The activity that holds the task queue of an integration, and releases it."""

import logging

from temporalio import activity

from durable_analytics.temporal.queue_limits import (
    LimitSetByHandError,
    LimitsUnsupportedError,
    hold,
    release,
)
from durable_analytics.wire.integration_state import SET_LIMIT

log = logging.getLogger("durable_analytics.integrations")


@activity.defn(name=SET_LIMIT)
async def set_limit(task_queue: str, reason: str | None) -> bool:
    """Hold a task queue, or release it.

    Args:
        task_queue: The task queue of the integration.
        reason: Why it is held; null releases it.

    Returns:
        Whether the server holds the task queue.
    """
    client = activity.client()
    try:
        if reason is None:
            await release(client, task_queue)
            return False
        await hold(client, task_queue, reason)
    except (LimitSetByHandError, LimitsUnsupportedError) as error:
        # Without it, batches under way still stop; they learn the state of the integration.
        log.warning("task queue not held", extra={"task_queue": task_queue, "reason": str(error)})
        return False
    return True
