"""`durable-analytics failed`: list what failed, explain it, send it again."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError

from durable_analytics.cli._errors import describe_rpc_error
from durable_analytics.cli._names import integration_name, unicode_text, unknown_integration
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.cli._times import time_or_ago
from durable_analytics.errors import (
    DELIVERY_ERRORS,
    AnalyticsError,
    NotAccepted,
    SettingsError,
    UnreadablePayload,
)
from durable_analytics.redrive.explained import explain_failed
from durable_analytics.redrive.failures import UNREADABLE, list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.redrive import Options, Redrive, Report
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS
from durable_analytics.wire.shown_text import printable

failed_app = typer.Typer(
    name="failed",
    help="Failed deliveries: failed executions, and the refused messages of batches.",
    no_args_is_help=True,
)

_FAILED, _WRONG_USE = 1, 2

T = TypeVar("T")


def _method(text: str) -> str:
    names = [*METHODS, BATCH.key]
    if text.lower() not in names:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(names)}")
    return text.lower()


def _failure_type(text: str) -> str:
    """Return the name of a failure type; a mistyped one would find nothing, as if all were well."""
    by_lower = {name.lower(): name for name in DELIVERY_ERRORS}
    if text.lower() not in by_lower:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(DELIVERY_ERRORS)}")
    return by_lower[text.lower()]


Integration = Annotated[
    str | None, typer.Option(parser=integration_name, metavar="NAME", help="Only this integration.")
]
MethodName = Annotated[
    str | None, typer.Option(parser=_method, metavar="NAME", help='Like "track" or "batch".')
]
FailureType = Annotated[
    str | None,
    typer.Option(
        "--type",
        parser=_failure_type,
        metavar="TYPE",
        help='The failure type, like "Unauthorized".',
    ),
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=time_or_ago, metavar="TIME", help="ISO 8601, or how long ago: PT24H, 24h."),
]
Until = Annotated[
    datetime | None, typer.Option(parser=time_or_ago, metavar="TIME", help="As for --since.")
]


@failed_app.command("list")
def list_command(
    *,
    integration: Integration = None,
    method: MethodName = None,
    failure_type: FailureType = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """List failed executions, and the refused messages of partial batches."""
    filters = Filters(
        integration=integration, method=method, type=failure_type, since=since, until=until
    )

    async def rows(client: Client, task_queue: str) -> list[JsonObject]:
        found: list[JsonObject] = []
        async for failed in list_failed(client, filters, task_queue):
            found.append(failed.as_json())
            if len(found) == limit:
                break
        return found

    listed = _run(rows)
    if as_json:
        print_json(listed)
    else:
        _print_rows(listed)
    unreadable = [row["message"] for row in listed if row["type"] == UNREADABLE]
    if unreadable:
        _exit(f"{len(unreadable)} of them cannot be read: {unreadable[0]}", _WRONG_USE)


def _print_rows(rows: list[JsonObject]) -> None:
    """Print two lines a row: a workflow id is on a line of its own, so that it can be copied."""
    for row in rows:
        what = f"{row['messages']} messages" if row["messages"] != 1 else "1 message"
        print_line(
            f"{row['closed_at'][:19]}Z  {row['method']}  {row['integration'] or '-'}  "
            f"{row['type']}  {what}"
        )
        print_line(f"  {row['workflow_id']}")
    if not rows:
        typer.echo("nothing failed")


@failed_app.command("show")
def show_command(
    workflow_id: Annotated[str, typer.Argument(parser=unicode_text, metavar="ID")],
    as_json: JsonOption = False,
) -> None:
    """Show one failed delivery: its input, its attempts, and the provider's last response.

    Of a fan-out, those of each integration at which it failed.
    """

    async def explain(client: Client, task_queue: str) -> JsonObject | None:
        return await explain_failed(client, workflow_id, task_queue)

    shown = _run(explain)
    if shown is None:
        _exit(f"no failed delivery has the workflow id {workflow_id}", _FAILED)
    if as_json:
        print_json(shown)
    else:
        for number, one in enumerate([shown, *shown.pop("others", [])]):
            if number:
                typer.echo()
            _print_failed(one)
    if shown["type"] == UNREADABLE:
        _exit(shown["message"], _WRONG_USE)


def _print_failed(shown: JsonObject) -> None:
    for key, value in shown.items():
        if isinstance(value, (dict, list)):
            typer.echo(f"{key}:")
            Console(soft_wrap=True).print_json(json.dumps(value))
        else:
            print_line(f"{key}: {'-' if value is None else value}")


@failed_app.command("redrive")
def redrive_command(
    workflow_ids: Annotated[
        list[str] | None,
        typer.Argument(parser=unicode_text, metavar="[ID]...", help="Only these workflow ids."),
    ] = None,
    *,
    integration: Integration = None,
    method: MethodName = None,
    failure_type: FailureType = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The most failed deliveries.")] = None,
    to: Annotated[
        str | None,
        typer.Option(
            parser=integration_name, metavar="NAME", help="Send them to this integration."
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="Messages a second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send failed messages again, with their first id and timestamp.

    What has been delivered since is skipped: running it twice delivers once.
    """
    filters = Filters(
        integration=integration,
        method=method,
        type=failure_type,
        since=since,
        until=until,
        workflow_ids=tuple(workflow_ids or ()),
    )
    options = Options(to=to, rate=rate, limit=limit)
    if to is not None:
        _check_integration(to)
    if not (yes or dry_run or _is_terminal()):
        _exit("add --yes to send the messages again, or --dry-run to count them", _WRONG_USE)
    if dry_run or not yes:
        preview = _redrive(filters, options, dry_run=True)
        if dry_run:
            _report(preview, as_json=as_json)
            return
        count = preview.selected - preview.skipped - preview.failed
        if not typer.confirm(f"Send {count} messages again?", err=True):
            raise typer.Exit(_FAILED)
    report = _redrive(filters, options, dry_run=False)
    _report(report, as_json=as_json)
    if report.failed:
        raise typer.Exit(_FAILED)


