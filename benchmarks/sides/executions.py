"""Either side of the single executions: a plain Temporal client that starts them and waits."""

import asyncio
import statistics
import uuid
from typing import Any

from temporalio.client import Client

from benchmarks.messages import tracks
from benchmarks.sides.clock import now, settle
from durable_analytics.codecs import data_converter
from durable_analytics.connection import connect

_WARM_UP = 5


def run(
    workflow: str, queue: str, count: int, in_flight: int, *, compress: bool = False
) -> dict[str, float]:
    """Execute a workflow many times.

    Args:
        workflow: Its type.
        queue: Its worker's task queue.
        count: How often it is measured.
        in_flight: How many at once.
        compress: Whether the client writes compressed payloads.

    Returns:
        How many were finished in a second, and the median seconds from start to result of one.
    """
    return asyncio.run(_run(workflow, queue, count, in_flight, compress=compress))


async def _run(
    workflow: str, queue: str, count: int, in_flight: int, *, compress: bool
) -> dict[str, float]:
    client = await connect(data_converter=data_converter(compress=compress))
    inputs = [{"track": message} for message in tracks(count + _WARM_UP)]
    await _execute(client, workflow, queue, inputs[:_WARM_UP], in_flight)
    settle()
    started_at = now()
    seconds = await _execute(client, workflow, queue, inputs[_WARM_UP:], in_flight)
    rate = count / (now() - started_at)
    return {"rate": rate, "median_seconds": statistics.median(seconds)}


async def _execute(
    client: Client, workflow: str, queue: str, inputs: list[Any], in_flight: int
) -> list[float]:
    seconds: list[float] = []
    left = iter(inputs)

    async def one_after_the_other() -> None:
        for input in left:
            started_at = now()
            await client.execute_workflow(workflow, input, id=str(uuid.uuid4()), task_queue=queue)
            seconds.append(now() - started_at)

    async with asyncio.TaskGroup() as callers:
        for _ in range(in_flight):
            callers.create_task(one_after_the_other())
    return seconds
