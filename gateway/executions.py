"""What the gateway starts: executions that Temporal has stored before anybody is answered."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Sequence
from functools import partial
from uuid import UUID, uuid4, uuid5

from pydantic_core import to_json
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics import AnalyticsClient, NotAccepted
from durable_analytics.batches import BATCH_LIMIT_BYTES
from durable_analytics.messages import JsonObject
from durable_analytics.starting import (
    batch_envelope,
    batch_id,
    batch_input,
    in_words,
    is_refusal,
    start_batch,
)
from gateway.gathering import MOST_MESSAGES, Gatherer
from gateway.messages import SHARED_LIMIT_BYTES, Item
from gateway.refusals import Refusal, too_large, try_again
from gateway.settings import Settings
from gateway.sources import Sender

log = logging.getLogger("durable_analytics.gateway")

_BATCHES = UUID("0c3d5f0a-5a55-5b0e-8f0e-6d3f0f2b6a4e")
"""The UUIDv5 namespace of the batches that SDKs send."""

_RETRY_SECONDS = 1
"""SDKs wait longer with each attempt by themselves."""

_OUTAGE = (RPCError, TimeoutError, RuntimeError, NotAccepted)
"""How Temporal is out of reach; the third is how the SDK says it of a connection."""

_LIMIT_BYTES = BATCH_LIMIT_BYTES - 1024
"""Of the messages and the context of an execution."""


class Executions:
    """Starts executions, for requests that wait until they are stored.

    Args:
        client: Connected, or about to be.
        settings: The gateway's.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._task_queue = settings.task_queue
        self._patience = settings.gateway.answer_timeout
        self._is_away = False
        self._deletes = AnalyticsClient(
            client, task_queue=settings.task_queue, start_timeout=self._patience
        )
        names = {name for source in settings.sources.values() for name in source.integrations}
        self._gatherers = {
            name: Gatherer(partial(self._store, name), settings.gateway.gather_interval)
            for name in names
        }

    async def one(self, sender: Sender, item: Item) -> None:
        """Deliver one message to each integration of its sender, gathered with others.

        Raises:
            Refusal: Temporal is not known to have it, or could not take it.
        """
        if len(item.content) > _LIMIT_BYTES:
            raise too_large("the message", _LIMIT_BYTES)
        gatherers = (self._gatherers[name] for name in sender.source.integrations)
        await self._stored(*(gatherer.put(item.content) for gatherer in gatherers))

    async def batch(self, sender: Sender, items: Sequence[Item], context: JsonObject) -> None:
        """Deliver messages that came together, in executions that the same request joins again.

        Raises:
            Refusal: Temporal is not known to have them, or could not take one of them.
        """
        options: JsonObject = {"context": context} if context else {}
        shared_bytes = len(to_json(options))
        parts = list(_parts(items, shared_bytes))
        if len(parts) * shared_bytes > SHARED_LIMIT_BYTES:
            raise too_large("what context makes in all executions", SHARED_LIMIT_BYTES)
        await self._stored(
            *(
                self._start(name, _unique(sender, part), [one.content for one in part], options)
                for part in parts
                for name in sender.source.integrations
            )
        )

    async def delete(self, sender: Sender, user_id: str) -> None:
        """Delete a person at each integration of the sender.

        Raises:
            Refusal: Temporal is not known to have it.
        """
        names = sender.source.integrations
        await self._stored(
            *(self._deletes.delete(integration=name, user_id=user_id) for name in names)
        )

    async def ready(self) -> None:
        """Return when Temporal answers.

        Raises:
            Refusal: It does not.
        """
        service = self._client.workflow_service
        await self._stored(service.get_system_info(GetSystemInfoRequest(), timeout=self._patience))

    async def _stored(self, *starts: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                await (starts[0] if len(starts) == 1 else asyncio.gather(*starts))
        except _OUTAGE as error:
            if is_refusal(error):
                raise Refusal(413, "Temporal refuses it: send less at a time") from None
            self._tell(error)
            told = "not stored: Temporal is out of reach; send it again"
            raise try_again(503, told, _RETRY_SECONDS) from None
        self._tell(None)

    def _tell(self, failure: Exception | None) -> None:
        """Log the beginning of an outage, and its end."""
        if failure and not self._is_away:
            log.warning("Temporal is out of reach: answering 503: %s", in_words(failure))
        elif self._is_away and not failure:
            log.warning("Temporal takes messages again")
        self._is_away = failure is not None

    async def _store(self, integration: str, contents: Sequence[bytes]) -> None:
        await self._start(integration, uuid4(), contents, {})

    async def _start(
        self, integration: str, unique: UUID, contents: Sequence[bytes], options: JsonObject
    ) -> None:
        envelope = batch_envelope({"integration": integration, "strict": False, **options})
        await start_batch(
            self._client,
            batch_id(integration, unique),
            batch_input(envelope, contents),
            task_queue=self._task_queue,
            patience=self._patience,
        )


def _unique(sender: Sender, items: Sequence[Item]) -> UUID:
    """The same for the same messages in the same order: a repeated request starts nothing."""
    return uuid5(_BATCHES, to_json([sender.name, *(one.message_id for one in items)]).decode())


def _parts(items: Sequence[Item], shared_bytes: int) -> Iterator[list[Item]]:
    """What fits one execution each, in order.

    Args:
        items: The messages.
        shared_bytes: What each execution holds beside them, and makes part of each of them.

    Raises:
        Refusal: A message alone does not fit.
    """
    most_bytes = _LIMIT_BYTES - shared_bytes
    # Of the context in all messages of an execution, the worker takes 16 MiB.
    most = min(MOST_MESSAGES, SHARED_LIMIT_BYTES // shared_bytes)
    part: list[Item] = []
    size = 0
    for item in items:
        length = len(item.content) + 1
        if length > most_bytes:
            raise too_large("a message, with the context beside it,", _LIMIT_BYTES)
        if part and (size + length > most_bytes or len(part) >= most):
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    if part:
        yield part
