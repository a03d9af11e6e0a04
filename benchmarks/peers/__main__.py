"""`make bench-peers`: messages through other durable systems, with the same stand-in and messages.

Each system has one worker process, and delivers each message by itself, or batches of 1,000. One
round more measures what is lost and what is sent twice if the worker is killed in the middle. A
system that is missing or fails has its reason in peers.json.
"""

import argparse
import ast
import asyncio
import itertools
import json
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measures.figures import sum_own_cpu, to_four_digits
from benchmarks.options import PROVIDER_SECONDS
from benchmarks.peers.systems import PEERS, Peer, System
from benchmarks.processes import RunningProcess, clean_environment, run_process
from benchmarks.report import describe_machine, write_json
from durable_analytics.temporal.interpreter_end import exit_process

BATCH = 1_000
SHAPES = {"single": 1, "batch": BATCH}
DELAYS = {"at_once": 0.0, "after_20_ms": PROVIDER_SECONDS}

_OUTPUT = Path(__file__).parents[1] / "peers.json"
_INTERRUPTED = 130
_POLL_SECONDS = 0.05
_WARM_UP_LISTS = 4
_SEEDS = itertools.count()
"""Each round sends different messages."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    rounds: int
    messages: dict[str, int]
    """Messages of a round, by shape."""

    seconds: float
    """How long everything may take together."""

    cell_seconds: float
    """How long all rounds of one system and shape may take, and how long its kill."""

    quiet_seconds: float
    """After a kill: how long nothing arrives until nothing more is expected."""

    patience_seconds: float
    """The same while messages are missing."""


FULL = Sizes(
    rounds=3,
    messages={"single": 600, "batch": 20_000},
    seconds=1_800,
    cell_seconds=300,
    quiet_seconds=20,
    patience_seconds=60,
)
SMOKE = Sizes(
    rounds=1,
    messages={"single": 20, "batch": 2_000},
    seconds=600,
    cell_seconds=90,
    quiet_seconds=1,
    patience_seconds=25,
)


async def run_peers(peers: Sequence[Peer], sizes: Sizes, output: Path | None) -> dict[str, Any]:
    """Measure systems one after the other.

    Args:
        peers: The systems.
        sizes: How much is measured.
        output: Written again after each figure.

    Returns:
        By system and shape: the figures by delay, `killed`, and `program_lines`; or an `error`.
    """
    current = asyncio.current_task()
    assert current  # noqa: S101  # a coroutine runs in a task
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, current.cancel)
    deadline = loop.time() + sizes.seconds
    results: dict[str, Any] = {}
    for peer in peers:
        for shape in SHAPES:
            row = results[f"{peer.name}_{shape}"] = {"program_lines": count_lines(peer)}
            async for name, value in _measure(peer, shape, sizes, deadline):
                row[name] = value
                print(f"{peer.name}, {shape}, {name}: {value}", file=sys.stderr)  # noqa: T201
                if output:
                    write_json({**results, "about": describe_machine(sizes)}, output)
    return results


async def _measure(
    peer: Peer, shape: str, sizes: Sizes, deadline: float
) -> AsyncIterator[tuple[str, Any]]:
    """Yield the figures of one system and shape as they come."""
    for names, measure in ((tuple(DELAYS), _measure_rates), (("killed",), _measure_kill)):
        seconds = min(sizes.cell_seconds, deadline - asyncio.get_running_loop().time())
        found: dict[str, Any] = {}
        error = await _run_within(seconds, measure(peer, shape, sizes, found))
        for name in names:
            yield name, found.get(name, error)


async def _run_within(seconds: float, work: Coroutine[Any, Any, None]) -> dict[str, str]:
    """Wait for the work; return why it failed, or nothing."""
    try:
        async with asyncio.timeout(seconds) as limit:
            await work
    except Exception as error:  # noqa: BLE001  # whatever fails costs only its own figures
        print(getattr(error, "log", ""), file=sys.stderr)  # noqa: T201  # for a person
        reason = str(error) or type(error).__name__
        return {"error": f"no result within {seconds:.0f} s" if limit.expired() else reason}
    return {}


async def _measure_rates(peer: Peer, shape: str, sizes: Sizes, found: dict[str, Any]) -> None:
    async with _started(peer) as system, _worker(system):
        await system.connect()
        await _warm_up(peer, system, shape)
        for name, delay in DELAYS.items():
            found[name] = await _measure_rate(peer, system, shape, sizes, delay)


async def _measure_rate(
    peer: Peer, system: System, shape: str, sizes: Sizes, delay: float
) -> dict[str, Any]:
    side = system.side
    count = sizes.messages[shape]
    rates, cpus = [], []
    for _ in range(sizes.rounds):
        await side.clear_received(response_delay=delay)
        with side.cpu_per_message(count) as cpu:
            started_at = await _produce(peer, system, shape, count)
            summary = await side.wait_for_messages(count)
        rates.append(count / (summary["completed_at"] - started_at))
        cpus.append(cpu)
    roles = sorted({role for cpu in cpus for role in cpu})
    medians = {role: statistics.median(cpu.get(role, 0.0) for cpu in cpus) for role in roles}
    return {
        "messages": count,
        "messages_per_second": to_four_digits(statistics.median(rates)),
        "rounds": [to_four_digits(rate) for rate in rates],
        "cpu_seconds_per_message": to_four_digits(sum_own_cpu(medians)),
        "cpu_seconds_per_message_by_role": {
            role: to_four_digits(seconds) for role, seconds in medians.items()
        },
    }


async def _measure_kill(peer: Peer, shape: str, sizes: Sizes, found: dict[str, Any]) -> None:
    """Kill the worker when half of the messages have arrived, and start another one."""
    count = sizes.messages[shape]
    async with _started(peer) as system:
        side = system.side
        async with _worker(system) as worker:
            await system.connect()
            await _warm_up(peer, system, shape)
            await side.clear_received(response_delay=PROVIDER_SECONDS)
            producing = asyncio.create_task(_produce(peer, system, shape, count))
            try:
                while (arrived := await side.count_received()) < count / 2:
                    if producing.done():
                        await producing
                    await asyncio.sleep(_POLL_SECONDS)
                await worker.kill()
            except BaseException:
                producing.cancel()
                raise
        async with _worker(system):
            await producing
            summary = await _wait_until_quiet(system, count, sizes)
    found["killed"] = {
        "messages": count,
        "killed_after": arrived,
        "lost": count - summary["distinct"],
        "sent_twice": summary["messages"] - summary["distinct"],
    }


async def _wait_until_quiet(system: System, count: int, sizes: Sizes) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    arrived, changed_at = 0, loop.time()
    while True:
        now_arrived = await system.side.count_received()
        if now_arrived != arrived:
            arrived, changed_at = now_arrived, loop.time()
        quiet = loop.time() - changed_at
        if quiet >= sizes.quiet_seconds:
            summary = await system.side.summarize_received()
            if summary["distinct"] >= count or quiet >= sizes.patience_seconds:
                return summary
        await asyncio.sleep(10 * _POLL_SECONDS)


@asynccontextmanager
async def _started(peer: Peer) -> AsyncIterator[System]:
    peer.check_installed()
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        async with AsyncExitStack() as stack:
            yield await peer.start(Path(folder), stack)


@asynccontextmanager
async def _worker(system: System) -> AsyncIterator[RunningProcess]:
    program, *command = system.worker
    async with system.side.run(
        "worker", *command, role="worker", program=program, variables=system.variables
    ) as worker:
        yield worker


async def _warm_up(peer: Peer, system: System, shape: str) -> None:
    count = _WARM_UP_LISTS * SHAPES[shape]
    await system.side.clear_received()
    await _produce(peer, system, shape, count)
    await system.side.wait_for_messages(count)


async def _produce(peer: Peer, system: System, shape: str, count: int) -> float:
    """Enqueue new messages by the system's program; return when it began."""
    arguments = json.dumps({"count": count, "size": SHAPES[shape], "seed": next(_SEEDS)})
    output = system.side.folder / "produced.json"
    output.unlink(missing_ok=True)
    async with run_process(
        "producer",
        *("-m", "benchmarks.peers.produce", peer.program, arguments, str(output)),
        role="client",
        environment=clean_environment(**system.variables),
        folder=system.side.folder,
        program=system.python,
    ) as process:
        error = await process.wait_until_failed()
        if not output.exists():
            raise error
    result = json.loads(output.read_text())
    system.side.add_cpu_seconds("client", result["cpu_seconds"])
    started_at: float = result["started_at"]
    return started_at


def count_lines(peer: Peer) -> int:
    """Lines of a system's program, without comments, docstrings and empty lines."""
    tree = ast.parse(peer.program_file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            is_text = [
                isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
                for each in node.body
            ]
            node.body = [each for each, text in zip(node.body, is_text, strict=True) if not text]
    return sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())


def main() -> int:
    """Read the command line, and measure; return the exit status."""
    names = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: tests that it runs")
    parser.add_argument("--output", type=Path, help="default: peers.json, unless --smoke is given")
    options = parser.parse_args()
    sizes = SMOKE if options.smoke else FULL
    output = options.output or (None if options.smoke else _OUTPUT)
    peers = [peer for peer in PEERS if peer.name in options.only]
    try:
        asyncio.run(run_peers(peers, sizes, output))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    return 0


if __name__ == "__main__":
    exit_process(main())
