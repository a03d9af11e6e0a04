"""`python -m worker.health`: whether this host's worker polls, for a container's health check."""

import asyncio
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.interpreter_end import exit_process
from worker import settings

_RPC_TIMEOUT = timedelta(seconds=5)
_RECENT = timedelta(seconds=90)
"""A running worker polls again within 60 s. A worker that hangs is noticed after 90 to 150 s."""


async def last_poll(client: Client, task_queue: str, host: str) -> datetime | None:
    """Return when a worker of this host last polled; None if the server has no record of a poll.

    The SDK's workers identify themselves as `pid@host`, and each container has its own host name.
    """
    service, namespace = client.workflow_service, client.namespace
    # Without partitions in the request, the server reports the pollers of one partition only.
    queue = TaskQueue(name=task_queue)
    partitions = await service.list_task_queue_partitions(
        api.ListTaskQueuePartitionsRequest(namespace=namespace, task_queue=queue),
        timeout=_RPC_TIMEOUT,
    )
    requests = [
        api.DescribeTaskQueueRequest(
            namespace=namespace, task_queue=TaskQueue(name=part.key), task_queue_type=kind
        )
        for kind, parts in (
            (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, partitions.workflow_task_queue_partitions),
            (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, partitions.activity_task_queue_partitions),
        )
        for part in parts
    ]
    responses = [await service.describe_task_queue(r, timeout=_RPC_TIMEOUT) for r in requests]
    polls = [
        poller.last_access_time.ToDatetime(tzinfo=UTC)
        for response in responses
        for poller in response.pollers
        if poller.identity.endswith(f"@{host}")
    ]
    return max(polls, default=None)


async def check(task_queues: Sequence[str]) -> str | None:
    """Describe what is wrong in one line; return None if the worker polls all its task queues."""
    host, client = socket.gethostname(), await connect()
    polls = await asyncio.gather(*(last_poll(client, queue, host) for queue in task_queues))
    for queue, polled in zip(task_queues, polls, strict=True):
        if not polled or datetime.now(UTC) - polled >= _RECENT:
            since = f"since {polled:%H:%M:%S} UTC" if polled else "lately"
            return f"no worker on {host} has polled task queue {queue} {since}"
    return None


def main() -> int:
    """Print what is wrong, and return the exit status."""
    try:
        problem = asyncio.run(check(settings.load().task_queues()))
    except (NotAccepted, RPCError, SettingsError) as error:
        problem = str(error)
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201  # the engine keeps it with the health status
    return 1 if problem else 0


if __name__ == "__main__":
    # A crash at Python's exit would count as unhealthy.
    exit_process(main())
