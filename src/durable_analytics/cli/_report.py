"""`durable-analytics report`: how many messages each integration got, and how they ended."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from durable_analytics.cli._message_report import (
    CURRENT_STAGES,
    PERCENTILES,
    UNREADABLE_STAGE,
    Row,
    Rows,
    count_executions,
    total,
)
from durable_analytics.cli._output import JsonOption, iso, print_json, print_line, print_table
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._times import time_or_ago
from durable_analytics.cli._unreadable import UnreadableExecutions, warn
from durable_analytics.temporal.visibility import Deliveries

_DEFAULT_PERIOD = timedelta(hours=24)

_MINUTE = 60
_HOUR = 3600


def report(
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=time_or_ago,
            metavar="TIME",
            help="Count executions that started since a time, or a duration ago. Default: 24h.",
        ),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=time_or_ago,
            metavar="TIME",
            help="Count those that started until this time, or this duration ago. Default: now.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many messages were received, and how they ended, for each integration.

    The number of received messages is the sum of those that are refused, filtered, waiting,
    delivered, failed and unreadable. The times run from acceptance to delivery.
    """
    now = datetime.now(UTC)
    begin = since or now - _DEFAULT_PERIOD
    end = until or now
    if begin >= end:
        raise typer.BadParameter(
            f"{iso(begin)} is not before the end of the period, {iso(end)}; "
            "a duration is counted back from now",
            param_hint="'--since'",
        )
    unreadable = UnreadableExecutions()
    rows = asyncio.run(_count(begin, end, unreadable))
    if unreadable.count:
        warn(unreadable.describe("only the status is counted"))
    summed = total(rows.values())
    if as_json:
        print_json(
            {
                "since": iso(begin),
                "until": iso(end),
                "integrations": [
                    {"integration": name, **row.as_json()} for name, row in rows.items()
                ],
                "total": summed.as_json(),
            }
        )
        return
    print_line(f"Messages since {iso(begin)}")
    printed = [*rows.items(), ("total", summed)]
    _print_counts(printed)
    _print_times(printed)
    _print_reasons(rows)


async def _count(begin: datetime, end: datetime, unreadable: UnreadableExecutions) -> Rows:
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    return await count_executions(deliveries, begin, end, unreadable)


def _print_counts(rows: Sequence[tuple[str, Row]]) -> None:
    has_unreadable = any(row.by_stage[UNREADABLE_STAGE] for _, row in rows)
    stages = [one for one in CURRENT_STAGES if has_unreadable or one != UNREADABLE_STAGE]
    columns = ("INTEGRATION", ">RECEIVED", *(f">{stage.upper()}" for stage in stages))
    print_table(
        columns,
        [[name, row.received, *(row.by_stage[stage] for stage in stages)] for name, row in rows],
    )


def _print_times(rows: Sequence[tuple[str, Row]]) -> None:
    times = [
        [name, *(_format_seconds(row.percentile(percent)) for percent in PERCENTILES)]
        for name, row in rows
        if row.times
    ]
    if times:
        print_line()
        print_table(("DELIVERED WITHIN", *(f">{percent} %" for percent in PERCENTILES)), times)


def _print_reasons(rows: Rows) -> None:
    reasons = [
        (name, stage, reason, count)
        for name, row in rows.items()
        for (stage, reason), count in row.reasons.most_common()
    ]
    if reasons:
        print_line()
        print_table(("INTEGRATION", "STAGE", "REASON", ">MESSAGES"), reasons)


def _format_seconds(seconds: float | None) -> str | None:
    """Return a duration as text, like "0.142 s", "12.4 s", "3.5 min" or "2.1 h"."""
    if seconds is None:
        return None
    if seconds < 1:
        return f"{seconds:.3f} s"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.1f} min"
    return f"{seconds / _HOUR:.1f} h"
