"""Redrive: send failed messages again, each once, with its first id and timestamp."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.redrive.carried import (
    MOST_BYTES,
    MOST_MESSAGES,
    CarriedMessage,
    Carrier,
    carry,
    load,
)
from durable_analytics.redrive.concurrency import map_concurrently
from durable_analytics.redrive.failures import (
    UNREADABLE,
    FailedDelivery,
    first_error,
    list_failed,
    read_failure,
)
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.lock import RedriveLock
from durable_analytics.redrive.message_rate import MessageRate
from durable_analytics.redrive.names import MEMO_KEY, TO_MEMO_KEY, redrive_id
from durable_analytics.redrive.recorded import Recorded, read_recorded
from durable_analytics.redrive.redriven_messages import RedrivenMessages, rejected_indexes
from durable_analytics.redrive.selected import Selected, unite_runs
from durable_analytics.temporal.visibility import quoted
from durable_analytics.wire.messages import JsonObject

_MOST_RUNNING = 4
"""Executions of a redrive at the same time."""

_LIST_DELAY_SECONDS = 10.0
"""How far the list of executions may be behind."""


@dataclass(slots=True)
class Report:
    """How many messages a redrive has handled."""

    selected: int = 0
    redriven: int = 0
    """Delivered by this redrive."""

    skipped: int = 0
    """Delivered since they failed, or on their way."""

    failed: int = 0
    """Failed again, or not readable."""

    dry_run: bool = False

    reason: str | None = field(default=None, compare=False)
    """Why the first message that is counted in `failed` was not delivered."""

    def add_failed(self, count: int, reason: str | None) -> None:
        """Count messages that were not delivered, for the same reason or for several."""
        self.failed += count
        self.reason = self.reason or (reason if count else None)

    def as_json(self) -> JsonObject:
        """Return the report of the contract."""
        return {key: value for key, value in asdict(self).items() if key != "reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to redrive."""

    to: str | None = None
    """The integration to send to; None means the one where each message failed."""

    rate: float | None = None
    """Messages a second; None means no limit."""

    limit: int | None = None
    """The largest number of failed deliveries to send; those that are skipped do not count."""


