"""The buffering client and `Batch` against Segment's SDK: delivered, enqueued, billed, growing."""

import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from benchmarks import options
from benchmarks.machine import WRITE_KEY, Machine
from benchmarks.measures.figures import Figure, Measure, Rounds, Step, alternate, paired
from benchmarks.measures.histories import billable_actions, executions
from benchmarks.options import Sizes
from benchmarks.processes import counts_memory

_QUEUE = "batches"
_MESSAGES = "messages/s"


@dataclass(frozen=True, slots=True)
class _Delivered:
    """A round of one side."""

    rate: float
    """Messages a second, from the first call to the provider having confirmed the last one."""

    calls_rate: float
    """Calls a second, in the caller's thread."""

    overtaken: int
    """Messages that came after a later one."""

    actions_per_message: float = 0.0
    peak_mib: float = 0.0


async def _sdk(machine: Machine, count: int, answers_after: float = 0.0) -> _Delivered:
    await machine.forget(answers_after=answers_after)
    provider = {"provider": machine.provider, "write_key": WRITE_KEY}
    said = await machine.side("segment_sdk", count=count, **provider)
    return await _delivered(machine, count, said)


async def _ours(machine: Machine, count: int, queue: str, answers_after: float = 0.0) -> _Delivered:
    await machine.forget(answers_after=answers_after)
    since = datetime.now(UTC)
    said = await machine.side("buffering", count=count, queue=queue, arguments=options.BUFFERING)
    delivered = await _delivered(machine, count, said)
    # Until all of them are closed: the other side's round begins in quiet.
    handles = await executions(machine.temporal, queue, since, count + 1)
    actions = sum([await billable_actions(handle) for handle in handles])
    return _Delivered(
        delivered.rate, delivered.calls_rate, delivered.overtaken, actions / (count + 1)
    )


async def _delivered(machine: Machine, count: int, said: dict[str, float]) -> _Delivered:
    # One more: the side warmed up with it.
    told = await machine.complete(count + 1)
    return _Delivered(
        rate=count / (told["completed_at"] - said["started_at"]),
        calls_rate=count / (said["called_at"] - said["started_at"]),
        overtaken=told["overtaken"],
    )


async def _rounds(
    machine: Machine, sizes: Sizes, step: Step, answers_after: float
) -> Rounds[_Delivered]:
    queue = await machine.worker(_QUEUE, compress=True, **options.BATCH_WORKER)
    await _ours(machine, options.SDK_UPLOAD_MESSAGES, queue)  # the worker's first are its slowest
    count = sizes.messages
    return await alternate(
        sizes.rounds,
        lambda: _ours(machine, count, queue, answers_after),
        lambda: _sdk(machine, count, answers_after),
        step,
    )


def _delivery(name: str, rounds: Rounds[_Delivered], sizes: Sizes, answers_after: float) -> Figure:
    overtaken = [max(one.overtaken for one in side) for side in rounds]
    more = {
        "messages": sizes.messages,
        "provider_answers_after_seconds": answers_after,
        "overtaken": dict(zip(("ours", "other"), overtaken, strict=True)),
    }
    return paired(name, rounds, attrgetter("rate"), _MESSAGES, more=more)


async def _against_sdk(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    rounds = await _rounds(machine, sizes, step, 0.0)
    actions = [one.actions_per_message for one in rounds[0]]
    median = statistics.median(actions)
    return [
        _delivery("batch_vs_segment_sdk", rounds, sizes, 0.0),
        Figure(
            "actions_per_message",
            ours=median * sizes.messages,
            other=sizes.messages,
            ratio=median,
            unit="actions",
            rounds=actions,
        ),
    ]


async def _against_sdk_across_network(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    rounds = await _rounds(machine, sizes, step, options.PROVIDER_SECONDS)
    name = "batch_vs_segment_sdk_across_network"
    return [_delivery(name, rounds, sizes, options.PROVIDER_SECONDS)]


async def _enqueueing(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    rounds = await alternate(
        sizes.rounds,
        lambda: _enqueued(machine, sizes.calls),
        lambda: _sdk(machine, sizes.calls),
        step,
    )
    return [paired("enqueue_vs_segment_sdk", rounds, attrgetter("calls_rate"), "calls/s")]


async def _enqueued(machine: Machine, count: int) -> _Delivered:
    """Ours, in a service whose workers are on other machines: Temporal keeps what it sends."""
    arguments = {"queue": "unattended", "arguments": options.BUFFERING}
    said = await machine.side("buffering", count=count, **arguments)
    return _Delivered(0.0, count / (said["called_at"] - said["started_at"]), 0)


async def _growing(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    few, many = sizes.growth
    rounds = await alternate(
        sizes.growth_rounds, lambda: _fresh(machine, many), lambda: _fresh(machine, few), step
    )
    told = {"messages": {"ours": many, "other": few}}
    figures = [paired("batch_growth", rounds, attrgetter("rate"), _MESSAGES, more=told)]
    if counts_memory():
        figures.append(paired("batch_peak_mib", rounds, attrgetter("peak_mib"), "MiB", more=told))
    return figures


async def _fresh(machine: Machine, count: int) -> _Delivered:
    """A round of ours with a worker that has done nothing before but to warm up."""
    async with machine.fresh_worker(**options.BATCH_WORKER) as (queue, worker):
        await _ours(machine, options.SDK_UPLOAD_MESSAGES, queue)
        delivered = await _ours(machine, count, queue)
        peak = worker.peak_mib()
    return _Delivered(delivered.rate, delivered.calls_rate, delivered.overtaken, peak_mib=peak)


MEASURES = [
    Measure(
        ("batch_vs_segment_sdk", "actions_per_message"),
        _against_sdk,
        lambda sizes: 2 * sizes.rounds,
    ),
    Measure(
        ("batch_vs_segment_sdk_across_network",),
        _against_sdk_across_network,
        lambda sizes: 2 * sizes.rounds,
    ),
    Measure(("enqueue_vs_segment_sdk",), _enqueueing, lambda sizes: 2 * sizes.rounds),
    Measure(("batch_growth", "batch_peak_mib"), _growing, lambda sizes: 2 * sizes.growth_rounds),
]
