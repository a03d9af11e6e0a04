"""Delivery of a file, in `Batch` executions whose ids follow from their content."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.client.handle import BatchHandle
from durable_analytics.errors import (
    DeliveryError,
    Interrupted,
    NotAccepted,
    UnknownIntegration,
    UnreadablePayload,
)
from durable_analytics.file_import.messages import (
    ImportedMessage,
    MessageBuilder,
    RefusedRow,
    cut_batches,
)
from durable_analytics.file_import.rows import FileError, Row
from durable_analytics.redrive.concurrency import map_concurrently
from durable_analytics.temporal.batch_start import (
    batch_envelope,
    batch_id,
    batch_input,
    describe_failure,
    is_permanent,
    start_batch,
)
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import named_integrations
from durable_analytics.wire.output_types import BatchOutput

_MOST_RUNNING = 4
"""Executions at the same time."""

_START_TIMEOUT = timedelta(seconds=10)
_PATIENCE_SECONDS = 60.0
"""How long Temporal may be out of reach before the import stops."""

_PAUSE_SECONDS = 1.0

_MOST_ERRORS = 100
"""Refused rows that a report lists; the others are counted."""

_Result = TypeVar("_Result")

_NAMESPACE = uuid5(NAMESPACE_URL, "durable-analytics:import")


def file_id(digest: str) -> UUID:
    """Return the identity of a file, from which the ids of its messages follow."""
    return uuid5(_NAMESPACE, digest)


@dataclass(slots=True)
class Report:
    """What has become of the rows."""

    rows: int = 0
    delivered: int = 0
    filtered: int = 0
    """Rightly not sent, by the routing of the integration."""

    refused: int = 0
    """Rows that are no valid message, or that the worker or the provider refused."""

    errors: list[RefusedRow] = field(default_factory=list)
    """The first of the refused rows."""

    stopped: str | None = None
    """Why the file could not be read to its end; None if it was."""

    @property
    def in_order(self) -> list[RefusedRow]:
        """The `errors` in the order of the file."""
        return sorted(self.errors, key=lambda error: error.line)

    def as_json(self) -> JsonObject:
        """Return the report as the command prints it."""
        return {
            "rows": self.rows,
            "delivered": self.delivered,
            "filtered": self.filtered,
            "refused": self.refused,
            "errors": [error.as_json() for error in self.in_order],
            "stopped": self.stopped,
        }


class Importer:
    """Delivers the rows of a file.

    Args:
        client: The connection; None only checks the rows.
        task_queue: The task queue of the workers.
        options: The keys of the inputs beside their messages.
        builder: Makes the messages.
        rate: Messages a second, on average; None means no limit.
        on_refused: Called with each row that is refused.
        on_progress: Called with the report when a batch has ended.
    """

    def __init__(
        self,
        client: Client | None,
        task_queue: str,
        options: JsonObject,
        builder: MessageBuilder,
        *,
        rate: float | None = None,
        on_refused: Callable[[RefusedRow], None] = lambda _: None,
        on_progress: Callable[[Report], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._task_queue = task_queue
        self._options = options
        self._envelope = batch_envelope(options)
        self._builder = builder
        self._rate = rate
        self._on_refused = on_refused
        self._on_progress = on_progress
        self._report = Report()
        self._next_start = time.monotonic()

    async def run(self, rows: Iterator[Row]) -> Report:
        """Deliver the rows, and wait until each batch has ended.

        A batch that an earlier import of the same file has started is joined: it is not sent again
        unless all of it failed.

        Raises:
            NotAccepted: Temporal is out of reach; what was started goes on.
            UnknownIntegration: The workers do not have the integration; nothing is delivered.
            UnreadablePayload: What the workers return is encrypted with a key that the client does
                not have; what was started goes on.
        """
        batches = cut_batches(self._messages(rows))
        delivered = map_concurrently(self._deliver, _in_turn(batches), _MOST_RUNNING)
        async with contextlib.aclosing(delivered):
            async for _ in delivered:
                self._on_progress(self._report)
        return self._report

    def _messages(self, rows: Iterator[Row]) -> Iterator[ImportedMessage]:
        try:
            for row in rows:
                self._report.rows += 1
                built = self._builder.build(row)
                if isinstance(built, ImportedMessage):
                    yield built
                else:
                    self._refuse(built)
        except FileError as error:
            self._report.stopped = str(error)  # what was read before it is delivered

    async def _deliver(self, batch: Sequence[ImportedMessage]) -> None:
        if self._client is None:
            self._report.delivered += len(batch)
            return
        await self._wait_for_turn(len(batch))
        contents = [message.content for message in batch]
        workflow_id = batch_id(self._options, self._batch_uuid(contents))
        await self._start(self._client, workflow_id, contents)
        handle = BatchHandle(self._client.get_workflow_handle(workflow_id), ())
        try:
            self._count(batch, await _with_patience(handle.outcome))
        except UnknownIntegration:  # of this batch, and of all that would follow
            raise
        except UnreadablePayload as error:
            raise UnreadablePayload(
                f"rows were sent, but whether they were delivered cannot be read: {error}. Then "
                "run the same command again: it sends nothing twice"
            ) from error
        except (DeliveryError, Interrupted) as error:
            kind = error.wire_name() if isinstance(error, DeliveryError) else "Interrupted"
            for message in batch:
                self._refuse(RefusedRow(message.line, kind, str(error)))

    def _batch_uuid(self, contents: Sequence[bytes]) -> UUID:
        digest = hashlib.sha256(self._envelope)
        for content in contents:
            digest.update(content)
        return uuid5(_NAMESPACE, digest.hexdigest())

    async def _wait_for_turn(self, count: int) -> None:
        """Keep the rate, a batch at a time."""
        if self._rate is None:
            return
        now = time.monotonic()
        start = max(self._next_start, now)
        self._next_start = start + count / self._rate
        await asyncio.sleep(start - now)

    async def _start(self, client: Client, workflow_id: str, contents: Sequence[bytes]) -> None:
        integrations = named_integrations(self._options)

        async def start() -> None:
            await start_batch(
                client,
                workflow_id,
                batch_input(self._envelope, contents),
                integrations=integrations,
                count=len(contents),
                task_queue=self._task_queue,
                patience=_START_TIMEOUT,
            )

        await _with_patience(start)

    def _count(self, batch: Sequence[ImportedMessage], output: BatchOutput) -> None:
        rejected = output.get("rejected") or []
        for rejection in rejected:
            error, index = rejection["error"], rejection["index"]
            # The position in the batch means nothing to a reader of the file.
            message = error["message"].replace(f"messages.{index} ", "the message ")
            message = message.replace(f"messages.{index}.", "")
            self._refuse(RefusedRow(batch[index].line, error["type"], message))
        if not output.get("accepted") and "error" in output:
            if output["error"]["type"] == UnknownIntegration.wire_name():
                raise UnknownIntegration(output["error"]["message"])
            self._refuse_others(batch, output, {one["index"] for one in rejected})
            return
        self._report.delivered += output["accepted"]
        self._report.filtered += output.get("filtered_count", 0)

    def _refuse_others(
        self, batch: Sequence[ImportedMessage], output: BatchOutput, listed: set[int]
    ) -> None:
        """Refuse the messages of a failed batch that its output does not list one by one."""
        filtered = {one["index"] for one in output.get("filtered", [])}
        self._report.filtered += len(filtered)
        error = output["error"]
        for index, message in enumerate(batch):
            if index not in listed and index not in filtered:
                self._refuse(RefusedRow(message.line, error["type"], error["message"]))

    def _refuse(self, row: RefusedRow) -> None:
        self._report.refused += 1
        if len(self._report.errors) < _MOST_ERRORS:
            self._report.errors.append(row)
        self._on_refused(row)


async def _in_turn(
    batches: Iterator[list[ImportedMessage]],
) -> AsyncIterator[list[ImportedMessage]]:
    """Yield the batches; those that run go on between two of them."""
    for batch in batches:
        yield batch
        await asyncio.sleep(0)


async def _with_patience(call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Repeat a call while Temporal is out of reach.

    Raises:
        NotAccepted: It is out of reach for too long, or refuses the call.
    """
    away_since: float | None = None
    while True:
        began = time.monotonic()
        try:
            return await call()
        except (RPCError, TimeoutError) as error:
            now = time.monotonic()
            if away_since is None or now - began > _PATIENCE_SECONDS:  # it was there until now
                away_since = now
            if is_permanent(error) or now - away_since > _PATIENCE_SECONDS:
                raise NotAccepted(
                    f"Temporal does not take the batch ({describe_failure(error)}): run the same "
                    "command again, and the import goes on"
                ) from error
            await asyncio.sleep(_PAUSE_SECONDS)
