"""`python -m tests.chaos`: runs one seed after the other, and reports the figures as JSON."""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from durable_analytics.temporal.interpreter_end import exit_process
from tests.chaos.report import HEADER, Figures, problems, row
from tests.chaos.run import run


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def arguments_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=120.0, help="how long the load lasts")
    parser.add_argument("--faults", type=int, help="how many; each kind once by default")
    parser.add_argument("--output", type=Path, default=Path("chaos.json"))
    parser.add_argument("--logs", type=Path, help="a folder that keeps the logs")
    return parser


def main() -> int:
    """Run the seeds; the exit status is 1 if one of them breaks the budget."""
    arguments = arguments_parser().parse_args()
    runs: list[Figures] = []
    for seed in arguments.seed:
        _say(f"seed {seed}, {arguments.seconds:g} s")
        with tempfile.TemporaryDirectory() as temporary:
            folder = (arguments.logs or Path(temporary)) / f"seed-{seed}"
            folder.mkdir(parents=True)
            chaos = run(seed, arguments.seconds, folder, _say, count=arguments.faults)
            runs.append(asyncio.run(chaos))
        arguments.output.write_text(json.dumps({"runs": runs}, indent=2) + "\n")
    _say("\n".join([HEADER, *map(row, runs)]))
    broken = [f"seed {one['seed']}: {problem}" for one in runs for problem in problems(one)]
    _say("\n".join(broken) or "the budget is kept")
    return 1 if broken else 0


if __name__ == "__main__":
    exit_process(main())
