"""What has been delivered since: by earlier redrives, and by later runs of an execution.

Closed executions cannot be marked. So the memo of each redrive lists what it carries.
"""

from collections.abc import AsyncIterator, Collection
from hashlib import blake2b
from typing import Any, Self

from pydantic_core import to_json
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)

from durable_analytics.errors import ValidationError
from durable_analytics.redrive.concurrency import map_concurrently
from durable_analytics.redrive.failures import FailedDelivery
from durable_analytics.redrive.filters import quoted
from durable_analytics.redrive.names import MEMO_KEY, TO_MEMO_KEY, Origin, redrive_prefix
from durable_analytics.redrive.recorded import Recorded, read_recorded

_PAGE = 10
"""Redrives in a page of a list: each has a memo of up to 1,000 messages."""

_RUNNING, _COMPLETED, _FAILED, _TIMED_OUT = (
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT,
)


class Earlier:
    """The messages that earlier redrives have delivered, or are delivering.

    It keeps 16 or 32 bytes of each, because there may be a million.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._delivered: set[bytes] = set()
        self._received: set[bytes] = set()
        self._workflows: set[bytes] = set()

    @classmethod
    async def read(cls, client: Client, task_queue: str) -> Self:
        """Read the redrives that the server still has."""
        earlier = cls(client)
        query = f"WorkflowId STARTS_WITH {quoted(redrive_prefix(task_queue))}"
        redrives = client.list_workflows(query, page_size=_PAGE)

        async def read(redrive: WorkflowExecution) -> tuple[list[Origin], str | None]:
            return await _delivered_by(client, redrive)

        async for origins, to in map_concurrently(read, redrives):
            for origin in origins:
                earlier.add(origin, to)
        return earlier

    def add(self, origin: Origin, to: str | None = None) -> bool:
        """Add a message that is delivered; return whether it is new.

        A message of a fan-out that failed at two integrations is new twice, unless both times
        another integration gets it instead.

        Args:
            origin: The message.
            to: The integration that gets it; None means the one at which it failed.
        """
        digests = {_digest(one) for one in origin.at_each_integration()}
        receivers = {to} if to else set(filter(None, origin.fan_out.split(",")))
        received = {_digest(_at(origin, name)) for name in receivers}
        is_there = bool(received) and received <= self._received
        is_new = not digests <= self._delivered and not is_there
        self._delivered |= digests
        self._received |= received
        self._workflows.add(_digest(origin.workflow_id))
        return is_new

    def has(self, origin: Origin) -> bool:
        """Whether a redrive has delivered a message, or is delivering it.

        Without `fan_out`, the redrive sent the message to all integrations of the fan-out.
        """
        whole = origin._replace(fan_out="")
        if any(_digest(one) in self._delivered for one in (origin, whole)):
            return True
        # It got the message instead of another integration of the fan-out.
        return _digest(_at(origin, origin.fan_out)) in self._received

    async def undelivered(self, failed: FailedDelivery, recorded: Recorded) -> list[int]:
        """Return the indexes of the failed messages that nothing has delivered since."""
        indexes = self._undelivered(failed, failed.run_id, failed.indexes)
        handle = self._client.get_workflow_handle(failed.workflow_id)
        latest = await handle.describe()
        is_redriven = _digest(failed.workflow_id) in self._workflows
        if not indexes or (latest.run_id == failed.run_id and not is_redriven):
            return indexes
        async for run in self._runs(failed, latest):
            if not indexes or not await self._is_same(run, failed, recorded):
                continue
            if _is_later(run, failed):
                return []  # It has delivered them, or is delivering them, or has itself failed.
            indexes = self._undelivered(failed, run.run_id, indexes)
        return indexes

    async def _runs(
        self, failed: FailedDelivery, latest: WorkflowExecution
    ) -> AsyncIterator[WorkflowExecution]:
        """Yield the other runs of an execution, the latest first."""
        if latest.run_id != failed.run_id:
            yield latest
        async for run in self._client.list_workflows(f"WorkflowId = {quoted(failed.workflow_id)}"):
            if run.run_id not in {failed.run_id, latest.run_id}:
                yield run

    async def _is_same(
        self, run: WorkflowExecution, failed: FailedDelivery, recorded: Recorded
    ) -> bool:
        if run.workflow_type != failed.method.workflow:
            return False
        try:
            other = await read_recorded(self._client, failed.method, run.id, run.run_id)
        except ValidationError:
            return False
        return recorded.is_same(other)

    def _undelivered(
        self, failed: FailedDelivery, run_id: str, indexes: Collection[int]
    ) -> list[int]:
        return [index for index in indexes if not self.has(failed.origin(index, run_id))]


def _is_later(run: WorkflowExecution, failed: FailedDelivery) -> bool:
    if run.status is _RUNNING:
        return True
    is_settled = run.status in {_COMPLETED, _FAILED, _TIMED_OUT}
    return is_settled and run.close_time is not None and run.close_time > failed.closed_at


async def _delivered_by(
    client: Client, redrive: WorkflowExecution
) -> tuple[list[Origin], str | None]:
    """Return the messages that a redrive has delivered, or is delivering, and its `--to`."""
    if redrive.status not in {_RUNNING, _COMPLETED}:
        return [], None
    memo = await redrive.memo()
    origins, to = [Origin(*origin) for origin in memo.get(MEMO_KEY, [])], memo.get(TO_MEMO_KEY)
    if redrive.status is _RUNNING:
        return origins, to
    handle = client.get_workflow_handle(redrive.id, run_id=redrive.run_id)
    try:
        output = await handle.result(follow_runs=False)
    except WorkflowFailureError:
        return [], None
    rejected = rejected_indexes(output, len(origins))
    return [origin for index, origin in enumerate(origins) if index not in rejected], to


def rejected_indexes(output: Any, count: int) -> set[int]:
    """Return the indexes of the messages that an execution did not deliver everywhere.

    Args:
        output: Its output.
        count: How many messages it has.
    """
    if not isinstance(output, dict):
        return set()
    if output.get("status") == "failure":
        return set(range(count))
    rejected = {one["index"] for one in output.get("rejected") or []}
    deliveries = (output.get("deliveries") or {}).values()  # of a fan-out
    return rejected.union(*(rejected_indexes(one, count) for one in deliveries))


def _at(origin: Origin, integration: str) -> tuple[str, str, int, str]:
    """Return the key of a message at the integration that gets it."""
    return (origin.workflow_id, origin.run_id, origin.position, integration)


def _digest(value: Any) -> bytes:
    return blake2b(to_json(value), digest_size=16).digest()
