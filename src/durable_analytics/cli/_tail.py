"""`durable-analytics tail`: deliveries as they close."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from temporalio.client import WorkflowExecution

from durable_analytics.cli._integrations import integrations_of
from durable_analytics.cli._names import integration_name
from durable_analytics.cli._output import iso
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._times import time_or_ago
from durable_analytics.errors import UnreadablePayload, shorten
from durable_analytics.redrive.failures import UNREADABLE
from durable_analytics.temporal.histories import read_output
from durable_analytics.temporal.visibility import FAILED, Deliveries, at, quoted
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.shown_text import printable

_POLL_SECONDS = 1.0
_OVERLAP = timedelta(seconds=10)
"""Temporal lists an execution a moment after it has closed."""


def tail(
    *,
    integration: Annotated[
        str | None,
        typer.Option(parser=integration_name, metavar="NAME", help="Only of this integration."),
    ] = None,
    method: Annotated[str | None, typer.Option(help='Only of this method, or "batch".')] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only failed ones.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=time_or_ago,
            metavar="TIME",
            help="Begin at a time, or a duration ago. Default: now.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object a line.")] = False,
) -> None:
    """Show deliveries as they close: time, integration, method, event, outcome, attempts.

    Ctrl-C ends it.
    """
    if method is not None and method not in (*METHODS, BATCH.key):
        raise typer.BadParameter(f"--method must be one of {', '.join((*METHODS, BATCH.key))}")
    begin = since or datetime.now(UTC)
    workflow = f"WorkflowType = {quoted(method.capitalize())}" if method else ""
    with suppress(KeyboardInterrupt):
        asyncio.run(_tail(integration, [workflow, FAILED if failed else ""], begin, limit, as_json))


async def _tail(
    integration: str | None,
    conditions: list[str],
    begin: datetime,
    limit: int | None,
    as_json: bool,
) -> None:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    if integration:
        conditions = [*conditions, deliveries.of_integration(integration)]
    count = 0
    async for execution in _closed(deliveries, conditions, begin):
        described = await _described(deliveries, execution)
        sys.stdout.write((json.dumps(described) if as_json else _line(described)) + "\n")
        sys.stdout.flush()
        count += 1
        if count == limit:
            return


async def _closed(
    deliveries: Deliveries, conditions: list[str], begin: datetime
) -> AsyncIterator[WorkflowExecution]:
    """Yield executions in the order in which they closed, each once."""
    seen: dict[str, datetime] = {}
    start = latest = begin
    while True:
        query = [f"CloseTime >= {at(start)}", *conditions]
        found = [
            one
            async for one in deliveries.executions(*query)
            if one.close_time and one.run_id not in seen
        ]
        for one in sorted(found, key=lambda one: one.close_time or begin):
            seen[one.run_id] = latest = one.close_time or begin
            yield one
        start = max(begin, latest - _OVERLAP)
        seen = {run_id: time for run_id, time in seen.items() if time >= start}
        await asyncio.sleep(_POLL_SECONDS)


async def _described(deliveries: Deliveries, execution: WorkflowExecution) -> JsonObject:
    method = execution.workflow_type.lower()
    try:
        output = await read_output(deliveries.client, execution)
    except UnreadablePayload as error:
        output = {"error": {"type": UNREADABLE, "message": str(error)}}
    of_each: JsonObject = output.get("deliveries") or {"": output}
    message: JsonObject = next((one[method] for one in of_each.values() if one.get(method)), {})
    attempts = output.get("attempts") or []
    event = message.get("event") or message.get("name") or message.get("key")
    integration = output.get("integration") or ", ".join(of_each)
    if not integration:
        names = await integrations_of(deliveries.client, deliveries.task_queue, execution)
        integration = ", ".join(names) or None
    return {
        "closed_at": iso(execution.close_time),
        "integration": integration,
        "method": method,
        "event": shorten(event) if isinstance(event, str) else event,
        "outcome": _outcome(execution, output),
        "attempts": attempts[-1]["attempt"] if attempts else None,
        "workflow_id": execution.id,
    }


def _outcome(execution: WorkflowExecution, output: JsonObject) -> str:
    """Return like "success", "Unauthorized" or "partial, 2 of 120 refused"."""
    if error := output.get("error"):
        return str(error["type"])
    status = output.get("status")
    if status is None:
        return execution.status.name.lower() if execution.status else "unknown"
    if rejected := output.get("rejected"):
        return f"{status}, {len(rejected)} of {len(rejected) + output['accepted']} refused"
    return str(status)


def _line(described: JsonObject) -> str:
    attempts = described["attempts"]
    suffix = f" after {attempts} attempts" if attempts and attempts > 1 else ""
    columns = [
        described["closed_at"],
        f"{described['integration'] or '-':12}",
        f"{described['method']:8}",
        f"{described['event'] or '-'!s:20}",
        f"{described['outcome']}{suffix}",
    ]
    return printable("  ".join(columns))
