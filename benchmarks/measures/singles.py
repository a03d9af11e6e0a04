"""One message in each execution, against a workflow with the same steps and no work."""

from benchmarks import options
from benchmarks.measures.figures import (
    Advance,
    Figure,
    Measure,
    RoundResult,
    Rounds,
    run_alternately,
    summarize_rounds,
)
from benchmarks.options import Sizes
from benchmarks.testbed import Testbed

_QUEUE = "singles"


async def _execute(
    testbed: Testbed, rounds: int, count: int, in_flight: int, advance: Advance
) -> Rounds:
    queue = await testbed.worker(_QUEUE, compress=False)
    baseline_queue = await testbed.baseline_worker()

    async def execute(workflow: str, queue: str) -> RoundResult:
        with testbed.cpu_per_message(count) as cpu:
            values = await testbed.contender(
                "workflow_executions",
                workflow=workflow,
                queue=queue,
                count=count,
                in_flight=in_flight,
            )
        return RoundResult(values, cpu)

    return await run_alternately(
        rounds,
        lambda: execute("Track", queue),
        lambda: execute("Baseline", baseline_queue),
        advance,
    )


async def _rate(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    in_flight = options.EXECUTIONS_IN_FLIGHT
    rounds = await _execute(testbed, sizes.single_rounds, sizes.executions, in_flight, advance)
    return [summarize_rounds("single_vs_bare_workflow", rounds, "rate", "executions/s")]


async def _latency(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    rounds = await _execute(testbed, sizes.single_rounds, sizes.latencies, 1, advance)
    name = "single_latency_vs_bare"
    return [summarize_rounds(name, rounds, "median_seconds", "s", less_is_better=True)]


MEASURES = [
    Measure(("single_vs_bare_workflow",), _rate, lambda sizes: 2 * sizes.single_rounds),
    Measure(("single_latency_vs_bare",), _latency, lambda sizes: 2 * sizes.single_rounds),
]
