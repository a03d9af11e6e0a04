"""The workers of the baseline workflow, with the same settings, options and converter as ours."""

import asyncio

from temporalio.worker import Worker

from benchmarks.baseline.workflow import Baseline, requests_queue, send_nothing, validate_nothing
from durable_analytics.temporal.connection import connect
from worker.converter import data_converter
from worker.run import PATIENCE
from worker.settings import load
from worker.workers import run_all, worker_options


async def main() -> None:
    """Run the workers until the process ends."""
    settings = load()
    converter = data_converter(compress=settings.compress_payloads)
    client = await connect(PATIENCE, data_converter=converter)
    options = worker_options(settings)
    first = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[Baseline],
        activities=[validate_nothing],
        **options,
    )
    second = Worker(
        client,
        task_queue=requests_queue(settings.task_queue),
        activities=[send_nothing],
        **options,
    )
    await run_all([first, second])


if __name__ == "__main__":
    asyncio.run(main())
