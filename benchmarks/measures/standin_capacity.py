"""The stand-in with the simplest client: shows that the stand-in does not limit the others."""

from benchmarks import options
from benchmarks.measures.figures import (
    Advance,
    Figure,
    Measure,
    RoundResult,
    run_alternately,
    summarize_rounds,
)
from benchmarks.options import Sizes
from benchmarks.testbed import Testbed


async def _capacity(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    async def post(messages_per_request: int) -> RoundResult:
        count = sizes.standin_messages
        with testbed.cpu_per_message(count) as cpu:
            result = await testbed.contender(
                "raw_posts",
                provider=testbed.provider,
                count=count,
                messages_per_request=messages_per_request,
            )
        await testbed.clear_received()
        return RoundResult({"rate": result["rate"]}, cpu)

    rounds = await run_alternately(
        sizes.rounds,
        lambda: post(options.BUFFERING["max_batch_messages"]),
        lambda: post(options.SDK_UPLOAD_MESSAGES),
        advance,
    )
    return [summarize_rounds("stand_in_alone", rounds, "rate", "messages/s")]


MEASURES = [Measure(("stand_in_alone",), _capacity, lambda sizes: 2 * sizes.rounds)]
