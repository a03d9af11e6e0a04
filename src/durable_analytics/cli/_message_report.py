"""Counts the messages of executions, by integration and by the stage that they have reached."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.cli._unreadable import UnreadableExecutions
from durable_analytics.errors import UnreadablePayload, shorten
from durable_analytics.redrive.concurrency import map_concurrently
from durable_analytics.redrive.failures import UNREADABLE
from durable_analytics.redrive.recorded import METHOD_BY_WORKFLOW
from durable_analytics.temporal.histories import Beginning, read_beginning, read_output
from durable_analytics.temporal.visibility import Deliveries, at
from durable_analytics.wire.message_counts import (
    CANCELED,
    count_ended,
    count_messages,
    integrations_of,
)
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.search_attributes import INTEGRATION
from durable_analytics.wire.timestamps import parse_time

UNKNOWN = "unknown"
"""The row of messages whose integration was not found."""

UNREADABLE_STAGE = "unreadable"
"""The stage of messages whose execution has completed with an output that cannot be read: they may
be delivered or filtered, and those of a batch may be refused."""

CURRENT_STAGES = ("refused", "filtered", "waiting", "delivered", "failed", UNREADABLE_STAGE)
"""Each received message is in one of these stages, so they add up to `received`."""

PERCENTILES = (50, 95)

_REASONS_WITHOUT_OUTPUT = {
    WorkflowExecutionStatus.CANCELED: CANCELED,
    WorkflowExecutionStatus.TERMINATED: "Terminated",
    WorkflowExecutionStatus.TIMED_OUT: "TimedOut",
}
"""Why an execution ended without an output."""


@dataclass(slots=True)
class Row:
    """The messages to one integration."""

    received: int = 0
    by_stage: Counter[str] = field(default_factory=Counter)
    """The messages in each of `CURRENT_STAGES`."""

    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The messages by stage and reason, like `("failed", "Unavailable")`."""

    times: Counter[float] = field(default_factory=Counter)
    """Seconds from acceptance to delivery, and how many messages took them."""

    def add(self, other: "Row") -> None:
        """Add the messages of another row."""
        self.received += other.received
        self.by_stage += other.by_stage
        self.reasons += other.reasons
        self.times += other.times

    def percentile(self, percent: int) -> float | None:
        """Return the seconds within which this percentage was delivered; None if nothing was."""
        threshold, seen = self.times.total() * percent / 100, 0
        for seconds in sorted(self.times):
            seen += self.times[seconds]
            if seen >= threshold:
                return round(seconds, 3)
        return None

    def as_json(self) -> JsonObject:
        """Return the row as it is printed with `--json`."""
        reasons: dict[str, dict[str, int]] = {"refused": {}, "filtered": {}, "failed": {}}
        for (stage, reason), count in self.reasons.most_common():
            reasons[stage][reason] = count
        return {
            "received": self.received,
            **{stage: self.by_stage[stage] for stage in CURRENT_STAGES},
            "reasons": reasons,
            "seconds": {f"p{percent}": self.percentile(percent) for percent in PERCENTILES},
        }


Rows = dict[str, Row]


async def count_executions(
    deliveries: Deliveries, since: datetime, until: datetime, unreadable: UnreadableExecutions
) -> Rows:
    """Return the messages of all executions that started in a period, by integration.

    A message that is sent to several integrations counts once for each of them. The messages of a
    batch are counted one by one.

    Args:
        deliveries: The executions of a task queue.
        since: The beginning of the period.
        until: The end of the period.
        unreadable: Counts the executions that cannot be read. The stage of their messages is what
            their status says; a batch may count as one message.
    """

    async def count(execution: WorkflowExecution) -> Rows:
        try:
            return await _count(deliveries, execution, unreadable)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return {}  # its retention period has ended since it was listed

    rows: defaultdict[str, Row] = defaultdict(Row)
    period = (f"StartTime >= {at(since)}", f"StartTime <= {at(until)}")
    async for counted in map_concurrently(count, deliveries.executions(*period)):
        for name, row in counted.items():
            rows[name].add(row)
    return dict(sorted(rows.items()))


