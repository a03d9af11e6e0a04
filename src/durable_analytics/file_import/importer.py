"""Delivers the rows of a file in `Batch` executions.

The id of each execution is derived from its content, so that a second import of a file joins the
executions of the first.
"""

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
from durable_analytics.redrive.message_rate import MessageRate
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
"""The limit of executions that run at the same time."""

_START_TIMEOUT = timedelta(seconds=10)
_OUTAGE_LIMIT_SECONDS = 60.0
"""How long Temporal may be out of reach before the import stops."""

_RETRY_INTERVAL_SECONDS = 1.0

_MOST_ERRORS = 100
"""The limit of refused rows that a report lists; the others are only counted."""

_Result = TypeVar("_Result")

_NAMESPACE = uuid5(NAMESPACE_URL, "durable-analytics:import")


def file_id(digest: str) -> UUID:
    """Return the UUID of a file, from which the ids of its messages are derived.

    Args:
        digest: A hash of the content of the file.
    """
    return uuid5(_NAMESPACE, digest)


@dataclass(slots=True)
class Report:
    """How many rows an import has read, and how they ended."""

    rows: int = 0
    delivered: int = 0
    filtered: int = 0
    """Not sent, because the routing of the integration filters them."""

    refused: int = 0
    """Rows that are no valid message, or that the worker or the provider refused."""

    errors: list[RefusedRow] = field(default_factory=list)
    """The first refused rows, at most 100, in the order in which they were refused."""

    stopped: str | None = None
    """Why the file could not be read to its end; None if it was."""

    @property
    def errors_by_line(self) -> list[RefusedRow]:
        """The `errors` in the order of the file."""
        return sorted(self.errors, key=lambda error: error.line)

    def as_json(self) -> JsonObject:
        """Return the report as the command prints it."""
        return {
            "rows": self.rows,
            "delivered": self.delivered,
            "filtered": self.filtered,
            "refused": self.refused,
            "errors": [error.as_json() for error in self.errors_by_line],
            "stopped": self.stopped,
        }


class Importer:
    """Delivers the rows of a file.

    Args:
        client: The connection. With None, the rows are only checked.
        task_queue: The task queue of the workers.
        options: The keys of each input except `messages`, like `integration`.
        builder: Builds a message from each row.
        rate: The limit of messages a second, on average; None means no limit.
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
        self._rate = MessageRate(rate)
        self._on_refused = on_refused
        self._on_progress = on_progress
        self._report = Report()

    async def run(self, rows: Iterator[Row]) -> Report:
        """Deliver the rows, and wait until each batch has ended.

        If an earlier import of the same file started a batch, the result of that batch is used. The
        batch is sent again only if all of its messages failed.

        Raises:
            NotAccepted: Temporal is out of reach, or refuses a batch. The workers still deliver the
                batches that were started.
            UnknownIntegration: The workers do not have the integration; nothing is delivered.
            UnreadablePayload: What the workers return is encrypted with a key that the client does
                not have. The workers still deliver the batches that were started.
        """
        batches = cut_batches(self._messages(rows))
        deliveries = map_concurrently(self._deliver, _yield_to_others(batches), _MOST_RUNNING)
        async with contextlib.aclosing(deliveries):
            async for _ in deliveries:
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
            self._report.stopped = str(error)  # the rows before it are delivered

    async def _deliver(self, batch: Sequence[ImportedMessage]) -> None:
        if self._client is None:
            self._report.delivered += len(batch)
            return
        await self._rate.wait(len(batch))
        contents = [message.content for message in batch]
        workflow_id = batch_id(self._options, self._batch_uuid(contents))
        await self._start(self._client, workflow_id, contents)
        handle = BatchHandle(self._client.get_workflow_handle(workflow_id), ())
        try:
            self._add_output(batch, await _retry_during_outage(handle.outcome))
        except UnknownIntegration:  # of this batch, and of all that would follow
            raise
        except UnreadablePayload as error:
            raise UnreadablePayload(
                f"rows were sent, but whether they were delivered cannot be read: {error}. Then "
                "run the same command again: it sends nothing twice"
            ) from error
        except (DeliveryError, Interrupted) as error:
            type_ = error.wire_name() if isinstance(error, DeliveryError) else "Interrupted"
            for message in batch:
                self._refuse(RefusedRow(message.line, type_, str(error)))

    def _batch_uuid(self, contents: Sequence[bytes]) -> UUID:
        digest = hashlib.sha256(self._envelope)
        for content in contents:
            digest.update(content)
        return uuid5(_NAMESPACE, digest.hexdigest())

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
                start_timeout=_START_TIMEOUT,
            )

        await _retry_during_outage(start)

    def _add_output(self, batch: Sequence[ImportedMessage], output: BatchOutput) -> None:
        """Add the messages of a batch to the report."""
        rejected = output.get("rejected") or []
        for rejection in rejected:
            error, index = rejection["error"], rejection["index"]
            # The reader of the report does not know the batch: show the field without its index.
            message = error["message"].replace(f"messages.{index} ", "the message ")
            message = message.replace(f"messages.{index}.", "")
            self._refuse(RefusedRow(batch[index].line, error["type"], message))
        if not output.get("accepted") and "error" in output:
            if output["error"]["type"] == UnknownIntegration.wire_name():
                raise UnknownIntegration(output["error"]["message"])
            self._refuse_unlisted(batch, output, {rejection["index"] for rejection in rejected})
            return
        self._report.delivered += output["accepted"]
        self._report.filtered += output.get("filtered_count", 0)

    def _refuse_unlisted(
        self, batch: Sequence[ImportedMessage], output: BatchOutput, listed: set[int]
    ) -> None:
        """Refuse the messages of a failed batch that its output does not list one by one."""
        filtered = {message["index"] for message in output.get("filtered", [])}
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


async def _yield_to_others(
    batches: Iterator[list[ImportedMessage]],
) -> AsyncIterator[list[ImportedMessage]]:
    """Yield the batches, and let the event loop run other tasks after each of them."""
    for batch in batches:
        yield batch
        await asyncio.sleep(0)


async def _retry_during_outage(call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Repeat a call while Temporal is out of reach.

    Raises:
        NotAccepted: Temporal is out of reach for too long, or refuses the call.
    """
    outage_start: float | None = None
    while True:
        call_start = time.monotonic()
        try:
            return await call()
        except (RPCError, TimeoutError) as error:
            now = time.monotonic()
            # A call that took so long was waiting for a result, so Temporal was within reach.
            if outage_start is None or now - call_start > _OUTAGE_LIMIT_SECONDS:
                outage_start = now
            if is_permanent(error) or now - outage_start > _OUTAGE_LIMIT_SECONDS:
                raise NotAccepted(
                    f"Temporal does not take the batch ({describe_failure(error)}): run the same "
                    "command again, and the import goes on"
                ) from error
            await asyncio.sleep(_RETRY_INTERVAL_SECONDS)
