"""The share of a process in the rate of an integration.

`max_requests_per_second` concerns all processes. Those that send share it by how many messages and
batches wait in them; so a batch, which one process sends, has the whole rate while the others are
idle. A process that sends polls a task queue that has no tasks, `<queue>.sending`, and the server
tells who has polled it. The name under which it polls ends with the number that waits.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client
from temporalio.service import RPCError

from activities.http import Pace
from durable_analytics.temporal.pollers import ACTIVITIES, last_polls
from durable_analytics.wire.methods import integration_queue

log = logging.getLogger("durable_analytics.integrations")

_INTERVAL_SECONDS = 2.0
"""How often a process that sends asks for the others."""

_FIRST_INTERVALS_SECONDS = (0.25, 0.25, 0.5, 1.0)
"""The same when it begins to send: others may begin at the same time, each with the whole rate."""

_RECENT = timedelta(seconds=5)
"""A process that has not polled for this time has nothing to send."""

_POLL_TIMEOUT = timedelta(seconds=3)
"""The server refuses shorter polls, and ends this one after 2 s."""

_READS, _READ_PAUSE_SECONDS = 10, 0.05


async def share_rates(client: Client, task_queue: str, paces: Mapping[str, Pace]) -> None:
    """Keep the share of this process right, until it is cancelled.

    Args:
        client: The connection.
        task_queue: The task queue of the workers.
        paces: The pace of each integration with a limit, by name.
    """
    async with asyncio.TaskGroup() as group:
        for name, pace in paces.items():
            queue = f"{integration_queue(task_queue, name)}.sending"
            group.create_task(_Sharing(client, queue, pace).run(name))


class _Sharing:
    def __init__(self, client: Client, task_queue: str, pace: Pace) -> None:
        self._client = client
        self._task_queue = task_queue
        self._pace = pace
        self._name = f"{client.identity}:{uuid.uuid4().hex[:8]}"

    async def run(self, name: str) -> None:
        """Ask for the others while there is something to send."""
        intervals = iter(_FIRST_INTERVALS_SECONDS)
        while True:
            if not self._pace.waiting:
                await self._pace.asked.wait()
                intervals = iter(_FIRST_INTERVALS_SECONDS)
            self._pace.asked.clear()
            identity = f"{self._name}:{1 + self._pace.waiting}"
            polling = asyncio.create_task(self._poll(identity))
            try:
                if part := await self._part(identity):
                    self._pace.take_part(part)
                await asyncio.sleep(next(intervals, _INTERVAL_SECONDS))
            except RPCError as error:
                log.warning(
                    "the rate of an integration is shared as before",
                    extra={"integration": name, "reason": error.message},
                )
                await asyncio.sleep(_INTERVAL_SECONDS)
            finally:
                polling.cancel()

    async def _poll(self, identity: str) -> None:
        request = api.PollActivityTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=self._task_queue),
            identity=identity,
        )
        with suppress(RPCError):  # also the end of the poll
            await self._client.workflow_service.poll_activity_task_queue(
                request, timeout=_POLL_TIMEOUT
            )

    async def _part(self, identity: str) -> float | None:
        """Return the part of this process; None if the server does not know its poll yet."""
        for _ in range(_READS):
            polls = await last_polls(self._client, self._task_queue, kinds=(ACTIVITIES,))
            if identity in polls:
                return _part(identity, polls)
            await asyncio.sleep(_READ_PAUSE_SECONDS)
        return None


def _part(identity: str, polls: Mapping[str, datetime]) -> float:
    """Return the part of a process, by the last poll of each one; its own is the newest."""
    numbers: dict[str, int] = {}
    for polled in sorted(polls, key=lambda name: polls[name]):
        if polls[identity] - polls[polled] < _RECENT:
            name, _, number = polled.rpartition(":")
            numbers[name] = int(number)
    own, _, number = identity.rpartition(":")
    return int(number) / sum({**numbers, own: int(number)}.values())
