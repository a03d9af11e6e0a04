"""The bare workflow's worker, in the set-up of ours: the same settings, options and converter."""

import asyncio

from temporalio.worker import Worker

from benchmarks.bare.workflow import Bare, look, send
from durable_analytics.connection import connect
from worker.converter import data_converter
from worker.process import PATIENCE, worker_options
from worker.settings import load


async def main() -> None:
    """Poll until the process is ended."""
    settings = load()
    converter = data_converter(compress=settings.compress_payloads)
    worker = Worker(
        await connect(PATIENCE, data_converter=converter),
        task_queue=settings.task_queue,
        workflows=[Bare],
        activities=[look, send],
        **worker_options(settings),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
