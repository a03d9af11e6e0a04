"""The gateway: single requests, lists, and Segment's SDK, each against what is there without it."""

from itertools import count

from benchmarks import options
from benchmarks.contenders.gateway_requests import WARM_UP_REQUESTS
from benchmarks.environments import environment_of
from benchmarks.measures.figures import (
    Advance,
    Figure,
    Measure,
    RoundResult,
    Rounds,
    make_figure,
    run_alternately,
    summarize_rounds,
)
from benchmarks.measures.histories import wait_until_closed
from benchmarks.options import Sizes
from benchmarks.testbed import WRITE_KEY, Testbed, start_testbed

_QUEUES = {True: "gateways", False: "gateways-codec-off"}
"""The task queue of the worker that compresses payloads, and of the one that does not."""

_SEEDS = count()
"""Each round sends different messages: the gateway stores a repeated message only once."""


async def _send(
    testbed: Testbed,
    port: int,
    queue: str,
    requests: int,
    connections: int,
    *,
    messages_per_request: int = 1,
) -> RoundResult:
    """Send requests, then wait for their delivery, so that it does not slow the next round."""
    sent = (requests + WARM_UP_REQUESTS) * messages_per_request
    with testbed.cpu_per_message(sent) as cpu:
        values = await testbed.contender(
            "gateway_requests",
            role="load",
            port=port,
            write_key=WRITE_KEY,
            count=requests,
            connections=connections,
            seed=next(_SEEDS),
            messages_per_request=messages_per_request,
        )
        await testbed.wait_for_messages(sent)
        await wait_until_closed(testbed.temporal, queue)
    await testbed.clear_received()
    return RoundResult(values, cpu)


async def _compare_with_one_execution(
    testbed: Testbed, rounds: int, connections: int, counts: tuple[int, int], advance: Advance
) -> Rounds:
    queue = await testbed.worker(_QUEUES[True], compress=True)
    gateway = await testbed.gateway(queue, compress=True)
    baseline = await testbed.gateway(queue, "benchmarks.baseline.gateway", compress=True)
    ours, other = counts
    return await run_alternately(
        rounds,
        lambda: _send(testbed, gateway, queue, ours, connections),
        lambda: _send(testbed, baseline, queue, other, connections),
        advance,
    )


async def _rate(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    counts = sizes.requests, sizes.baseline_requests
    rounds = await _compare_with_one_execution(
        testbed, sizes.rounds, options.GATEWAY_CONNECTIONS, counts, advance
    )
    return [summarize_rounds("gateway_vs_one_execution", rounds, "rate", "requests/s", codec=True)]


async def _latency(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    """Compare the time of a request; the ratio is what the gateway adds, in milliseconds."""
    counts = sizes.latencies, sizes.latencies
    rounds = await _compare_with_one_execution(testbed, sizes.rounds, 1, counts, advance)
    ours, other = ([result.values["median_seconds"] * 1000 for result in side] for side in rounds)
    added = [our_ms - other_ms for our_ms, other_ms in zip(ours, other, strict=True)]
    name = "gateway_latency"
    return [make_figure(name, ours, other, added, "ms; difference", codec=True, rounds=rounds)]


async def _lists(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    """Send lists to the gateway and to that of an earlier commit, each with its own server."""
    del testbed
    environment = await environment_of(sizes.before)
    async with start_testbed() as ours, start_testbed(environment) as other:
        ports = {}
        for side in (ours, other):
            queue = await side.worker(_QUEUES[False], compress=False)
            ports[side] = await side.gateway(queue, compress=False)

        async def send(side: Testbed, lists: int) -> RoundResult:
            return await _send(
                side,
                ports[side],
                _QUEUES[False],
                lists,
                options.LIST_SENDERS,
                messages_per_request=options.LIST_MESSAGES,
            )

        rounds = await run_alternately(
            sizes.gateway_rounds,
            lambda: send(ours, sizes.lists),
            lambda: send(other, sizes.baseline_lists),
            advance,
        )
    details = {"before": environment.name}
    return [
        summarize_rounds(
            "gateway_lists", rounds, "rate", "messages/s", codec=False, details=details
        )
    ]


def _sdk(name: str, processes: int, *, compress: bool = True) -> Measure:
    async def compare(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
        """Send by Segment's SDK to the gateway, and straight to the stand-in."""
        queue = await testbed.worker(_QUEUES[compress], compress=compress)
        gateway = f"http://127.0.0.1:{await testbed.gateway(queue, compress=compress)}"
        messages = processes * sizes.sdk_messages

        async def send(url: str) -> RoundResult:
            await testbed.clear_received(response_delay=options.PROVIDER_SECONDS)
            with testbed.cpu_per_message(messages) as cpu:
                times = await testbed.contender(
                    "segment_sdk",
                    count=sizes.sdk_messages,
                    provider=url,
                    write_key=WRITE_KEY,
                    processes=processes,
                )
                await testbed.wait_for_messages(messages + processes)
                await wait_until_closed(testbed.temporal, queue)
            return RoundResult({"rate": messages / (times["kept_at"] - times["started_at"])}, cpu)

        rounds = await run_alternately(
            sizes.gateway_rounds, lambda: send(gateway), lambda: send(testbed.provider), advance
        )
        details = {
            "messages": messages,
            "provider_answers_after_seconds": options.PROVIDER_SECONDS,
        }
        return [
            summarize_rounds(name, rounds, "rate", "messages/s", codec=compress, details=details)
        ]

    return Measure((name,), compare, lambda sizes: 2 * sizes.gateway_rounds)


MEASURES = [
    _sdk("gateway_sdk_vs_direct", options.SDK_PROCESSES),
    _sdk("gateway_sdk_vs_direct_codec_off", options.SDK_PROCESSES, compress=False),
    _sdk("gateway_sdk_vs_direct_one_process", 1),
    Measure(("gateway_lists",), _lists, lambda sizes: 2 * sizes.gateway_rounds),
    Measure(("gateway_vs_one_execution",), _rate, lambda sizes: 2 * sizes.rounds),
    Measure(("gateway_latency",), _latency, lambda sizes: 2 * sizes.rounds),
]
