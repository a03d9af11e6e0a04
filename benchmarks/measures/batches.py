"""The buffering client and `Batch`: against the commit before, Segment's SDK, and themselves."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from benchmarks import options
from benchmarks.environments import environment_of
from benchmarks.measures.figures import (
    Advance,
    Figure,
    Measure,
    RoundResult,
    make_figure,
    run_alternately,
    summarize_cpu,
    summarize_rounds,
    to_four_digits,
)
from benchmarks.measures.histories import (
    Handle,
    count_billable_actions,
    read_history_bytes,
    wait_for_executions,
    wait_until_closed,
)
from benchmarks.messages import compact, make_calls, make_tracks
from benchmarks.options import Sizes
from benchmarks.processes import can_read_other_processes
from benchmarks.testbed import WRITE_KEY, Testbed, start_testbed

_MESSAGES_PER_SECOND = "messages/s"


async def _deliver_by_sdk(testbed: Testbed, count: int, response_delay: float = 0.0) -> RoundResult:
    await testbed.clear_received(response_delay=response_delay)
    with testbed.cpu_per_message(count) as cpu:
        times = await testbed.contender(
            "segment_sdk", count=count, provider=testbed.provider, write_key=WRITE_KEY
        )
        values = await _wait_for_delivery(testbed, count, times)
    return RoundResult(values, cpu)


async def _deliver(
    testbed: Testbed,
    count: int,
    queue: str,
    response_delay: float = 0.0,
    *,
    compress: bool = True,
    arguments: dict[str, int] = options.BUFFERING,
) -> RoundResult:
    """Deliver by the buffering client, until the provider has all and the executions are closed."""
    await testbed.clear_received(response_delay=response_delay)
    with testbed.cpu_per_message(count) as cpu:
        times = await testbed.contender(
            "buffering_client", count=count, queue=queue, arguments=arguments, compress=compress
        )
        values = await _wait_for_delivery(testbed, count, times)
        await wait_until_closed(testbed.temporal, queue)
    return RoundResult(values, cpu)


async def _deliver_with_handles(testbed: Testbed, count: int, queue: str) -> list[Handle]:
    since = datetime.now(UTC)
    await _deliver(testbed, count, queue)
    return await wait_for_executions(testbed.temporal, queue, since, count + 1)


async def _wait_for_delivery(
    testbed: Testbed, count: int, times: dict[str, float]
) -> dict[str, float]:
    """Wait until the stand-in has all messages of a round.

    Returns:
        `rate`: messages a second, from the first call until the provider has confirmed the last.
        `calls_rate`: calls a second in the caller's thread. `overtaken`: how many messages arrived
        after a later one.
    """
    summary = await testbed.wait_for_messages(count + 1)  # one more, of the warm-up
    return {
        "rate": count / (summary["completed_at"] - times["started_at"]),
        "calls_rate": _calls_rate(count, times),
        "overtaken": summary["overtaken"],
    }


def _calls_rate(count: int, times: dict[str, float]) -> float:
    return count / (times["called_at"] - times["started_at"])


async def _warm_worker(testbed: Testbed, *, compress: bool = True) -> str:
    """Return the queue of a worker that has delivered before; its first batches are the slowest."""
    queue = await testbed.worker("batches", compress=compress)
    await _deliver(testbed, options.SDK_UPLOAD_MESSAGES, queue, compress=compress)
    return queue


def _before(suffix: str, *, compress: bool) -> Measure:
    rate_name, cpu_name = names = f"batch_vs_before{suffix}", f"cpu_per_message_vs_before{suffix}"

    async def compare(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
        """Give each of the two trees a server, a worker and a stand-in of its own."""
        del testbed
        environment = await environment_of(sizes.before)
        async with start_testbed() as ours, start_testbed(environment) as other:
            queue = await _warm_worker(ours, compress=compress)
            await _warm_worker(other, compress=compress)
            deliver = partial(_deliver, count=sizes.messages, queue=queue, compress=compress)
            rounds = await run_alternately(
                sizes.rounds,
                lambda: deliver(ours),
                lambda: deliver(other, arguments=options.BUFFERING_BEFORE),
                advance,
            )
            least = await ours.contender("json_once", role="load", count=sizes.calls)
        details = {"messages": sizes.messages, "before": environment.name}
        rate = summarize_rounds(
            rate_name, rounds, "rate", _MESSAGES_PER_SECOND, codec=compress, details=details
        )
        limit = {"json_once_cpu_seconds": to_four_digits(least["cpu_seconds_per_message"])}
        return [rate, summarize_cpu(cpu_name, rounds, codec=compress, details=limit)]

    return Measure(names, compare, lambda sizes: 2 * sizes.rounds)


def _sdk(name: str, response_delay: float) -> Measure:
    async def compare(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
        queue = await _warm_worker(testbed)
        count = sizes.messages
        rounds = await run_alternately(
            sizes.rounds,
            lambda: _deliver(testbed, count, queue, response_delay),
            lambda: _deliver_by_sdk(testbed, count, response_delay),
            advance,
        )
        ours, other = (max(int(result.values["overtaken"]) for result in side) for side in rounds)
        details = {
            "messages": count,
            "provider_answers_after_seconds": response_delay,
            "overtaken": {"ours": ours, "other": other},
        }
        return [
            summarize_rounds(
                name, rounds, "rate", _MESSAGES_PER_SECOND, codec=True, details=details
            )
        ]

    return Measure((name,), compare, lambda sizes: 2 * sizes.rounds)


async def _billed_actions(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    """Count Temporal's billable actions, against one action for each message."""
    queue = await _warm_worker(testbed)
    count = sizes.messages
    actions, heartbeats = [], 0
    for _ in range(sizes.rounds):
        heartbeats_before = await testbed.count_heartbeats()
        handles = await _deliver_with_handles(testbed, count, queue)
        heartbeats = await testbed.count_heartbeats() - heartbeats_before
        actions.append(sum([await count_billable_actions(handle) for handle in handles]))
        actions[-1] += heartbeats
        advance()
    ratios = [number / (count + 1) for number in actions]
    details = {"messages": count, "heartbeats": heartbeats, "executions": len(handles)}
    return [
        make_figure(
            *("actions_per_message", actions, [count], ratios, "actions"),
            codec=True,
            details=details,
        )
    ]