class Redrive:
    """Sends the failed messages that the filters mean again.

    Args:
        client: A client that can read the payloads.
        task_queue: The task queue of the workers.
        filters: Which failed deliveries are meant.
        options: How to send them.
        on_progress: Called with the report after each step.
    """

    def __init__(
        self,
        client: Client,
        task_queue: str,
        filters: Filters,
        options: Options | None = None,
        on_progress: Callable[[Report], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._filters = filters
        self._options = options or Options()
        self._on_progress = on_progress
        self._report = Report()
        self._rate = MessageRate(self._options.rate)

    async def preview(self) -> Report:
        """Return what `run` would do: `selected` without `skipped` would be sent again."""
        self._report = Report(dry_run=True)
        async for _ in self._chunks():
            self._on_progress(self._report)
        return self._report

    async def run(self) -> Report:
        """Send the messages, and wait until each is delivered or has failed again.

        Raises:
            RedriveRunning: Another redrive runs on this task queue.
        """
        self._report = Report()
        handle: WorkflowHandle[Any, Any] | None = None
        rate = self._options.rate
        # An execution sends its messages at once, so with a rate it gets those of one second.
        most_messages = MOST_MESSAGES if rate is None else max(1, min(int(rate), MOST_MESSAGES))
        async with RedriveLock(self._client, self._task_queue) as lock, _Waiting() as waiting:
            async for chunk in self._chunks():
                for carrier in load(chunk, most_messages):
                    await self._rate.wait(len(carrier.origins))
                    await lock.renew()
                    handle = await self._start(carrier)
                    await waiting.add(self._settle(handle, len(carrier.origins)))
            await waiting.finish()
            if handle:
                await self._wait_until_listed(handle.id)
        return self._report

    async def _chunks(self) -> AsyncIterator[list[CarriedMessage]]:
        """Yield the messages that are still to be sent, as many as fit into an execution."""
        chunk: list[CarriedMessage] = []
        size = 0
        async for message in self._messages():
            chunk.append(message)
            size += len(message.content)
            if len(chunk) == MOST_MESSAGES or size >= MOST_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    async def _messages(self) -> AsyncIterator[CarriedMessage]:
        """Yield the messages that are still to be sent, and count the others."""
        redriven = await RedrivenMessages.read(self._client, self._task_queue)
        remaining = self._options.limit

        async def select(failed: FailedDelivery) -> Selected:
            return await self._select(failed, redriven)

        listed = list_failed(self._client, self._filters, self._task_queue)
        async with contextlib.aclosing(map_concurrently(select, listed)) as selection:
            async for selected in unite_runs(selection) if self._options.to else selection:
                # A list of executions may contain one twice.
                to = self._options.to
                messages = [one for one in selected.messages if redriven.add(one.origin, to)]
                self._count(selected, len(messages))
                for message in messages:
                    yield message
                if messages and remaining is not None and (remaining := remaining - 1) == 0:
                    return

    def _count(self, selected: Selected, messages: int) -> None:
        report, total, unreadable = self._report, len(selected.indexes), len(selected.unreadable)
        report.selected += total
        report.add_failed(unreadable, selected.reason)
        report.skipped += total - unreadable - messages
        self._on_progress(report)

    async def _select(self, failed: FailedDelivery, redriven: RedrivenMessages) -> Selected:
        run, failed_indexes = (failed.workflow_id, failed.run_id), frozenset(failed.indexes)
        try:
            if failed.type == UNREADABLE:
                raise UnreadablePayload(failed.message)
            recorded = await read_recorded(self._client, failed.method, *run)
            indexes = await redriven.undelivered_indexes(failed, recorded)
        except ValidationError as error:
            reason = f"ValidationError: {error}"
        except UnreadablePayload as error:
            reason = f"{UNREADABLE}: {error}"
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            reason = "Temporal does not keep its execution any more"  # its retention has ended
        else:
            return self._read(failed, recorded, indexes)
        return Selected(run, failed_indexes, unreadable=failed_indexes, reason=reason)

    def _read(self, failed: FailedDelivery, recorded: Recorded, indexes: Iterable[int]) -> Selected:
        """Read the messages that nothing has delivered since they failed."""
        to, messages, unreadable = self._options.to, [], list[int]()
        for index in indexes:
            if recorded.fields(index) is None:
                unreadable.append(index)
            elif not (to and failed.has_reached(to, index)):
                messages.append(carry(recorded, failed.origin(index), to or failed.integration))
        return Selected(
            (failed.workflow_id, failed.run_id),
            frozenset(failed.indexes),
            tuple(messages),
            frozenset(unreadable),
            f"ValidationError: {recorded.missing(unreadable[0])}" if unreadable else None,
        )

    async def _start(self, carrier: Carrier) -> WorkflowHandle[Any, Any]:
        workflow_id = redrive_id(self._task_queue, carrier.origins)
        memo: JsonObject = {MEMO_KEY: [origin.as_json() for origin in carrier.origins]}
        if self._options.to:
            memo[TO_MEMO_KEY] = self._options.to
        with contextlib.suppress(WorkflowAlreadyStartedError):  # It has been delivered.
            await self._client.start_workflow(
                carrier.workflow,
                carrier.input,
                id=workflow_id,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                memo=memo,
                static_summary=f"{len(carrier.origins)} failed messages, sent again",
            )
        return self._client.get_workflow_handle(workflow_id)

    async def _settle(self, handle: WorkflowHandle[Any, Any], count: int) -> None:
        """Wait for the end of an execution, and count its messages."""
        try:
            output = await handle.result()
            error, rejected = first_error(output), len(rejected_indexes(output, count))
        except WorkflowFailureError as failure:
            error, output = read_failure(failure)
            error, rejected = first_error(output) or error, count
        self._report.redriven += count - rejected
        self._report.add_failed(rejected, f"{error['type']}: {error['message']}" if error else None)
        self._on_progress(self._report)

    async def _wait_until_listed(self, workflow_id: str) -> None:
        """Wait until the next redrive finds this one in the list of executions."""
        query = f"WorkflowId = {quoted(workflow_id)} AND CloseTime IS NOT NULL"
        deadline = time.monotonic() + _LIST_DELAY_SECONDS
        while time.monotonic() < deadline:
            if (await self._client.count_workflows(query)).count:
                return
            await asyncio.sleep(0.1)


class _Waiting:
    """The executions that run, a few at the same time."""

    def __init__(self) -> None:
        self._tasks: deque[asyncio.Task[None]] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def add(self, wait: Any) -> None:
        self._tasks.append(asyncio.create_task(wait))
        if len(self._tasks) >= _MOST_RUNNING:
            await self._tasks.popleft()

    async def finish(self) -> None:
        while self._tasks:
            await self._tasks.popleft()
