"""A paused integration stays polled in each partition of its task queue.

The server passes no polls from one partition to another while the limit is 0, and nothing wakes a
partition when the limit goes. Where nobody polls, a message would wait for the end of a poll.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from tests.support.programs import TEMPORAL
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, start

pytestmark = pytest.mark.slow

PARTITIONS = 4
POLL = timedelta(seconds=2)
SHORT_POLLS = [
    "--dynamic-config-value",
    f'matching.longPollExpirationInterval="{POLL.total_seconds():g}s"',
]
ROUNDS = 12


@pytest.fixture
async def short_polls() -> AsyncIterator[Client]:
    """A server that ends a poll after two seconds instead of a minute."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="error",
        dev_server_extra_args=SHORT_POLLS,
    ) as environment:
        yield environment.client


async def last_poll(client: Client, partition: str) -> datetime:
    """When anybody last began or ended a poll of a partition."""
    response = await client.workflow_service.describe_task_queue(
        api.DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=partition),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    polls = [poller.last_access_time.ToDatetime(tzinfo=UTC) for poller in response.pollers]
    return max(polls, default=datetime.min.replace(tzinfo=UTC))


async def partitions_of(client: Client, queue: str) -> list[str]:
    """The names of the partitions of a task queue of activities; the root is the first."""
    response = await client.workflow_service.list_task_queue_partitions(
        api.ListTaskQueuePartitionsRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue)
        )
    )
    return [part.key for part in response.activity_task_queue_partitions]


async def test_an_idle_paused_integration_is_polled_in_each_partition(
    short_polls: Client, standin: StandIn, task_queue: str
) -> None:
    """Between three polls of the first partition, each other one is polled too.

    A worker with fewer polls than partitions goes to one of them after the other, at random.
    """
    async with own_process(short_polls, settings_for(standin, task_queue=task_queue)):
        await outcome(await start(short_polls, task_queue))
        await control.pause(short_polls, task_queue, "segment", reason="maintenance")
        root, *others = await partitions_of(short_polls, f"{task_queue}.segment")
        ends = [await last_poll(short_polls, root)]
        unpolled = []
        async with asyncio.timeout(120):
            while len(ends) < ROUNDS:
                await asyncio.sleep(0.1)  # the server has no event for it
                # A poll that ends, and the next one that begins, are one.
                if (polled := await last_poll(short_polls, root)) - ends[-1] < POLL / 2:
                    continue
                ends.append(polled)
                if len(ends) > 5:  # the first ones: it still has the polls of its start
                    unpolled += [
                        partition
                        for partition in others
                        if await last_poll(short_polls, partition) < ends[-3]
                    ]
        await control.resume(short_polls, task_queue, "segment")

    assert len(others) == PARTITIONS - 1
    assert unpolled == []
