"""`make bench`: every comparison, its rounds alternating, as a table and as JSON."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.machine import machine
from benchmarks.measures import alone, batches, gateways, singles, stored
from benchmarks.measures.figures import Figure, Measure
from benchmarks.options import FULL, SMOKE, Sizes
from benchmarks.processes import BenchmarkError

MEASURES = [
    *alone.MEASURES,
    *batches.MEASURES,
    *singles.MEASURES,
    *gateways.MEASURES,
    *stored.MEASURES,
]
NAMES = [name for measure in MEASURES for name in measure.names]

_RESULTS = Path(__file__).with_name("results.json")
_INTERRUPTED = 130
_WIDTH = 110
"""Characters, where there is no terminal."""


async def measure(measures: Sequence[Measure], sizes: Sizes) -> dict[str, Figure]:
    """Run comparisons one after the other; returns their figures by name."""
    running = asyncio.current_task()
    assert running  # noqa: S101  # this one
    # Ended like this, the parts are ended too.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    figures: dict[str, Figure] = {}
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with progress:
        async with machine() as parts:
            for one in measures:
                bar = progress.add_task(", ".join(one.names), total=one.steps(sizes))
                found = await one.run(parts, sizes, partial(progress.advance, bar))
                figures |= {figure.name: figure for figure in found}
    return figures


def main() -> int:
    """Read the command line, measure, and show; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--smoke", action="store_true", help="tiny: whether it runs, not how fast")
    parser.add_argument("--output", type=Path, help=f"default: {_RESULTS.name}, of all")
    asked = parser.parse_args()
    sizes = SMOKE if asked.smoke else FULL
    chosen = [one for one in MEASURES if not asked.only or set(asked.only) & set(one.names)]
    try:
        figures = asyncio.run(measure(chosen, sizes))
    except BenchmarkError as error:
        print(error, file=sys.stderr)  # noqa: T201  # for a person
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    console.print(report.table(figures))
    if times := report.headroom(figures):
        ours, other = times["ours"], times["other"]
        console.print(f"The stand-in takes {ours} times what ours sent, {other} times the SDK's.")
    if output := asked.output or (None if asked.smoke or asked.only else _RESULTS):
        report.write(report.results(figures, sizes), output)
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Without Python's own end, where the SDK's threads sometimes crash a process.
    os._exit(status)
