"""The bare workflow's worker, in the set-up of ours: the same settings, options and converter."""

import asyncio

from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from benchmarks.bare.workflow import Bare, look, send
from durable_analytics.connection import connect
from worker.converter import data_converter
from worker.process import PATIENCE
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
        # Imported again for each execution, its module would cost it more than it does.
        workflow_runner=SandboxedWorkflowRunner(
            restrictions=SandboxRestrictions.default.with_passthrough_modules("benchmarks")
        ),
        graceful_shutdown_timeout=settings.graceful_shutdown_timeout,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main())
