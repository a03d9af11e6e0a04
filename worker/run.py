"""The run of a worker: it connects, polls, and on SIGTERM or SIGINT stops gracefully."""

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.temporal.connection import connect
from runtime.logs import runtime
from worker.converter import data_converter
from worker.registration import list_activities, list_workflows
from worker.settings import Settings
from worker.workers import run_all, shut_down, workers

log = logging.getLogger("durable_analytics.worker")

PATIENCE = timedelta(seconds=30)
"""How long a worker waits for a Temporal server that is starting."""

MARGIN = timedelta(seconds=5)
"""The time after the graceful timeout until the process ends, even if a request hangs. Temporal has
all messages."""

_STARTING_PAUSE_SECONDS = 0.05


async def run(settings: Settings, patience: timedelta = PATIENCE) -> None:
    """Run a worker until a signal ends it.

    Args:
        settings: The worker's settings.
        patience: How long to wait for a Temporal server.

    Raises:
        NotAccepted: No Temporal server responded.
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
    made = workers(client, settings)
    running = asyncio.create_task(run_all(made))
    starting = asyncio.create_task(_started(made))
    await asyncio.wait([running, stopping, starting], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        log.info("worker started", extra=_start_details(settings, client))
    starting.cancel()
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        log.info("worker stopping")
        deadline = settings.graceful_shutdown_timeout + MARGIN
        loop.call_later(deadline.total_seconds(), _end_now)
        await shut_down(made)
    stopping.cancel()
    await running
    log.info("worker stopped")


async def _started(made: Sequence[Worker]) -> None:
    """Wait until the server has confirmed the namespace, and the workers poll."""
    while not all(worker.is_running for worker in made):  # noqa: ASYNC110  # the SDK has no event for it
        await asyncio.sleep(_STARTING_PAUSE_SECONDS)


def _start_details(settings: Settings, client: Client) -> dict[str, Any]:
    return {
        "task_queue": settings.task_queue,
        "namespace": client.namespace,
        "integrations": sorted(settings.integrations),
        "workflows": len(list_workflows()),
        "activities": len(list_activities()),
    }


async def _connect(settings: Settings, patience: timedelta) -> Client:
    converter = data_converter(compress=settings.compress_payloads)
    return await connect(patience, runtime=runtime(), data_converter=converter)


def _end_now() -> None:
    log.error(
        "worker ended", extra={"reason": "the shutdown took longer than graceful_shutdown_timeout"}
    )
    os._exit(1)  # not `exit_process`, which may wait for a lock of a thread that hangs
