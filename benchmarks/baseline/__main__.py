"""The worker of the baseline workflow, with the same settings, options and converter as ours."""

import asyncio

from temporalio.worker import Worker

from benchmarks.baseline.workflow import Baseline, send_nothing, validate_nothing
from durable_analytics.temporal.connection import connect
from worker.converter import data_converter
from worker.run import PATIENCE
from worker.settings import load
from worker.workers import worker_options


async def main() -> None:
    """Run the worker until the process ends."""
    settings = load()
    converter = data_converter(compress=settings.compress_payloads)
    worker = Worker(
        await connect(PATIENCE, data_converter=converter),
        task_queue=settings.task_queue,
        workflows=[Baseline],
        activities=[validate_nothing, send_nothing],
        **worker_options(settings),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
