"""How many bytes the server keeps for one byte of message, with the codec on."""

import statistics
import uuid
from typing import Any

from benchmarks.machine import Machine
from benchmarks.measures.figures import Figure, Measure, Step
from benchmarks.measures.histories import stored_bytes
from benchmarks.messages import compact, tracks
from benchmarks.options import Sizes

_QUEUE = "stored"
_BATCH_MESSAGES = 1_000
_SINGLE_BYTES = 1_024
_UNIT = "bytes"


async def _batch(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    queue = await machine.worker(_QUEUE, compress=True)
    stored, raw = [], []
    for number in range(sizes.stored):
        messages = [{"type": "track", **track} for track in tracks(_BATCH_MESSAGES, seed=number)]
        stored.append(await _stored(machine, "Batch", {"messages": messages}, queue))
        raw.append(sum(len(compact(message)) for message in messages))
        step()
    ratios = [of / over for of, over in zip(stored, raw, strict=True)]
    return [_figure("stored_bytes_batch", stored, raw, ratios)]


async def _single(machine: Machine, sizes: Sizes, step: Step) -> list[Figure]:
    queue = await machine.worker(_QUEUE, compress=True)
    bare_queue = await machine.bare_worker()
    stored, bare, ratios = [], [], []
    for number in range(sizes.stored):
        (message,) = tracks(1, least_bytes=_SINGLE_BYTES, seed=number)
        stored.append(await _stored(machine, "Track", {"track": message}, queue))
        bare.append(await _stored(machine, "Bare", {"track": {}}, bare_queue))
        ratios.append((stored[-1] - bare[-1]) / len(compact(message)))
        step()
    return [_figure("stored_bytes_single", stored, bare, ratios)]


async def _stored(machine: Machine, workflow: str, input: Any, queue: str) -> int:
    handle = await machine.temporal.start_workflow(
        workflow, input, id=str(uuid.uuid4()), task_queue=queue
    )
    await handle.result()
    return await stored_bytes(handle)


def _figure(name: str, ours: list[int], other: list[int], ratios: list[float]) -> Figure:
    medians = statistics.median(ours), statistics.median(other)
    return Figure(name, *medians, statistics.median(ratios), _UNIT, ratios)


MEASURES = [
    Measure(("stored_bytes_batch",), _batch, lambda sizes: sizes.stored),
    Measure(("stored_bytes_single",), _single, lambda sizes: sizes.stored),
]