def _check_integration(name: str) -> None:
    try:
        reason = unknown_integration(name)
    except SettingsError as error:
        _exit(str(error), _WRONG_USE)
    if reason:
        _exit(f"--to {name}: {reason}", _WRONG_USE)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _redrive(filters: Filters, options: Options, *, dry_run: bool) -> Report:
    async def redrive(client: Client, task_queue: str) -> Report:
        with _progress() as on_progress:
            redrive = Redrive(client, task_queue, filters, options, on_progress)
            return await (redrive.preview() if dry_run else redrive.run())

    report = _run(redrive)
    if filters.workflow_ids and not report.selected:
        _exit("no failed delivery has one of these workflow ids", _FAILED)
    return report


@contextmanager
def _progress() -> Iterator[Callable[[Report], None]]:
    """Show a bar on a terminal; it disappears at the end."""
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=None)

        def show(report: Report) -> None:
            done = report.redriven + report.skipped + report.failed
            text = f"{done} of {report.selected} messages"
            progress.update(task, completed=done, total=report.selected, description=text)

        yield show


def _report(report: Report, *, as_json: bool) -> None:
    if report.reason:
        typer.echo(f"the first that failed: {printable(report.reason)}", err=True)
    if as_json:
        print_json(report.as_json())
        return
    typer.echo(
        f"selected {report.selected}, redriven {report.redriven}, "
        f"skipped {report.skipped}, failed {report.failed}"
    )
    if report.dry_run:
        count = report.selected - report.skipped - report.failed
        typer.echo(f"dry run: {count} would be sent again")


@cache
def _quiet_runtime() -> Runtime:
    """Return a runtime whose warnings, of large memos, do not disturb the output."""
    return Runtime(
        telemetry=TelemetryConfig(logging=LoggingConfig(TelemetryFilter("ERROR", "ERROR")))
    )


def _run(work: Callable[[Client, str], Coroutine[Any, Any, T]]) -> T:
    """Run a command with a connection and the task queue; an error is one line."""

    async def connected() -> T:
        task_queue = configured_task_queue()
        return await work(await connect_client(_quiet_runtime()), task_queue)

    try:
        return asyncio.run(connected())
    except (SettingsError, NotAccepted, UnreadablePayload) as error:
        _exit(str(error), _WRONG_USE)
    except RPCError as error:
        _exit(describe_rpc_error(error), _WRONG_USE)
    except AnalyticsError as error:
        _exit(str(error), _FAILED)


def _exit(message: str, status: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(status)
