"""The run of a worker: it polls, reads its settings again on SIGHUP, and stops on SIGTERM."""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.runtime import Runtime

from durable_analytics.errors import NotAccepted, SettingsError
from durable_analytics.temporal.connection import wrong_setting
from runtime.logs import create_runtime
from runtime.metrics import prometheus
from worker.generation import Generation
from worker.settings import Settings, load
from worker.status_server import StatusServer

log = logging.getLogger("durable_analytics.worker")

PATIENCE = timedelta(seconds=30)
"""How long a worker waits for a Temporal server that is starting."""

MARGIN = timedelta(seconds=5)
"""The time after the graceful timeout until the process ends, even if a request hangs. Temporal has
all messages."""


async def run(
    settings: Settings,
    patience: timedelta = PATIENCE,
    reload: Callable[[], Settings] = load,
) -> None:
    """Run a worker until a signal ends it.

    Args:
        settings: The worker's settings.
        patience: How long to wait for a Temporal server.
        reload: Returns the settings again, after SIGHUP; it may raise `SettingsError`.

    Raises:
        NotAccepted: No Temporal server responded.
        RuntimeError: A worker failed.
        SettingsError: It cannot listen on `metrics_address`.
    """
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    status = StatusServer(settings.metrics_address) if settings.metrics_address else None
    metrics = prometheus(status.sdk_address) if status else None
    process = _Process(create_runtime(metrics), patience, reload)
    if status:
        status.start(process.problem)

    def end() -> None:
        latest = process.current.settings if process.current else settings
        deadline = latest.graceful_shutdown_timeout + MARGIN
        loop.call_later(deadline.total_seconds(), _end_now)
        stop.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, end)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    await until(stop, process.start(settings))
    while process.current and not stop.is_set() and not process.current.running.done():
        await until(stop, _first_of(hangup.wait(), process.current.running))
        if hangup.is_set() and not stop.is_set():
            hangup.clear()
            await until(stop, process.reload())
    if process.current:
        if stop.is_set():
            log.info("worker stopping")
        await process.stop()
        log.info("worker stopped")
    if status:
        status.close()


class _Process:
    """The generations of workers of this process, one after the other."""

    def __init__(self, runtime: Runtime, patience: timedelta, load: Callable[[], Settings]) -> None:
        self.current: Generation | None = None
        self._runtime = runtime
        self._patience = patience
        self._load = load
        self._retiring: set[asyncio.Task[None]] = set()

    async def start(self, settings: Settings) -> None:
        """Start the first generation."""
        self.current = await Generation.start(settings, self._runtime, self._patience)
        log.info("worker started", extra=self.current.details())

    async def reload(self) -> None:
        """Replace the workers; those before keep polling until the new ones poll.

        If the new settings are wrong, or new workers cannot start, the workers stay as they are.
        """
        try:
            settings = await asyncio.to_thread(self._load)
            replacement = await Generation.start(settings, self._runtime, self._patience)
        except (NotAccepted, SettingsError, RuntimeError) as error:
            # A RuntimeError is the SDK's own text, which names no setting.
            problem = wrong_setting(error) if isinstance(error, RuntimeError) else None
            reason = "; ".join((problem or str(error)).splitlines())
            log.error("settings not reloaded", extra={"reason": reason})  # noqa: TRY400  # a line
            return
        settings.configure_logs()
        before, self.current = self.current, replacement
        if before:
            retiring = asyncio.create_task(before.stop())
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retired)
        log.info("settings reloaded", extra=replacement.details())

    def _retired(self, retiring: asyncio.Task[None]) -> None:
        self._retiring.discard(retiring)
        if not retiring.cancelled() and (error := retiring.exception()):
            log.error("workers with earlier settings failed", extra={"reason": str(error)})

    async def problem(self) -> str | None:
        """Return in one line why this process is not ready; None if it is."""
        if self.current is None:
            return "there is no connection to Temporal yet"
        return await self.current.problem()

    async def stop(self) -> None:
        """Stop all workers gracefully."""
        retiring = set(self._retiring)
        if self.current:
            await self.current.stop()
        if retiring:
            await asyncio.wait(retiring)


async def until(stop: asyncio.Event, work: Awaitable[None]) -> None:
    """Do some work; cancel it when the process is to stop.

    Args:
        stop: Is set when the process is to stop.
        work: An exception of it is raised; after a cancellation, it is only logged.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait([working])
        if not working.cancelled() and (error := working.exception()):
            log.warning("failed while stopping", extra={"reason": str(error)})
    elif not working.cancelled():
        working.result()


async def _first_of(event: Awaitable[object], running: asyncio.Task[None]) -> None:
    """Wait for an event, or the end of the workers."""
    waiting = asyncio.ensure_future(event)
    await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _end_now() -> None:
    log.error(
        "worker ended", extra={"reason": "the shutdown took longer than graceful_shutdown_timeout"}
    )
    os._exit(1)  # not `exit_process`, which may wait for a lock of a thread that hangs
