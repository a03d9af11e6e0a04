"""The limit of 0 on the task queue of an integration: Temporal then holds its requests."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit, TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.temporal.converter import encodes_failures

_OURS = "durable-analytics: "
"""The beginning of the reason of each limit that this module sets."""

_ACTIVITY = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_RPC_TIMEOUT = timedelta(seconds=5)


class LimitsUnsupportedError(Exception):
    """The server has no limits of task queues, which came with Temporal 1.29."""


class LimitSetByHandError(Exception):
    """Somebody has set a limit on the task queue, which is left alone."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """The limit of a task queue."""

    requests_per_second: float
    reason: str

    @property
    def is_ours(self) -> bool:
        """Whether this module has set it."""
        return self.reason.startswith(_OURS)


async def read_limit(client: Client, task_queue: str) -> QueueLimit | None:
    """Return the limit that the API has set on a task queue of activities, or None.

    Raises:
        RPCError: The server did not answer.
    """
    request = api.DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=_ACTIVITY,
        report_config=True,
    )
    response = await client.workflow_service.describe_task_queue(
        request, retry=True, timeout=_RPC_TIMEOUT
    )
    limit = response.config.queue_rate_limit
    if not limit.HasField("rate_limit"):
        return None
    return QueueLimit(limit.rate_limit.requests_per_second, limit.metadata.reason)


async def hold(client: Client, task_queue: str, reason: str) -> None:
    """Hold a task queue: Temporal gives out none of its activities.

    Args:
        client: The connection.
        task_queue: The task queue.
        reason: Why; the server shows it with the limit. It cannot be encrypted there, so that a
            client that encrypts leaves it out.

    Raises:
        LimitSetByHandError: The task queue has a limit that is not ours.
        LimitsUnsupportedError: The server has no such limits.
        RPCError: The server did not answer.
    """
    limit = await read_limit(client, task_queue)
    if limit and not limit.is_ours:
        raise LimitSetByHandError(
            f"the task queue {task_queue} has a limit of {limit.requests_per_second:g} requests a "
            "second that somebody has set by hand, and it is left alone"
        )
    shown = "paused" if encodes_failures(client.data_converter) else reason
    await _set_limit(client, task_queue, RateLimit(requests_per_second=0), f"{_OURS}{shown}")


async def release(client: Client, task_queue: str) -> bool:
    """Remove the limit of `hold`; another limit stays.

    Returns:
        Whether there was one.

    Raises:
        LimitsUnsupportedError: The server has no such limits.
        RPCError: The server did not answer.
    """
    limit = await read_limit(client, task_queue)
    if not limit or not limit.is_ours:
        return False
    await _set_limit(client, task_queue, None, f"{_OURS}resumed")
    return True


async def _set_limit(client: Client, task_queue: str, limit: RateLimit | None, reason: str) -> None:
    request = api.UpdateTaskQueueConfigRequest(
        namespace=client.namespace,
        identity=client.identity,
        task_queue=task_queue,
        task_queue_type=_ACTIVITY,
        update_queue_rate_limit=api.UpdateTaskQueueConfigRequest.RateLimitUpdate(
            rate_limit=limit, reason=reason
        ),
    )
    try:
        await client.workflow_service.update_task_queue_config(
            request, retry=True, timeout=_RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            raise LimitsUnsupportedError(
                "this Temporal server has no limits of task queues: messages are not held there"
            ) from None
        raise
