"""The worker process: connect, poll, and on SIGTERM or SIGINT finish what is in flight, in time."""

import asyncio
import logging
import os
import signal
from datetime import timedelta

from temporalio.client import Client
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import Worker

from durable_analytics.connection import connect
from worker.converter import data_converter
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings

log = logging.getLogger("durable_analytics.worker")

PATIENCE = timedelta(seconds=30)
"""How long a worker waits for a Temporal server that is only about to start."""

_MARGIN = timedelta(seconds=5)
"""Beyond the grace, after which the process ends whatever hangs; Temporal has everything."""


async def run(settings: Settings, patience: timedelta = PATIENCE) -> None:
    """Run a worker until a signal ends it.

    Args:
        settings: The worker's settings.
        patience: How long to wait for a Temporal server.

    Raises:
        NotAccepted: No Temporal server answered.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    stopping = asyncio.create_task(stop.wait())
    connecting = asyncio.create_task(_connect(settings, patience))
    await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        return
    client = await connecting
    worker = Worker(
        client,
        task_queue=settings.task_queue,
        plugins=[register(settings)],
        graceful_shutdown_timeout=settings.graceful_shutdown_timeout,
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
    )
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
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        log.info("worker stopping")
        deadline = settings.graceful_shutdown_timeout + _MARGIN
        loop.call_later(deadline.total_seconds(), _end_now)
        await worker.shutdown()
    stopping.cancel()
    await running
    log.info("worker stopped")


async def _connect(settings: Settings, patience: timedelta) -> Client:
    converter = data_converter(compress=settings.compress_payloads)
    return await connect(patience, runtime=_runtime(), data_converter=converter)


def _runtime() -> Runtime:
    """The SDK's core writes to standard output by itself; here it writes where all others do."""
    # Without its fields: they may hold payloads.
    forwarding = LogForwardingConfig(
        logging.getLogger("temporalio.core"), append_log_fields_to_message=False
    )
    levels = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(levels, forwarding)))


def _end_now() -> None:
    log.error("worker ended", extra={"reason": "the shutdown took longer than its grace"})
    os._exit(1)
