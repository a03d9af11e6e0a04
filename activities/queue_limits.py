"""The activity that holds the task queue of an integration, and releases it."""

import logging
from typing import Any

from temporalio import activity

from durable_analytics.temporal.queue_limits import (
    LimitSetByHandError,
    LimitsUnsupportedError,
    hold,
    release,
)
from durable_analytics.wire.operator_events import WEBHOOK

log = logging.getLogger("durable_analytics.integrations")


class SetLimit:
    """The activity `Integration.SetLimit`.

    Args:
        operator_webhook: The integration that gets events about pauses; None if none gets them.
    """

    def __init__(self, operator_webhook: str | None = None) -> None:
        self._operator_webhook = operator_webhook
        self._has_warned = False
        """Whether the log says that the server has no limits."""

    async def __call__(self, task_queue: str, reason: str | None) -> bool | dict[str, Any]:
        """Hold a task queue, or release it.

        Args:
            task_queue: The task queue of the integration.
            reason: Why it is held; null releases it.

        Returns:
            Whether the server holds the task queue; as `held`, beside `operator_webhook`, if an
            integration gets events about pauses.
        """
        held = await self._set(task_queue, reason)
        if self._operator_webhook is None:
            return held
        return {"held": held, WEBHOOK: self._operator_webhook}

    async def _set(self, task_queue: str, reason: str | None) -> bool:
        client = activity.client()
        try:
            if reason is not None:
                await hold(client, task_queue, reason)
            else:
                await release(client, task_queue)
                return False
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
