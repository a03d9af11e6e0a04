"""How many bytes Temporal stores for a single message, with compressed payloads."""

import uuid
from typing import Any

from benchmarks.measures.figures import Advance, Figure, Measure, make_figure
from benchmarks.measures.histories import read_history_bytes
from benchmarks.messages import compact, make_tracks
from benchmarks.options import Sizes
from benchmarks.testbed import Testbed

_QUEUE = "stored"
_SINGLE_BYTES = 1_024


async def _single(testbed: Testbed, sizes: Sizes, advance: Advance) -> list[Figure]:
    queue = await testbed.worker(_QUEUE, compress=True)
    baseline_queue = await testbed.baseline_worker()
    stored, baseline, ratios = [], [], []
    for number in range(sizes.stored):
        (message,) = make_tracks(1, least_bytes=_SINGLE_BYTES, seed=number)
        stored.append(await _execute(testbed, "Track", {"track": message}, queue))
        baseline.append(await _execute(testbed, "Baseline", {"track": {}}, baseline_queue))
        ratios.append((stored[-1] - baseline[-1]) / len(compact(message)))
        advance()
    return [make_figure("stored_bytes_single", stored, baseline, ratios, "bytes", codec=True)]


async def _execute(testbed: Testbed, workflow: str, input: Any, queue: str) -> int:
    """Execute a workflow, and return the size of its history in bytes."""
    handle = await testbed.temporal.start_workflow(
        workflow, input, id=str(uuid.uuid4()), task_queue=queue
    )
    await handle.result()
    return await read_history_bytes(handle)


MEASURES = [
    Measure(("stored_bytes_single",), _single, lambda sizes: sizes.stored),
]
