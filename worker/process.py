"""The worker process: connect, poll, and on SIGTERM or SIGINT finish what is in flight, in time."""

import asyncio
import logging
import os
import signal
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from durable_analytics.connection import connect
from process.logs import runtime
from worker.converter import data_converter
from worker.processes import Lifeline
from worker.registration import list_activities, list_workflows, register
from worker.settings import Settings

log = logging.getLogger("durable_analytics.worker")

PATIENCE = timedelta(seconds=30)
"""How long a worker waits for a Temporal server that is only about to start."""

MARGIN = timedelta(seconds=5)
"""Beyond the grace, after which the process ends whatever hangs; Temporal has everything."""

_POLLERS = PollerBehaviorAutoscaling()
"""As many polls at once as there is work for, which spreads the waiting fairly. Of 20 deliveries at
a time on two cores, the slowest in a hundred took 2.4 s with the SDK's fixed five polls and 1.0 s
with these, the median 0.4 s and 0.7 s; throughput, and a delivery by itself, are the same. Slots,
cache and garbage collection stay as the SDK and Python have them: nothing gained by others."""

_VALIDATIONS = 2
"""At once: they share one core with the requests, which are to go out as soon as they can."""

_STARTING_PAUSE_SECONDS = 0.05


async def run(
    settings: Settings, patience: timedelta = PATIENCE, lifeline: Lifeline | None = None
) -> None:
    """Run a worker until a signal ends it, or its lifeline.

    Args:
        settings: The worker's settings.
        patience: How long to wait for a Temporal server.
        lifeline: Where it is one of several: its hold on their parent.

    Raises:
        NotAccepted: No Temporal server answered.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if lifeline:
        cut = asyncio.create_task(lifeline.cut())
        cut.add_done_callback(lambda _: stop.set())
    stopping = asyncio.create_task(stop.wait())
    connecting = asyncio.create_task(_connect(settings, patience))
    await asyncio.wait([connecting, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        return
    client = await connecting
    plugins = [register(settings)]
    worker = Worker(
        client, task_queue=settings.task_queue, plugins=plugins, **worker_options(settings)
    )
    running = asyncio.create_task(worker.run())
    starting = asyncio.create_task(_started(worker))
    await asyncio.wait([running, stopping, starting], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        log.info("worker started", extra=_facts(settings, client))
        if lifeline:
            lifeline.tell()
    starting.cancel()
    await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        log.info("worker stopping")
        deadline = settings.graceful_shutdown_timeout + MARGIN
        loop.call_later(deadline.total_seconds(), _end_now)
        await worker.shutdown()
    stopping.cancel()
    await running
    log.info("worker stopped")


def worker_options(settings: Settings) -> dict[str, Any]:
    """How a worker of ours is set up, whatever its workflows."""
    return {
        "graceful_shutdown_timeout": settings.graceful_shutdown_timeout,
        "max_concurrent_activities": settings.max_concurrent_activities,
        "max_concurrent_workflow_tasks": settings.max_concurrent_workflow_tasks,
        "max_concurrent_local_activities": _VALIDATIONS,
        "workflow_task_poller_behavior": _POLLERS,
        "activity_task_poller_behavior": _POLLERS,
        # The sandbox takes a quarter of a worker's time. It guards against workflow code that is
        # not deterministic: ours runs in it in the tests, and in a team's own worker.
        "workflow_runner": UnsandboxedWorkflowRunner(),
    }


async def _started(worker: Worker) -> None:
    """Wait until the server has confirmed the namespace, and the worker polls."""
    while not worker.is_running:  # noqa: ASYNC110  # the SDK has no event for it
        await asyncio.sleep(_STARTING_PAUSE_SECONDS)


def _facts(settings: Settings, client: Client) -> dict[str, Any]:
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
    log.error("worker ended", extra={"reason": "the shutdown took longer than its grace"})
    os._exit(1)
