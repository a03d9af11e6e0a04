"""One message an execution, against a workflow that only has its shape."""

from operator import itemgetter

from benchmarks import options
from benchmarks.machine import Machine
from benchmarks.measures.figures import Figure, Measure, Rounds, Step, alternate, paired
from benchmarks.messages import Json
from benchmarks.options import Sizes

_QUEUE = "singles"


async def _executions(
    machine: Machine, rounds: int, count: int, in_flight: int, step: Step
) -> Rounds[Json]:
    ours = await machine.worker(_QUEUE, compress=False)
    other = await machine.bare_worker()
    how = {"count": count, "in_flight": in_flight}
    return await alternate(
        rounds,
        lambda: machine.side("executions", workflow="Track", queue=ours, **how),
        lambda: machine.side("executions", workflow="Bare", queue=other, **how),
        step,
    )


async def _rate(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    in_flight = options.EXECUTIONS_IN_FLIGHT
    rounds = await _executions(machine, sizes.single_rounds, sizes.executions, in_flight, step)
    return [paired("single_vs_bare_workflow", rounds, itemgetter("rate"), "executions/s")]


async def _latency(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    rounds = await _executions(machine, sizes.single_rounds, sizes.latencies, 1, step)
    seconds = itemgetter("median_seconds")
    return [paired("single_latency_vs_bare", rounds, seconds, "s", other_over_ours=True)]


MEASURES = [
    Measure(("single_vs_bare_workflow",), _rate, lambda sizes: 2 * sizes.single_rounds),
    Measure(("single_latency_vs_bare",), _latency, lambda sizes: 2 * sizes.single_rounds),
]
