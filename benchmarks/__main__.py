"""`make bench`: run the comparisons, and report them as a table and as JSON.

A comparison that fails does not stop the others: its rows hold the reason. So do the rows of those
for which no time is left. The JSON is written again after each comparison.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import report
from benchmarks.measures import batches, gateways, history_sizes, singles, standin_capacity
from benchmarks.measures.figures import Advance, FailedFigure, Measure, Row
from benchmarks.options import FULL, SMOKE, Sizes
from benchmarks.processes import BenchmarkError
from benchmarks.testbed import Testbed, start_testbed
from durable_analytics.temporal.interpreter_end import exit_process

MEASURES = [
    *standin_capacity.MEASURES,
    *batches.MEASURES,
    *gateways.MEASURES,
    *singles.MEASURES,
    *history_sizes.MEASURES,
]
ALL = [*MEASURES, *batches.MILLION]
NAMES = [name for measure in ALL for name in measure.names]

_FOLDER = Path(__file__).parent
_INTERRUPTED = 130
_WIDTH_WITHOUT_TERMINAL = 130


async def run_measures(
    measures: Sequence[Measure], sizes: Sizes, output: Path | None, rows: dict[str, Row]
) -> None:
    """Run comparisons one after the other.

    Args:
        measures: The comparisons.
        sizes: How much they measure.
        output: Written again after each comparison.
        rows: Receives the results by name, as they come.
    """
    current = asyncio.current_task()
    assert current  # noqa: S101  # a coroutine runs in a task
    # SIGTERM cancels, so that the processes of the testbed end too.
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, current.cancel)
    deadline = loop.time() + sizes.seconds
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    remaining = list(measures)
    with progress:
        while remaining:
            # After a failure, the next comparison has new processes.
            async with start_testbed() as testbed:
                failed = False
                while remaining and not failed:
                    measure = remaining.pop(0)
                    total = measure.count_steps(sizes)
                    bar = progress.add_task(", ".join(measure.names), total=total)
                    seconds = min(sizes.measure_seconds, deadline - loop.time())
                    found = await _run_measure(
                        measure, testbed, sizes, partial(progress.advance, bar), seconds
                    )
                    rows.update({row.name: row for row in found})
                    failed = any(isinstance(row, FailedFigure) for row in found)
                    if output:
                        report.write_results(rows, sizes, output)


async def _run_measure(
    measure: Measure, testbed: Testbed, sizes: Sizes, advance: Advance, seconds: float
) -> Sequence[Row]:
    try:
        async with asyncio.timeout(seconds) as limit:
            await testbed.reset()
            return await measure.run(testbed, sizes, advance)
    except Exception as error:  # noqa: BLE001  # whatever fails costs only its own rows
        reason = str(error) or type(error).__name__
        if limit.expired():
            reason = f"no result within {seconds:.0f} s" if seconds > 0 else "no time was left"
        print(getattr(error, "log", "") or reason, file=sys.stderr)  # noqa: T201  # for a person
        return [FailedFigure(name, reason) for name in measure.names]


def main() -> int:
    """Read the command line, run the comparisons and report them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: tests that it runs")
    parser.add_argument("--million", action="store_true", help="a million messages, and no others")
    parser.add_argument(
        "--output",
        type=Path,
        help="default: results.json or million.json, unless --only or --smoke is given",
    )
    options = parser.parse_args()
    sizes = SMOKE if options.smoke else FULL
    if options.million:
        sizes = replace(sizes, measure_seconds=sizes.seconds)
    output = options.output
    if not (output or options.smoke or options.only):
        output = _FOLDER / ("million.json" if options.million else "results.json")
    chosen = batches.MILLION if options.million else ALL if options.smoke else MEASURES
    if options.only:
        chosen = [measure for measure in ALL if set(options.only) & set(measure.names)]
    rows: dict[str, Row] = {}
    try:
        asyncio.run(run_measures(chosen, sizes, output, rows))
        status = int(any(isinstance(row, FailedFigure) for row in rows.values()))
    except BenchmarkError as error:
        print(error, file=sys.stderr)  # noqa: T201  # for a person
        status = 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        status = _INTERRUPTED
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH_WITHOUT_TERMINAL)
    console.print(report.make_table(rows))
    if headroom := report.calculate_headroom(rows):
        console.print(
            f"The stand-in can take {headroom['ours']} times the messages of ours, and "
            f"{headroom['other']} times those of the SDK."
        )
    return status


if __name__ == "__main__":
    exit_process(main())
