"""The stand-in by itself: whether it is ever what the others wait for."""

from benchmarks import options
from benchmarks.machine import Machine
from benchmarks.measures.figures import Figure, Measure, Step, alternate, paired
from benchmarks.options import Sizes


async def _alone(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    async def posted(per_request: int) -> float:
        how = {"count": sizes.alone, "per_request": per_request}
        said = await machine.side("posts", provider=machine.provider, **how)
        await machine.forget()
        return float(said["rate"])

    rounds = await alternate(
        sizes.rounds,
        lambda: posted(options.BUFFERING["max_batch_messages"]),
        lambda: posted(options.SDK_UPLOAD_MESSAGES),
        step,
    )
    return [paired("stand_in_alone", rounds, float, "messages/s")]


MEASURES = [Measure(("stand_in_alone",), _alone, lambda sizes: 2 * sizes.rounds)]