def total(rows: Iterable[Row]) -> Row:
    """Return all messages together."""
    summed = Row()
    for row in rows:
        summed.add(row)
    return summed


async def _count(
    deliveries: Deliveries, execution: WorkflowExecution, unreadable: UnreadableExecutions
) -> Rows:
    client = deliveries.client
    output: JsonObject = {}
    errors: list[UnreadablePayload] = []
    if execution.status is not WorkflowExecutionStatus.RUNNING:
        try:
            output = await read_output(client, execution)
        except UnreadablePayload as error:
            errors.append(error)
    method = METHOD_BY_WORKFLOW[execution.workflow_type]
    beginning = Beginning(None, {})
    if not output or (method is BATCH and not _lists_messages(output)):
        try:
            beginning = await read_beginning(client, execution)
        except UnreadablePayload as error:
            errors.append(error)
    if errors:
        unreadable.add(errors[0])
    messages = count_messages(method, lambda: beginning.input, beginning.plan)
    ended: Iterable[tuple[str | None, str, str, int]]
    if output:
        ended = count_ended(output, messages)
    else:
        stage, reason = _stage_without_output(execution, is_unreadable=bool(errors))
        names = _integrations(execution, beginning)
        ended = [(name, stage, reason, messages) for name in names]
    is_waiting = execution.status is WorkflowExecutionStatus.RUNNING
    rows: defaultdict[str, Row] = defaultdict(Row)
    for integration, stage, reason, count in ended:
        row = rows[shorten(integration or UNKNOWN)]
        row.received += count
        row.by_stage["waiting" if is_waiting else stage] += count
        if reason and not is_waiting:
            row.reasons[stage, reason] += count
        if stage == "delivered":
            row.times[_seconds(execution, output, integration)] += count
    return rows


def _stage_without_output(execution: WorkflowExecution, *, is_unreadable: bool) -> tuple[str, str]:
    """Return the stage that the status of an execution tells, and the reason."""
    reason = _REASONS_WITHOUT_OUTPUT.get(execution.status) if execution.status else None
    if reason or not is_unreadable:
        return "failed", reason or ""
    if execution.status is WorkflowExecutionStatus.COMPLETED:
        return UNREADABLE_STAGE, ""
    return "failed", UNREADABLE


def _lists_messages(output: JsonObject) -> bool:
    """Whether an output says how each message ended; that of a refused batch does not."""
    deliveries = (output.get("deliveries") or {"": output}).values()
    return all(
        "accepted" in delivery and (not delivery.get("error") or delivery["rejected"])
        for delivery in deliveries
    )


def _integrations(execution: WorkflowExecution, beginning: Beginning) -> list[str | None]:
    """Return the integrations of an execution without an output."""
    if beginning.plan:
        return integrations_of(beginning.plan)
    if names := execution.typed_search_attributes.get(INTEGRATION):
        return list(names)
    # Our clients begin the workflow id with the integration.
    first, _, rest = execution.id.partition(":")
    return [first if ":" in rest and first not in {"fanout", "default"} else None]


def _seconds(execution: WorkflowExecution, output: JsonObject, integration: str | None) -> float:
    """Return the seconds from acceptance to the provider's confirmation.

    A message is accepted when its execution starts, after the start delay if there is one. It is
    confirmed when the last attempt ends; for a batch, when the execution closes.
    """
    delivered = (output.get("deliveries") or {}).get(integration, output)
    confirmed = execution.close_time or datetime.now(UTC)
    if attempts := delivered.get("attempts"):
        began = parse_time(attempts[-1]["at"])
        if began:
            confirmed = began + timedelta(milliseconds=attempts[-1]["milliseconds"])
    accepted = execution.execution_time or execution.start_time
    return round(max((confirmed - accepted).total_seconds(), 0.0), 3)
