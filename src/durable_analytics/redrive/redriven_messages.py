"""Finds which failed messages have been delivered since, so that no redrive sends them again.

Earlier redrives deliver such messages, and so do later runs of the same execution. A closed
execution cannot be marked as redriven, so the memo of each redrive lists the messages it delivers.
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
from durable_analytics.redrive.names import MEMO_KEY, TO_MEMO_KEY, Origin, redrive_prefix
from durable_analytics.redrive.recorded import Recorded, read_recorded
from durable_analytics.temporal.visibility import quoted

_PAGE = 10
"""How many redrives a page of the list has; the memo of each may list 1,000 messages."""

_RUNNING, _COMPLETED, _FAILED, _TIMED_OUT = (
    WorkflowExecutionStatus.RUNNING,
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT,
)


class RedrivenMessages:
    """The messages that earlier redrives have delivered, or are delivering.

    There may be a million of them, so only 16 or 32 bytes are stored for each.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._delivered: set[bytes] = set()
        self._received: set[bytes] = set()
        self._workflows: set[bytes] = set()

    @classmethod
    async def read(cls, client: Client, task_queue: str) -> Self:
        """Read the redrives that Temporal has not deleted yet."""
        redriven = cls(client)
        query = f"WorkflowId STARTS_WITH {quoted(redrive_prefix(task_queue))}"
        redrives = client.list_workflows(query, page_size=_PAGE)

        async def read(redrive: WorkflowExecution) -> tuple[list[Origin], str | None]:
            return await _delivered_by(client, redrive)

        async for origins, to in map_concurrently(read, redrives):
            for origin in origins:
                redriven.add(origin, to)
        return redriven

    def add(self, origin: Origin, to: str | None = None) -> bool:
        """Add a message that a redrive delivers; return whether it was not added before.

        If a message of a fan-out failed at two integrations, it counts as new for each of them. If
        another integration gets it instead of both, it counts as new only once.

        Args:
            origin: Where the message failed.
            to: The integration that gets it; None means the one at which it failed.
        """
        digests = {_digest(each) for each in origin.at_each_integration()}
        receivers = {to} if to else set(filter(None, origin.fan_out.split(",")))
        received = {_digest(_receiver_key(origin, name)) for name in receivers}
        has_arrived = bool(received) and received <= self._received
        is_new = not digests <= self._delivered and not has_arrived
        self._delivered |= digests
        self._received |= received
        self._workflows.add(_digest(origin.workflow_id))
        return is_new

    def has(self, origin: Origin) -> bool:
        """Whether a redrive has delivered a message, or is delivering it.

        If the redrive stored the message without `fan_out`, it sent the message to all integrations
        of the fan-out.
        """
        at_all = origin._replace(fan_out="")
        if any(_digest(each) in self._delivered for each in (origin, at_all)):
            return True
        # The integration may have got the message instead of another one of the fan-out.
        return _digest(_receiver_key(origin, origin.fan_out)) in self._received

    async def undelivered_indexes(self, failed: FailedDelivery, recorded: Recorded) -> list[int]:
        """Return the indexes of the failed messages that nothing has delivered since."""
        indexes = self._not_redriven(failed, failed.run_id, failed.indexes)
        handle = self._client.get_workflow_handle(failed.workflow_id)
        latest = await handle.describe()
        is_redriven = _digest(failed.workflow_id) in self._workflows
        if not indexes or (latest.run_id == failed.run_id and not is_redriven):
            return indexes
        async for run in self._other_runs(failed, latest):
            if not indexes or not await self._has_same_messages(run, failed, recorded):
                continue
            if _supersedes(run, failed):
                # The later run has delivered the messages or is delivering them. If it has failed,
                # it is itself in the list of failed deliveries.
                return []
            indexes = self._not_redriven(failed, run.run_id, indexes)
        return indexes

    async def _other_runs(
        self, failed: FailedDelivery, latest: WorkflowExecution
    ) -> AsyncIterator[WorkflowExecution]:
        """Yield the other runs of an execution, the latest first."""
        if latest.run_id != failed.run_id:
            yield latest
        async for run in self._client.list_workflows(f"WorkflowId = {quoted(failed.workflow_id)}"):
            if run.run_id not in {failed.run_id, latest.run_id}:
                yield run

    async def _has_same_messages(
        self, run: WorkflowExecution, failed: FailedDelivery, recorded: Recorded
    ) -> bool:
        if run.workflow_type != failed.method.workflow:
            return False
        try:
            other = await read_recorded(self._client, failed.method, run.id, run.run_id)
        except ValidationError:
            return False
        return recorded.is_same(other)

    def _not_redriven(
        self, failed: FailedDelivery, run_id: str, indexes: Collection[int]
    ) -> list[int]:
        return [index for index in indexes if not self.has(failed.origin(index, run_id))]


def _supersedes(run: WorkflowExecution, failed: FailedDelivery) -> bool:
    """Whether a run delivers the messages of an earlier, failed run, or has failed itself."""
    if run.status is _RUNNING:
        return True
    is_settled = run.status in {_COMPLETED, _FAILED, _TIMED_OUT}
    return is_settled and run.close_time is not None and run.close_time > failed.closed_at


async def _delivered_by(
    client: Client, redrive: WorkflowExecution
) -> tuple[list[Origin], str | None]:
    """Return the messages that a redrive has delivered or is delivering, and its option `--to`."""
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
    """Return the indexes of the messages that at least one integration did not accept.

    Args:
        output: The output of the execution.
        count: How many messages the execution has.
    """
    if not isinstance(output, dict):
        return set()
    if output.get("status") == "failure":
        return set(range(count))
    rejected = {item["index"] for item in output.get("rejected") or []}
    deliveries = (output.get("deliveries") or {}).values()  # of a fan-out
    return rejected.union(*(rejected_indexes(delivery, count) for delivery in deliveries))


def _receiver_key(origin: Origin, integration: str) -> tuple[str, str, int, str]:
    """Return the key that identifies a message together with the integration that gets it."""
    return (origin.workflow_id, origin.run_id, origin.position, integration)


def _digest(value: Any) -> bytes:
    return blake2b(to_json(value), digest_size=16).digest()
