"""`python -m worker.health`: whether this host's worker polls, for a container's health check."""

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.connection import connect
from durable_analytics.errors import NotAccepted, SettingsError
from worker import settings

_RPC_TIMEOUT = timedelta(seconds=5)
_RECENT = timedelta(seconds=90)
"""A living worker asks anew after 60 s at most; a frozen one shows after 90 to 150 s."""


async def last_poll(client: Client, task_queue: str, host: str) -> datetime | None:
    """When a worker of this host last asked for work, as far as the server remembers.

    The SDK's workers call themselves `pid@host`, and a container has a host name of its own. Of
    several processes one that polls will do: the one that started them replaces those that ended.
    """
    service, namespace = client.workflow_service, client.namespace
    # Asked for the queue alone, the server tells of one of its partitions, and pollers spread.
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
    answers = [await service.describe_task_queue(r, timeout=_RPC_TIMEOUT) for r in requests]
    polls = [
        poller.last_access_time.ToDatetime(tzinfo=UTC)
        for answer in answers
        for poller in answer.pollers
        if poller.identity.endswith(f"@{host}")
    ]
    return max(polls, default=None)


async def check(task_queue: str) -> str | None:
    """What is wrong, in a line; None when all is well."""
    host = socket.gethostname()
    polled = await last_poll(await connect(), task_queue, host)
    if polled and datetime.now(UTC) - polled < _RECENT:
        return None
    since = f"since {polled:%H:%M:%S} UTC" if polled else "lately"
    return f"no worker on {host} has polled task queue {task_queue} {since}"


def main() -> int:
    """Print what is wrong; returns the exit status."""
    try:
        problem = asyncio.run(check(settings.load().task_queue))
    except (NotAccepted, RPCError, SettingsError) as error:
        problem = str(error)
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201  # the engine keeps it with the health status
    return 1 if problem else 0


if __name__ == "__main__":
    # Without Python's own end, as in `__main__`: a crash there would count as ill health.
    os._exit(main())
