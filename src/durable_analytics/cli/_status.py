"""`durable-analytics status`: what waits and what failed, a row for each integration."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from durable_analytics.cli._histories import read_output
from durable_analytics.cli._output import JsonOption, age, iso, print_json, print_line, print_table
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._visibility import FAILED, OPEN, Deliveries, all_of, at, quoted
from durable_analytics.settings.sources import configured_names, configured_value
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.pollers import WORKFLOWS, last_polls
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.search_attributes import INTEGRATION, REJECTED

Row = dict[str, Any]

_DAY = timedelta(days=1)
_MOST = 10_000

_RECENT = timedelta(seconds=90)
"""A running worker polls again within 60 s."""

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


def status(*, as_json: JsonOption = False) -> None:
    """Show what waits, and what failed in the last day, for each integration.

    Waiting are open executions. Failed are executions of which nothing was accepted; refused are
    the refused messages of batches of which the others were accepted, and what failed at this
    integration of a fan-out that others got.
    """
    rows, can_count_refused, is_polled = asyncio.run(_status())
    if as_json:
        print_json(rows)
        return
    columns = ("INTEGRATION", "STATE", ">WAITING", ">OLDEST", ">FAILED", ">REFUSED", "WHY")
    print_table(columns, [_cells(row) for row in rows])
    if not rows:
        print_line("no integration is configured here, and Temporal has no deliveries")
    if not is_polled:
        seconds = int(_RECENT.total_seconds())
        print_line(f"No worker has polled for {seconds} s, so nothing is delivered. Task queue:")
        print_line(f"  {configured_task_queue()}")
    if not can_count_refused:
        print_line("Search attributes are missing: `durable-analytics setup` registers them.")


def _cells(row: Row) -> list[object]:
    reason = _why(row) if row["by"] else None
    oldest = datetime.fromisoformat(row["oldest"]) if row["oldest"] else None
    names = ("waiting", "failed", "refused")
    waiting, failed, refused = ("?" if row[name] is None else row[name] for name in names)
    return [row["integration"], row["state"], waiting, age(oldest), failed, refused, reason]


def _why(row: Row) -> str:
    """Return by whom an integration is paused, for how long, until when and why."""
    since = f" for {age(datetime.fromisoformat(row['since']))}" if row["since"] else ""
    until = "resume"
    if row["until"]:
        # Without milliseconds it fits into one line of the column.
        until = datetime.fromisoformat(row["until"]).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"by {row['by']}{since}, until {until}: {row['reason']}"


async def _status() -> tuple[list[Row], bool, bool]:
    """Return the rows, whether refused messages can be counted, and whether a worker polls."""
    client = await connect_client()
    rows, can_count_refused = await _rows(client)
    return rows, can_count_refused, await _is_polled(client)


async def _is_polled(client: Client) -> bool:
    try:
        polls = await last_polls(client, configured_task_queue(), kinds=(WORKFLOWS,))
    except RPCError:
        return True  # nobody knows; the rows are right all the same
    return any(datetime.now(UTC) - at < _RECENT for at in polls.values())


async def _rows(client: Client) -> tuple[list[Row], bool]:
    deliveries = await Deliveries.find(client, configured_task_queue())
    configured = configured_names("integrations")
    default = configured_value("default_integration")
    if default is None and len(configured) == 1:
        default = configured[0]
    known = {*configured, *await _controlled(deliveries)}
    names = sorted({*known, *await deliveries.integration_names(known)})
    conditions = {name: deliveries.of_integration(name) for name in names}
    if default in conditions:
        conditions[default] += f" OR {_BY_DEFAULT}"
    outputs = _Outputs(client)
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
    return rows, deliveries.has(REJECTED.name)


async def _controlled(deliveries: Deliveries) -> list[str]:
    """Return the integrations that are not simply running."""
    queue = deliveries.task_queue
    prefix = f"{queue}:integration:"
    query = all_of("WorkflowType = 'Integration'", OPEN, f"TaskQueue = {quoted(queue)}")
    return [
        one.id.removeprefix(prefix)
        async for one in deliveries.client.list_workflows(query)
        if one.id.startswith(prefix)
    ]


async def _row(deliveries: Deliveries, outputs: _Outputs, name: str, condition: str) -> Row:
    today = f"CloseTime >= {at(datetime.now(UTC) - _DAY)}"
    waiting = await deliveries.count(OPEN, condition)
    oldest = await deliveries.oldest_start(OPEN, condition) if waiting else None
    return {
        "integration": name,
        **await integration_control.state(deliveries.client, deliveries.task_queue, name),
        "waiting": _limited(waiting),
        "oldest": iso(oldest),
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
            total += await outputs.refused_at(name, one)
        else:
            total += one.typed_search_attributes.get(REJECTED) or 0
        if total > _MOST:
            break
    return _limited(total)


def _limited(count: int) -> int | str:
    return count if count <= _MOST else f">{_MOST}"
