"""The task queues of integrations that are no longer configured, but still have work.

A message that waits there would fail only when its `total_timeout` is over. So a worker polls such
a queue, and the message fails as `UnknownIntegration`, from where it can be delivered again.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from durable_analytics.temporal.pollers import ACTIVITIES, last_polls
from durable_analytics.temporal.visibility import quoted
from durable_analytics.wire.methods import integration_queue, is_integration_name
from durable_analytics.wire.search_attributes import INTEGRATION

log = logging.getLogger("durable_analytics.integrations")

IDENTITY = ":former"
"""The end of the identity of a worker that only refuses messages."""

_INTERVAL_SECONDS = 60.0
_RECENT = timedelta(seconds=90)
"""A running worker polls again within 60 s."""

_MOST_NAMES = 20
"""More of them are looked for when these have no work."""


@dataclass(eq=False)
class FormerIntegrations:
    """Polls the task queues of former integrations while they have work.

    Args:
        configured: The names of the integrations.
        named: The former integrations that the settings name; they are polled in any case.
        make_worker: Makes a worker of requests, of a connection, a task queue and an identity.
    """

    configured: Collection[str]
    named: Collection[str]
    make_worker: Callable[[Client, str, str], Worker]

    _polling: dict[str, tuple[Worker, asyncio.Task[None]]] = field(default_factory=dict, init=False)

    async def run(self, client: Client, task_queue: str) -> None:
        """Look for former integrations, until it is cancelled.

        Args:
            client: The connection.
            task_queue: The task queue of the workers.
        """
        try:
            while True:
                await self._look(client, task_queue)
                await asyncio.sleep(_INTERVAL_SECONDS)
        finally:
            await self._stop(set(self._polling))

    async def _look(self, client: Client, task_queue: str) -> None:
        try:
            found = {*self.named, *await self._find(client, task_queue)}
            queues = {name: integration_queue(task_queue, name) for name in found}
            wanted = {name for name in found if not await _has_worker(client, queues[name])}
        except RPCError as error:
            log.warning("former integrations are not known", extra={"reason": error.message})
            return
        ended = {name for name, (_, polling) in self._polling.items() if polling.done()}
        await self._stop((self._polling.keys() - wanted) | ended)
        for name in wanted - self._polling.keys():
            worker = self.make_worker(client, queues[name], f"{client.identity}{IDENTITY}")
            self._polling[name] = worker, asyncio.create_task(worker.run())
            log.warning(
                "messages of an integration that is not configured fail",
                extra={"integration": name, "task_queue": queues[name]},
            )

    async def _stop(self, names: Collection[str]) -> None:
        stopped = [self._polling.pop(name) for name in names]
        await asyncio.gather(*(worker.shutdown() for worker, run in stopped if not run.done()))
        for error in await asyncio.gather(*(run for _, run in stopped), return_exceptions=True):
            if error:
                reason = str(error)
                log.warning("a worker of a former integration failed", extra={"reason": reason})

    async def _find(self, client: Client, task_queue: str) -> set[str]:
        try:
            return await self._with_work(client, task_queue)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return set()  # the search attribute is not registered, of which Validation warns

    async def _with_work(self, client: Client, task_queue: str) -> set[str]:
        """Return the integrations of open executions that are not configured."""
        known = set(self.configured)
        for _ in range(_MOST_NAMES):
            query = (
                f"TaskQueue = {quoted(task_queue)} AND ExecutionStatus = 'Running' "
                f"AND {INTEGRATION.name} IS NOT NULL "
                f"AND {INTEGRATION.name} NOT IN ({', '.join(map(quoted, sorted(known)))})"
            )
            names: set[str] = set()
            async for execution in client.list_workflows(query, limit=1):
                names.update(execution.typed_search_attributes.get(INTEGRATION) or ())
            if names <= known:
                break
            known |= names
        return set(filter(is_integration_name, known.difference(self.configured)))


async def _has_worker(client: Client, queue: str) -> bool:
    """Whether a worker that may know the integration polls its task queue."""
    polls = await last_polls(client, queue, kinds=(ACTIVITIES,))
    now = datetime.now(UTC)
    return any(now - at < _RECENT for who, at in polls.items() if not who.endswith(IDENTITY))
