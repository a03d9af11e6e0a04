"""Who polls a task queue, as the server knows it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client

WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY

RECENT = timedelta(seconds=90)
"""A running worker polls again within 60 s. A worker that hangs is noticed after 90 to 150 s."""

_RPC_TIMEOUT = timedelta(seconds=5)


async def last_polls(
    client: Client,
    task_queue: str,
    *,
    kinds: tuple[TaskQueueType.ValueType, ...] = (WORKFLOWS, ACTIVITIES),
) -> Mapping[str, datetime]:
    """Return when each identity last polled a task queue; the server forgets it after 5 minutes.

    Raises:
        RPCError: The server did not answer.
    """
    service, namespace = client.workflow_service, client.namespace
    # Without partitions in the request, the server reports the pollers of one partition only.
    partitions = await service.list_task_queue_partitions(
        api.ListTaskQueuePartitionsRequest(
            namespace=namespace, task_queue=TaskQueue(name=task_queue)
        ),
        timeout=_RPC_TIMEOUT,
    )
    requests = [
        api.DescribeTaskQueueRequest(
            namespace=namespace, task_queue=TaskQueue(name=part.key), task_queue_type=kind
        )
        for kind, parts in (
            (WORKFLOWS, partitions.workflow_task_queue_partitions),
            (ACTIVITIES, partitions.activity_task_queue_partitions),
        )
        for part in parts
        if kind in kinds
    ]
    polls: dict[str, datetime] = {}
    for request in requests:
        response = await service.describe_task_queue(request, timeout=_RPC_TIMEOUT)
        for poller in response.pollers:
            at = poller.last_access_time.ToDatetime(tzinfo=UTC)
            polls[poller.identity] = max(at, polls.get(poller.identity, at))
    return polls
