"""The workers of a process with one version of its settings."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError
from temporalio.worker import Worker

from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.pollers import RECENT, WORKFLOWS, last_polls
from worker.converter import data_converter
from worker.registration import list_activities, list_workflows
from worker.settings import Settings
from worker.versioning import identity
from worker.workers import run_all, shut_down, workers

_STARTING_PAUSE_SECONDS = 0.05


class Generation:
    """Workers that poll.

    Each generation has a connection of its own, because Temporal's SDK refuses two workers of one
    task queue on the same connection.
    """

    def __init__(self, settings: Settings, client: Client, made: Sequence[Worker]) -> None:
        self.settings = settings
        self.running = asyncio.create_task(run_all(made))
        """Ends when the workers are stopped, or one of them fails."""

        self._client = client
        self._made = made

    @classmethod
    async def start(cls, settings: Settings, runtime: Runtime, patience: timedelta) -> Self:
        """Connect, and return when the server has confirmed the namespace and the workers poll.

        Args:
            settings: The worker's settings.
            runtime: The runtime of the process.
            patience: How long to wait for a Temporal server.

        Raises:
            NotAccepted: No Temporal server responded.
            RuntimeError: A worker failed.
        """
        converter = data_converter(
            compress=settings.compress_payloads, encryption_keys=settings.payload_keys
        )
        client = await connect(
            patience, runtime=runtime, data_converter=converter, identity=identity()
        )
        generation = cls(settings, client, workers(client, settings))
        try:
            await generation._started()
        except asyncio.CancelledError:
            await generation.stop()
            raise
        return generation

    async def _started(self) -> None:
        while not all(worker.is_running for worker in self._made):  # the SDK has no event for it
            if self.running.done():
                await self.running
                return
            await asyncio.sleep(_STARTING_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Stop the workers gracefully.

        Raises:
            RuntimeError: A worker has failed.
        """
        if not self.running.done():
            await shut_down(self._made)
        await self.running

    async def problem(self) -> str | None:
        """Return in one line why the worker delivers nothing now; None if it is ready."""
        if self.running.done() or not all(worker.is_running for worker in self._made):
            return "the workers do not run"
        queue = self.settings.task_queue
        try:
            polls = await last_polls(self._client, queue, kinds=(WORKFLOWS,))
        except RPCError as error:
            return f"Temporal does not respond: {error.status.name}"
        polled = polls.get(self._client.identity)
        if not polled or datetime.now(UTC) - polled >= RECENT:
            return f"Temporal has seen no poll of this worker on task queue {queue} lately"
        return None

    def details(self) -> dict[str, Any]:
        """Return the details of the log line about the start."""
        return {
            "task_queue": self.settings.task_queue,
            "namespace": self._client.namespace,
            "integrations": sorted(self.settings.integrations),
            "workflows": len(list_workflows()),
            "activities": len(list_activities()),
            "encryption_keys": [key.id for key in self.settings.payload_keys],
        }
