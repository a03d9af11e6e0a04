"""The activity that holds the task queue of an integration, and releases it."""

import logging

from temporalio import activity

from durable_analytics.temporal.queue_limits import (
    LimitSetByHandError,
    LimitsUnsupportedError,
    hold,
    release,
)

log = logging.getLogger("durable_analytics.integrations")


class SetLimit:
    """The activity `Integration.SetLimit`."""

    def __init__(self) -> None:
        self._has_warned = False
        """Whether the log says that the server has no limits."""

    async def __call__(self, task_queue: str, reason: str | None) -> bool:
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
        except LimitSetByHandError as error:
            self._warn(task_queue, error)
            return False
        except LimitsUnsupportedError as error:
            if not self._has_warned:
                self._warn(task_queue, error)
                self._has_warned = True
            return False
        return True

    @staticmethod
    def _warn(task_queue: str, error: Exception) -> None:
        # Without it, workers still hold back what they know to be paused.
        log.warning("task queue not held", extra={"task_queue": task_queue, "reason": str(error)})
