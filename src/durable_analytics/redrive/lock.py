"""The lock by which one redrive runs at a time on a task queue; it is a workflow execution."""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Self

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import AnalyticsError
from durable_analytics.redrive.names import (
    LEASE,
    LOCK_WORKFLOW,
    RELEASE_SIGNAL,
    RENEW_SIGNAL,
    lock_id,
)

_RENEW_SECONDS = LEASE.total_seconds() / 3
_RETRY_SECONDS = 0.2
_PATIENCE_SECONDS = LEASE.total_seconds() + 10


class RedriveRunning(AnalyticsError):
    """Another redrive runs on this task queue, or has taken the lock of this one."""


class RedriveLock:
    """The lock, as an async context manager.

    The lock ends when its lease is not renewed, for example because this program was killed. A
    redrive that completes releases it at once. A redrive that is interrupted does not: the next
    redrive must see the executions that it has just started, and Temporal lists an execution only
    some seconds after its start.

    Args:
        client: The connection to Temporal.
        task_queue: The task queue of the workers; a worker runs the workflow of the lock.
        patience_seconds: How long to wait for a lock that another redrive holds.
    """

    def __init__(
        self, client: Client, task_queue: str, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._patience_seconds = patience_seconds
        self._handle: WorkflowHandle[object, None] | None = None
        self._renewal_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Take the lock.

        Raises:
            RedriveRunning: Another redrive has it.
        """
        deadline = time.monotonic() + self._patience_seconds
        while not await self._acquire():
            if time.monotonic() > deadline:
                raise RedriveRunning(
                    f"another redrive runs on the task queue {self._task_queue} "
                    f"(workflow {lock_id(self._task_queue)}): wait for its end"
                )
            await asyncio.sleep(_RETRY_SECONDS)
        self._renewal_task = asyncio.create_task(self._renew_regularly())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Release the lock, unless the redrive was interrupted."""
        assert self._renewal_task  # noqa: S101  # set by __aenter__
        assert self._handle  # noqa: S101  # set by __aenter__
        self._renewal_task.cancel()
        await asyncio.gather(self._renewal_task, return_exceptions=True)
        if error is None:
            with contextlib.suppress(RPCError):
                await self._handle.signal(RELEASE_SIGNAL)

    async def renew(self) -> None:
        """Renew the lease.

        Raises:
            RedriveRunning: The lease has expired, for example while the computer was suspended.
        """
        assert self._handle  # noqa: S101  # set by __aenter__
        try:
            await self._handle.signal(RENEW_SIGNAL)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            raise RedriveRunning(
                "the lock of this redrive has ended: run the same command again; "
                "it skips what has been sent"
            ) from None

    async def _acquire(self) -> bool:
        try:
            started = await self._client.start_workflow(
                LOCK_WORKFLOW,
                id=lock_id(self._task_queue),
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary="one redrive at a time",
            )
        except WorkflowAlreadyStartedError:
            return False
        # With the run id, a signal cannot reach a later lock with the same workflow id.
        self._handle = self._client.get_workflow_handle(started.id, run_id=started.result_run_id)
        return True

    async def _renew_regularly(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            # The redrive itself renews before each start, and fails then.
            with contextlib.suppress(RPCError, RedriveRunning):
                await self.renew()
