"""`durable-analytics status`: what waits and what failed, a row for each integration."""

import asyncio
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.cli._left_held import LeftHeld, find_left_held
from durable_analytics.cli._output import JsonOption, age, print_json, print_line, print_table
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.errors import shorten
from durable_analytics.settings.sources import configured_names, configured_value
from durable_analytics.temporal.integration_status import IntegrationStatus, integration_statuses
from durable_analytics.temporal.pollers import RECENT, WORKFLOWS, last_polls
from durable_analytics.temporal.visibility import Deliveries
from durable_analytics.wire.search_attributes import REJECTED


def status(*, as_json: JsonOption = False) -> None:
    """Show what waits, and what failed in the last day, for each integration.

    Waiting are open executions. Failed are executions of which nothing was accepted; refused are
    the refused messages of batches of which the others were accepted, and what failed at this
    integration of a fan-out that others got.
    """
    rows, left_held, can_count_refused, is_polled = asyncio.run(_status())
    if as_json:
        print_json(rows)
        return
    columns = ("INTEGRATION", "STATE", ">WAITING", ">OLDEST", ">FAILED", ">REFUSED", "WHY")
    print_table(columns, [_cells(row) for row in rows])
    if not rows:
        print_line("no integration is configured here, and Temporal has no deliveries")
    if not is_polled:
        seconds = int(RECENT.total_seconds())
        print_line(f"No worker has polled for {seconds} s, so nothing is delivered. Task queue:")
        print_line(f"  {configured_task_queue()}")
    for reason, command in left_held:
        print_line(f"{reason}:")
        print_line(f"  {command}")
    if not can_count_refused:
        print_line("Search attributes are missing: `durable-analytics setup` registers them.")


def _cells(row: IntegrationStatus) -> list[object]:
    reason = _why(row) if row["by"] else None
    oldest = datetime.fromisoformat(row["oldest"]) if row["oldest"] else None
    refused = "?" if row["refused"] is None else row["refused"]
    return [
        *(row["integration"], row["state"], row["waiting"], age(oldest)),
        *(row["failed"], refused, reason),
    ]


def _why(row: IntegrationStatus) -> str:
    """Return by whom an integration is paused, for how long, until when and why."""
    since = f" for {age(datetime.fromisoformat(row['since']))}" if row["since"] else ""
    until = "resume"
    if row["until"]:
        # Without milliseconds it fits into one line of the column.
        until = datetime.fromisoformat(row["until"]).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"by {row['by']}{since}, until {until}: {row['reason']}"


async def _status() -> tuple[list[IntegrationStatus], list[LeftHeld], bool, bool]:
    """Read the status.

    Returns:
        The rows, what is held although nothing pauses it, whether refused messages can be counted,
        and whether a worker polls.
    """
    client = await connect_client()
    deliveries = await Deliveries.find(client, configured_task_queue())
    configured = configured_names("integrations")
    default = configured_value("default_integration")
    if default is None and len(configured) == 1:
        default = configured[0]
    rows = await integration_statuses(deliveries, configured, default)
    for row in rows:
        row["integration"] = shorten(row["integration"])
    names = [row["integration"] for row in rows]
    found = await asyncio.gather(
        *(find_left_held(client, configured_task_queue(), name) for name in names)
    )
    left_held = [one for one in found if one]
    return rows, left_held, deliveries.has(REJECTED.name), await _is_polled(client)


async def _is_polled(client: Client) -> bool:
    try:
        polls = await last_polls(client, configured_task_queue(), kinds=(WORKFLOWS,))
    except RPCError:
        return True  # nobody knows; the rows are right all the same
    return any(datetime.now(UTC) - at < RECENT for at in polls.values())
