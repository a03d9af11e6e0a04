"""The workflow executions that the gateway starts for messages and deletions."""

import asyncio
from collections.abc import Collection, Hashable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

from pydantic_core import from_json
from temporalio.client import Client

from durable_analytics import AnalyticsClient
from durable_analytics.temporal.batch_start import (
    batch_envelope,
    batch_id,
    batch_input,
    start_batch,
)
from gateway.coalescing import Coalescer
from gateway.errors import retry_later, too_large
from gateway.gateway_message import GatewayMessage
from gateway.partition import LIMIT_BYTES, Part
from gateway.settings import Settings
from gateway.sources import Source
from gateway.stores import RETRY_SECONDS, Store, Stores
from gateway.storing import store
from gateway.temporal_health import TemporalHealth

_ATTEMPT_TIMEOUT = timedelta(seconds=60)
"""The timeout of one attempt to start an execution, whether or not requests still wait for it."""

_ENTRY_BYTES = 512
"""The memory that each message takes while it is stored, in addition to its content."""


class Executions:
    """Starts executions, and returns when Temporal has stored them.

    Args:
        client: A client, perhaps not yet connected.
        settings: The settings of the gateway.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._task_queue = settings.task_queue
        self._timeout_seconds = settings.gateway.answer_timeout.total_seconds()
        self._health = TemporalHealth(client)
        self._stores = Stores(self._health, self._timeout_seconds)
        self._recent = self._stores.recent
        self._deletes = AnalyticsClient(
            client,
            task_queue=settings.task_queue,
            start_timeout=_ATTEMPT_TIMEOUT,
            user_hash_keys=settings.hash_keys,
        )
        self._coalescer = Coalescer(self._store, settings.gateway.gather_interval)

    async def start_single(self, source: Source, message: GatewayMessage) -> None:
        """Deliver a message to each integration of its source, combined with other messages.

        Raises:
            RequestError: The message is too large, or Temporal does not store it in time.
        """
        options = source.settings.options_json
        if len(message.content) + len(options) > LIMIT_BYTES:
            raise too_large("the message", LIMIT_BYTES)
        await self.start_batch(source, [Part(None, [message], options)])

    async def start_batch(self, source: Source, parts: Sequence[Part]) -> None:
        """Deliver the messages of one request, combined with other requests of its source.

        A retry of the request joins its executions.

        Raises:
            RequestError: Temporal does not store all of them in time.
        """
        stores: set[Store] = set()
        unjoinable: list[Store] = []
        for part in parts:
            for name in source.settings.integrations:
                if part.is_joined:
                    stores |= self._join(source.name, name, part)
                else:
                    unjoinable.append(self._begin(name, part))
        await self._stores.wait([*stores, *unjoinable], unjoinable=unjoinable)

    async def delete(self, source: Source, user_id: str) -> None:
        """Delete a person at each integration of the source.

        Raises:
            RequestError: Temporal does not store it in time.
        """
        stores: dict[Hashable, Store | None] = {}
        for name in source.settings.integrations:
            start = partial(
                self._deletes.delete, integration=name, user_id=user_id, message_id=str(uuid4())
            )
            key: Hashable = ("delete", source.name, name, user_id)
            stores[key] = self._stores.join(
                key, len(user_id), partial(self._stores.create_task, start)
            )
        await self._stores.wait(stores.values())
        # A later deletion is not a retry: the person may have come back.
        for key in stores:
            self._recent.forget(key)

    async def check_ready(self) -> None:
        """Return if Temporal accepts messages.

        Raises:
            RequestError: 503, it does not.
        """
        await self._health.check()
        reason = self._health.failure
        if reason is None and self._health.overdue(self._timeout_seconds):
            reason = "a message is not stored in time"
        if reason:
            raise retry_later(503, f"Temporal does not accept messages: {reason}", RETRY_SECONDS)

    async def close(self) -> None:
        """Wait for the stores in progress for a few seconds, unless Temporal is out of reach."""
        await self._stores.close()

    def _join(self, source: str, integration: str, part: Part) -> set[Store]:
        """The stores in progress with messages of this part, and a new one for the others.

        An SDK may combine messages from a failed request with others in its retry.
        """
        stores: set[Store] = set()
        others: list[GatewayMessage] = []
        keys: set[Hashable] = set()
        for message in part.items:
            # A single message, whose part has no source, is another one than the same in a list.
            key = part.source, source, integration, message.digest
            if joined := self._recent.in_progress(key):
                stores.add(joined)
            elif not self._recent.is_stored(key):
                others.append(message)
                keys.add(key)
        if others:
            stores.add(self._begin(integration, part.of(others), keys))
        return stores

    def _begin(self, integration: str, part: Part, keys: Collection[Hashable] = ()) -> Store:
        def create() -> Store:
            if part.is_gathered:
                return self._coalescer.put(integration, part)
            return asyncio.create_task(self._store(integration, part))

        size = part.shared_bytes + part.messages_bytes + _ENTRY_BYTES * len(part.items)
        return self._stores.begin(size, create, keys)

    async def _store(self, integration: str, part: Part) -> None:
        await store(self._health, partial(self._start, integration, part.unique, part))

    async def _start(self, integration: str, unique: UUID, part: Part) -> None:
        options = from_json(part.options)
        envelope = batch_envelope({"integration": integration, "strict": False, **options})
        await start_batch(
            self._client,
            batch_id({"integration": integration}, unique),
            batch_input(envelope, part.contents),
            integrations=[integration],
            count=len(part.items),
            task_queue=self._task_queue,
            start_timeout=_ATTEMPT_TIMEOUT,
        )
