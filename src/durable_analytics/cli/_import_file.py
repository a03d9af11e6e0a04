"""`durable-analytics import`: delivers the rows of a file."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from durable_analytics.cli._errors import CommandFailed
from durable_analytics.cli._names import integration_name, unknown_integration
from durable_analytics.cli._output import JsonOption, print_json, print_line
from durable_analytics.cli._session import configured_task_queue, connect_client
from durable_analytics.client.checks import input_options
from durable_analytics.errors import UnknownIntegration, ValidationError
from durable_analytics.file_import.columns import Columns
from durable_analytics.file_import.importer import Importer, Report, file_id
from durable_analytics.file_import.messages import MessageBuilder, RefusedRow
from durable_analytics.file_import.rows import FileError
from durable_analytics.file_import.source import FORMATS, Source
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS

_MOST_SHOWN = 10
"""Refused rows that are printed, each for another reason; `--json` has more, `--refused` all."""


def import_file(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="NDJSON, CSV, TSV or Parquet; also .gz, .zst.")
    ],
    *,
    integration: Annotated[
        str,
        typer.Option(
            parser=integration_name, metavar="NAME", help="The integration to deliver to."
        ),
    ],
    method: Annotated[
        str | None, typer.Option(help='The method of rows without a "type", like "track".')
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=FIELD",
            help="The field of a column, like plan=properties.plan; plan= leaves it out.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of a CSV file that is text, like zip codes."),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        str | None, typer.Option(help="ndjson, csv, tsv or parquet. Default: by the name.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Messages a second, on average.")
    ] = None,
    strict: Annotated[
        bool, typer.Option(help="Refuse what breaks the contract, or only what the provider would.")
    ] = True,
    refused: Annotated[
        Path | None, typer.Option(help="Write each refused row to this file, as NDJSON.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the rows.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Deliver each row of a file as a message.

    A column's name is a field of the message, like user_id or properties.plan; the column type is
    the method. The same command goes on after a stop, and sends nothing twice while Temporal keeps
    the executions: the id of each message follows from the content of the file and its row.
    """
    if method is not None and method not in METHODS:
        raise typer.BadParameter(f"--method must be one of {', '.join(METHODS)}")
    if format is not None and format not in FORMATS:
        raise typer.BadParameter(f"--format must be one of {', '.join(FORMATS)}")
    if reason := unknown_integration(integration):
        raise typer.BadParameter(f"--integration {integration}: {reason}")
    if refused and refused.exists() and file.exists() and refused.samefile(file):
        raise typer.BadParameter("--refused must name another file than FILE, which it would empty")
    paths = _paths(mapping or [])
    columns = Columns(paths, text or [], method)
    try:
        options = input_options(integration=integration, strict=strict)
    except ValidationError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        source = Source(file, format)
    except FileError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        with closing(source), _writer(refused) as write:
            _check_columns(source, {"--map": [*paths], "--text": text or []})
            builder = MessageBuilder(columns, file_id(source.digest()), strict=strict)
            report = asyncio.run(
                _run(source, options, builder, rate=rate, dry_run=dry_run, on_refused=write)
            )
    except KeyboardInterrupt:
        raise CommandFailed(
            "stopped; what was started goes on, and the same command continues the import"
        ) from None
    except UnknownIntegration as error:  # there are no settings here; those of the workers tell
        raise typer.BadParameter(f"--integration {integration}: {error}") from None
    place = "row" if source.format == "parquet" else "line"
    _print(report, place, as_json=as_json, dry_run=dry_run)
    if report.stopped:
        raise CommandFailed(report.stopped)
    if report.refused:
        raise typer.Exit(1)


def _paths(mapping: list[str]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for text in mapping:
        column, equals, path = text.partition("=")
        if not column or not equals or (path and not all(path.split("."))):
            raise typer.BadParameter(
                f"--map {text}: must be a column and a field, like plan=properties.plan"
            )
        paths[column] = path
    return paths


def _check_columns(source: Source, names: Mapping[str, list[str]]) -> None:
    """Refuse an option for a column that the file does not have, before anything is sent."""
    columns = source.columns() if any(names.values()) else None
    for option, wanted in names.items():
        for name in wanted:
            if columns is not None and name not in columns:
                raise typer.BadParameter(
                    f"{option} {name}: the file has no such column; it has {', '.join(columns)}"
                )


async def _run(
    source: Source,
    options: JsonObject,
    builder: MessageBuilder,
    *,
    rate: float | None,
    dry_run: bool,
    on_refused: Callable[[RefusedRow], None],
) -> Report:
    client = None if dry_run else await connect_client()
    with _progress(source) as on_progress:
        importer = Importer(
            client,
            configured_task_queue(),
            options,
            builder,
            rate=None if dry_run else rate,
            on_refused=on_refused,
            on_progress=on_progress,
        )
        return await importer.run(source.rows())


@contextmanager
def _progress(source: Source) -> Iterator[Callable[[Report], None]]:
    """Show a bar on a terminal; it disappears at the end."""
    columns = (
        *(BarColumn(), TaskProgressColumn(), TextColumn("{task.description}")),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=source.size)

        def show(report: Report) -> None:
            text = f"{report.delivered} delivered, {report.refused} refused"
            progress.update(task, completed=source.position, description=text)

        yield show


@contextmanager
def _writer(path: Path | None) -> Iterator[Callable[[RefusedRow], None]]:
    """Write refused rows to a file, if one is named."""
    if path is None:
        yield lambda _: None
        return
    try:
        file: IO[Any] = path.open("wb")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from None

    def write(row: RefusedRow) -> None:
        file.write(to_json(row.as_json()) + b"\n")

    with file:
        yield write


def _print(report: Report, place: str, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json({**report.as_json(), "dry_run": dry_run})
        return
    delivered = "would be delivered" if dry_run else "delivered"
    parts = [f"{report.rows} rows: {report.delivered} {delivered}"]
    if report.filtered:
        parts.append(f"{report.filtered} filtered")
    print_line(", ".join([*parts, f"{report.refused} refused"]))
    first_of_reason: dict[tuple[str, str], int] = {}
    for error in report.errors_by_line:
        first_of_reason.setdefault((error.type, error.message), error.line)
    shown = list(first_of_reason.items())[:_MOST_SHOWN]
    for (kind, message), line in shown:
        print_line(f"{place} {line}: {kind}: {message}")
    if more := report.refused - len(shown):
        print_line(f"and {more} more: --refused FILE writes all of them")
