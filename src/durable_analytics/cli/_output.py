"""What the commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from durable_analytics.wire.shown_text import printable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option of every listing."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def print_line(text: str = "") -> None:
    """Print one line; control characters of a provider or a caller are escaped."""
    sys.stdout.write(printable(text) + "\n")


def print_json(value: Any) -> None:
    """Print a JSON value."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, as wide as the terminal, or 80 columns off a terminal.

    Args:
        columns: The titles; one that begins with ">" is aligned to the right.
        rows: The values; None is an empty cell.
    """
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in columns:
        justify = "right" if title.startswith(">") else "left"
        table.add_column(title.removeprefix(">"), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    Console(highlight=False, soft_wrap=False).print(table)


def age(time: datetime | None) -> str | None:
    """Return how long ago a time was, in its largest unit, like "3h"; None for None."""
    if time is None:
        return None
    return short_duration(datetime.now(UTC) - time)


def short_duration(duration: timedelta) -> str:
    """Return a duration in its largest unit, rounded down.

    >>> short_duration(timedelta(minutes=150))
    '2h'
    """
    seconds = int(duration.total_seconds())
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return "0s"


def iso(time: datetime | None) -> str | None:
    """Return a time in ISO 8601 and UTC, to the millisecond; None for None.

    >>> iso(datetime(2026, 1, 31, 9, 30, tzinfo=UTC))
    '2026-01-31T09:30:00.000Z'
    """
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
