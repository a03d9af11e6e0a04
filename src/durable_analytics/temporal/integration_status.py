"""The state of each integration, what waits for it and what failed, as Temporal knows it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution

from durable_analytics.errors import UnreadablePayload
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.histories import read_output
from durable_analytics.temporal.visibility import FAILED, OPEN, Deliveries, all_of, at, quoted
from durable_analytics.wire.integration_state import IntegrationState
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.search_attributes import INTEGRATION, REJECTED
from durable_analytics.wire.timestamps import write_timestamp


class IntegrationStatus(IntegrationState):
    """The state of an integration, and its deliveries. A number above 10,000 is `">10000"`."""

    integration: str
    """The name. `default`: deliveries whose integration the worker chooses; `unknown`: deliveries
    that others started, until something fails."""

    waiting: int | str
    """Open executions."""

    oldest: str | None
    """When the oldest of them started, ISO 8601 in UTC."""

    failed: int | str
    """Executions that failed in the last day."""

    refused: int | str | None
    """Refused messages of batches of the last day; None without the search attributes."""


_DAY = timedelta(days=1)
_MOST = 10_000

_UNNAMED = "default"
_UNKNOWN = "unknown"
"""The row of executions that say nowhere to which integration they go: those that others started,
until something fails."""

_BY_DEFAULT = f"WorkflowId STARTS_WITH '{_UNNAMED}:'"
"""The executions whose caller leaves the integration to the worker."""


class _Outputs:
    """The outputs of fan-outs. They say what each integration refused; the attributes do not."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reads: dict[str, asyncio.Task[JsonObject]] = {}

    async def refused_at(self, name: str, fan_out: WorkflowExecution) -> int:
        """Return how many messages of a fan-out an integration has refused."""
        key = fan_out.run_id
        if key not in self._reads:
            # The rows of its other integrations wait for the same read.
            self._reads[key] = asyncio.create_task(read_output(self._client, fan_out))
        delivered = ((await self._reads[key]).get("deliveries") or {}).get(name) or {}
        if delivered.get("status") not in ("failure", "partial"):
            return 0
        return len(delivered.get("rejected") or ()) or 1


async def integration_statuses(
    deliveries: Deliveries, configured: Sequence[str], default: str | None
) -> list[IntegrationStatus]:
    """Return the status of each integration that is configured, paused, or has deliveries.

    Args:
        deliveries: The executions of the task queue.
        configured: The integrations that have a row in any case.
        default: The integration to which the deliveries go that name none; None if it is unknown.
    """
    controlled = await integration_control.states(deliveries.client, deliveries.task_queue)
    known = {*configured, *controlled}
    names = sorted({*known, *await deliveries.integration_names(known)})
    conditions = {name: deliveries.of_integration(name) for name in names}
    if default in conditions:
        conditions[default] += f" OR {_BY_DEFAULT}"
    outputs = _Outputs(deliveries.client)
    rows = await asyncio.gather(*(_row(deliveries, outputs, *item) for item in conditions.items()))
    others = []
    has_no_attribute = f"{INTEGRATION.name} IS NULL" if deliveries.has(INTEGRATION.name) else ""
    if default not in conditions:
        others.append(
            await _row(deliveries, outputs, _UNNAMED, all_of(_BY_DEFAULT, has_no_attribute))
        )
    elsewhere = (f"WorkflowId NOT STARTS_WITH {quoted(f'{name}:')}" for name in (*names, _UNNAMED))
    others.append(await _row(deliveries, outputs, _UNKNOWN, all_of(has_no_attribute, *elsewhere)))
    rows += [row for row in others if row["waiting"] or row["failed"]]
    return rows


async def _row(
    deliveries: Deliveries, outputs: _Outputs, name: str, condition: str
) -> IntegrationStatus:
    today = f"CloseTime >= {at(datetime.now(UTC) - _DAY)}"
    waiting = await deliveries.count(OPEN, condition)
    oldest = await deliveries.oldest_start(OPEN, condition) if waiting else None
    return {
        "integration": name,
        **await integration_control.state(deliveries.client, deliveries.task_queue, name),
        "waiting": _limited(waiting),
        "oldest": None if oldest is None else write_timestamp(oldest),
        "failed": _limited(await deliveries.count(FAILED, today, condition)),
        "refused": await _refused(deliveries, outputs, name, all_of(today, condition)),
    }


async def _refused(
    deliveries: Deliveries, outputs: _Outputs, name: str, condition: str
) -> int | str | None:
    """Return the refused messages of executions that completed; None if they cannot be counted."""
    if not deliveries.has(REJECTED.name):
        return None
    total = 0
    completed = "ExecutionStatus = 'Completed'"
    async for one in deliveries.executions(f"{REJECTED.name} > 0", completed, condition):
        if len(one.typed_search_attributes.get(INTEGRATION) or ()) > 1:
            try:
                total += await outputs.refused_at(name, one)
            except UnreadablePayload:
                return None
        else:
            total += one.typed_search_attributes.get(REJECTED) or 0
        if total > _MOST:
            break
    return _limited(total)


def _limited(count: int) -> int | str:
    return count if count <= _MOST else f">{_MOST}"