async def _calls(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    async def call_without_worker() -> RoundResult:
        """Use the buffering client in a service whose workers are on other machines."""
        count = sizes.calls
        with testbed.cpu_per_message(count) as cpu:
            times = await testbed.contender(
                "buffering_client",
                count=count,
                queue="no-worker",
                arguments=options.BUFFERING,
                compress=True,
            )
        return RoundResult({"calls_rate": _calls_rate(count, times)}, cpu)

    rounds = await run_alternately(
        sizes.rounds, call_without_worker, lambda: _deliver_by_sdk(testbed, sizes.calls), advance
    )
    return [summarize_rounds("enqueue_vs_segment_sdk", rounds, "calls_rate", "calls/s", codec=True)]


async def _growth(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    few, many = sizes.growth

    async def deliver_by_fresh_worker(count: int) -> RoundResult:
        async with testbed.fresh_worker() as (queue, worker):
            await _deliver(testbed, options.SDK_UPLOAD_MESSAGES, queue)
            result = await _deliver(testbed, count, queue)
            return replace(result, values={**result.values, "peak_mib": worker.peak_mib()})

    rounds = await run_alternately(
        sizes.growth_rounds,
        lambda: deliver_by_fresh_worker(many),
        lambda: deliver_by_fresh_worker(few),
        advance,
    )
    details = {"messages": {"ours": many, "other": few}}
    compared = [("batch_growth", "rate", _MESSAGES_PER_SECOND)]
    if can_read_other_processes():
        compared.append(("batch_peak_mib", "peak_mib", "MiB"))
    return [
        summarize_rounds(name, rounds, value, unit, codec=True, details=details)
        for name, value, unit in compared
    ]


async def _stored_bytes(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    """Compare what Temporal stores for executions of the buffering client with their messages."""
    queue = await _warm_worker(testbed)
    count = sizes.stored_messages
    handles = await _deliver_with_handles(testbed, count, queue)
    stored = sum([await read_history_bytes(handle) for handle in handles])
    advance()
    (envelope,) = make_tracks(1)
    raw = sum(len(compact({"type": "track", **envelope, **call})) for call in make_calls(count + 1))
    details = {"messages": count, "executions": len(handles)}
    ratio = stored / raw
    return [
        make_figure(
            *("stored_bytes_batch", [stored], [raw], [ratio], "bytes"), codec=True, details=details
        )
    ]


MEASURES = [
    _before("", compress=True),
    _before("_codec_off", compress=False),
    _sdk("batch_vs_segment_sdk", 0.0),
    _sdk("batch_vs_segment_sdk_across_network", options.PROVIDER_SECONDS),
    Measure(("enqueue_vs_segment_sdk",), _calls, lambda sizes: 2 * sizes.rounds),
    Measure(("actions_per_message",), _billed_actions, lambda sizes: sizes.rounds),
    Measure(("stored_bytes_batch",), _stored_bytes, lambda _: 1),
]

MILLION = [
    Measure(("batch_growth", "batch_peak_mib"), _growth, lambda sizes: 2 * sizes.growth_rounds)
]
"""Takes long: `make bench-million`."""
