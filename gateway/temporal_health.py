"""Whether Temporal accepts messages, as known from stores and from checks."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics import NotAccepted
from durable_analytics.temporal.batch_start import describe_failure

log = logging.getLogger("durable_analytics.gateway")

OUTAGE = (RPCError, TimeoutError, RuntimeError, NotAccepted)
"""The exceptions of a store that fails; the SDK raises RuntimeError if it cannot connect."""

_CHECK_TIMEOUT = timedelta(seconds=2)
"""The timeout of a check, long enough for a busy server."""

_CHECK_PAUSE_SECONDS = 0.5
"""The pause between two checks while Temporal is in doubt."""

_NO_EXECUTION = "durable-analytics-readiness-check"
"""The id of an execution that does not exist; to look it up, Temporal reads its database."""


class TemporalHealth:
    """Tracks whether Temporal accepts messages, and ends waits early during an outage.

    Args:
        client: A client, perhaps not yet connected.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waits: set[asyncio.Future[None]] = set()
        self._store_starts: dict[object, float] = {}
        self._store_failure: str | None = None
        self._check_failure: str | None = None
        self._check_task: asyncio.Task[None] | None = None
        self._is_outage_logged = False
        self.recovered = asyncio.Event()
        """Set and cleared at once when a check succeeds after a failed one."""

    @property
    def failure(self) -> str | None:
        """Why Temporal does not accept messages; None if no failure is known."""
        return self._store_failure or self._check_failure

    async def wait_for(self, stores: Iterable[asyncio.Future[None]], seconds: float) -> None:
        """Wait for stores, which continue if the wait ends before them.

        Raises:
            TimeoutError: The wait takes longer than this, or Temporal is out of reach.
            Exception: That of a store that has failed.
        """
        if self.failure:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for store in stores:
            # `asyncio.shield` in `asyncio.timeout` takes several times the CPU of one future.
            wait = loop.create_future()
            wake = partial(_wake, wait)
            store.add_done_callback(wake)
            timer = loop.call_at(deadline, wake)
            self._waits.add(wait)
            try:
                await wait
            finally:
                self._waits.discard(wait)
                timer.cancel()
                store.remove_done_callback(wake)
            if not store.done():
                raise TimeoutError
            store.result()

    def began(self, store: object) -> None:
        """Record that a store begins."""
        self._store_starts[store] = asyncio.get_running_loop().time()

    def ended(self, store: object) -> None:
        """Record that a store ends, in whatever way.

        After the last one, a recorded failure is cleared: no store is left whose success could
        clear it, so the next store has to find out.
        """
        self._store_starts.pop(store, None)
        if not self._store_starts:
            self._store_failure = None

    def stored(self) -> None:
        """Record that a store has succeeded."""
        self._store_failure = self._check_failure = None
        self._report_recovery()

    def store_failed(self, error: Exception) -> None:
        """Record that an attempt of a store has failed; the store continues with the next one."""
        self._store_failure = describe_failure(error)
        self._report_failure()

    def suspect(self) -> None:
        """Check in the background whether Temporal responds, because a store is slow."""
        if self._check_task is None:
            self._check_task = asyncio.create_task(self._check_while_in_doubt())

    async def check(self) -> None:
        """Check that the namespace exists and that Temporal can read its database."""
        failure = await self._read_failure()
        was_failing, self._check_failure = self._check_failure, failure
        if failure:
            self._report_failure()
        elif was_failing:
            self.recovered.set()
            self.recovered.clear()
            if not self._store_failure:
                self._report_recovery()

    def overdue(self, seconds: float) -> bool:
        """Whether a store has been in progress for longer than this."""
        now = asyncio.get_running_loop().time()
        return any(now - start > seconds for start in self._store_starts.values())

    async def _check_while_in_doubt(self) -> None:
        try:
            await self.check()
            while self._check_failure or self._store_starts:
                await asyncio.sleep(_CHECK_PAUSE_SECONDS)
                await self.check()
        finally:
            self._check_task = None

    async def _read_failure(self) -> str | None:
        request = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=_NO_EXECUTION),
        )
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT.total_seconds()):
                await self._client.workflow_service.describe_workflow_execution(
                    request, timeout=_CHECK_TIMEOUT
                )
        except OUTAGE as error:
            return None if _is_response(error) else describe_failure(error)
        return None

    def _report_failure(self) -> None:
        """Log the start of an outage, and end all waits."""
        if not self._is_outage_logged:
            log.warning("Temporal is out of reach: answering 503: %s", self.failure)
        self._is_outage_logged = True
        for wait in self._waits:
            _wake(wait)

    def _report_recovery(self) -> None:
        if self._is_outage_logged:
            log.warning("Temporal takes messages again")
        self._is_outage_logged = False


def _wake(wait: asyncio.Future[None], _: object = None) -> None:
    if not wait.done():
        wait.set_result(None)


def _is_response(error: Exception) -> bool:
    """Whether Temporal responded: with the expected error, or that it is busy."""
    if not isinstance(error, RPCError):
        return False
    if error.status is RPCStatusCode.NOT_FOUND:
        details = error.grpc_status.details
        return not any("NamespaceNotFound" in detail.type_url for detail in details)
    return error.status is RPCStatusCode.RESOURCE_EXHAUSTED
