"""Requests of one message each: gathered by the gateway, against an execution for each of them."""

from itertools import count
from operator import itemgetter

from benchmarks import options
from benchmarks.machine import WRITE_KEY, Machine
from benchmarks.measures.figures import Figure, Measure, Rounds, Step, alternate, paired
from benchmarks.messages import Json
from benchmarks.options import Sizes

_QUEUE = "gateways"
_WARM_UP = 5
"""As the side has it."""

_SEEDS = count()
"""Each round sends messages of its own: an execution of the same id would be joined."""


async def _requests(
    machine: Machine, rounds: int, connections: int, counts: tuple[int, int], step: Step
) -> Rounds[Json]:
    queue = await machine.worker(_QUEUE, compress=False)
    gateway = await machine.gateway(queue)
    bare = await machine.gateway(queue, "benchmarks.bare.gateway")

    async def answered(port: int, requests: int) -> Json:
        """Until all are answered; then until all are delivered, so that none slows the next."""
        how = {"count": requests, "connections": connections, "seed": next(_SEEDS)}
        said = await machine.side("requests", port=port, write_key=WRITE_KEY, **how)
        await machine.complete(requests + _WARM_UP)
        await machine.forget()
        return said

    ours, other = counts
    return await alternate(
        rounds, lambda: answered(gateway, ours), lambda: answered(bare, other), step
    )


async def _rate(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    counts = sizes.requests, sizes.bare_requests
    rounds = await _requests(machine, sizes.rounds, options.GATEWAY_CONNECTIONS, counts, step)
    return [paired("gateway_vs_one_execution", rounds, itemgetter("rate"), "requests/s")]


async def _latency(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    counts = sizes.latencies, sizes.latencies
    rounds = await _requests(machine, sizes.rounds, 1, counts, step)
    seconds = itemgetter("median_seconds")
    figure = paired("gateway_latency_vs_one_execution", rounds, seconds, "s", other_over_ours=True)
    return [figure]


MEASURES = [
    Measure(("gateway_vs_one_execution",), _rate, lambda sizes: 2 * sizes.rounds),
    Measure(("gateway_latency_vs_one_execution",), _latency, lambda sizes: 2 * sizes.rounds),
]
