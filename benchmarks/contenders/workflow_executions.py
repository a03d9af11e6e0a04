"""Both contenders for single executions: a Temporal client that executes workflows."""

import asyncio
import statistics
import uuid
from typing import Any

from temporalio.client import Client

from benchmarks.contenders.clock import cpu_seconds, now, settle
from benchmarks.messages import make_tracks
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import connect

_WARM_UP_EXECUTIONS = 5


def run(
    workflow: str, queue: str, count: int, in_flight: int, *, compress: bool = False
) -> dict[str, float]:
    """Execute a workflow many times.

    Args:
        workflow: The workflow type.
        queue: The task queue of its worker.
        count: How many executions are measured.
        in_flight: How many executions run at once.
        compress: Whether the client compresses payloads.

    Returns:
        `rate` (executions a second), `median_seconds` (from start to result) and `cpu_seconds`.
    """
    return asyncio.run(_run(workflow, queue, count, in_flight, compress=compress))


async def _run(
    workflow: str, queue: str, count: int, in_flight: int, *, compress: bool
) -> dict[str, float]:
    client = await connect(data_converter=data_converter(compress=compress))
    inputs = [{"track": message} for message in make_tracks(count + _WARM_UP_EXECUTIONS)]
    await _execute(client, workflow, queue, inputs[:_WARM_UP_EXECUTIONS], in_flight)
    settle()
    cpu_before = cpu_seconds()
    started_at = now()
    seconds = await _execute(client, workflow, queue, inputs[_WARM_UP_EXECUTIONS:], in_flight)
    return {
        "rate": count / (now() - started_at),
        "median_seconds": statistics.median(seconds),
        "cpu_seconds": cpu_seconds() - cpu_before,
    }


async def _execute(
    client: Client, workflow: str, queue: str, inputs: list[Any], in_flight: int
) -> list[float]:
    """Execute all inputs, so many at once; return the seconds of each."""
    seconds: list[float] = []
    remaining = iter(inputs)

    async def execute_remaining() -> None:
        for input in remaining:
            started_at = now()
            await client.execute_workflow(workflow, input, id=str(uuid.uuid4()), task_queue=queue)
            seconds.append(now() - started_at)

    async with asyncio.TaskGroup() as callers:
        for _ in range(in_flight):
            callers.create_task(execute_remaining())
    return seconds
