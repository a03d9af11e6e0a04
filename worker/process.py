"""The worker process: connect, poll, and on SIGTERM or SIGINT finish what is in flight, in time."""

import asyncio
import logging
import os
import signal
from datetime import timedelta

from temporalio.worker import Worker

from durable_analytics.connection import connect
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings

log = logging.getLogger("durable_analytics.worker")

_PATIENCE = timedelta(seconds=30)
_MARGIN = timedelta(seconds=5)
"""Beyond the grace, after which the process ends whatever hangs; Temporal has everything."""


async def run(settings: Settings) -> None:
    """Run a worker until a signal ends it.

    Raises:
        NotAccepted: No Temporal server answered.
    """
    client = await connect(_PATIENCE)
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        plugins=[register(settings)],
        graceful_shutdown_timeout=settings.graceful_shutdown_timeout,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    log.info(
        "worker started",
        extra={
            "task_queue": settings.task_queue,
            "namespace": client.namespace,
            "integrations": sorted(settings.integrations),
            "workflows": len(list_workflows()),
            "activities": len(list_activities()),
        },
    )
    running = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        log.info("worker stopping")
        deadline = settings.graceful_shutdown_timeout + _MARGIN
        loop.call_later(deadline.total_seconds(), _end_now)
        await worker.shutdown()
    stopping.cancel()
    await running
    log.info("worker stopped")


def _end_now() -> None:
    log.error("worker ended", extra={"reason": "the shutdown took longer than its grace"})
    os._exit(1)
