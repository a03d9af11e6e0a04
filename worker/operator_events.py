"""Sends events about failing providers and failed deliveries to operators, by an integration."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from durable_analytics.temporal.batch_start import VisibleFields, describe_failure, start_once
from durable_analytics.wire.message_counts import CANCELED, MessageCount
from durable_analytics.wire.operator_events import DELIVERY_FAILED, FAILING, operator_event
from durable_analytics.wire.search_attributes import start_attributes

log = logging.getLogger("durable_analytics.integrations")

WINDOW_SECONDS = 600
"""All processes together send an event about an integration once in this time: its id is derived
from the window, so a second start joins the first."""

_NAMESPACE = uuid.UUID("a8a0a9c4-4a4e-5a3c-9a41-3d8c6a0d6d1f")
"""The UUIDv5 namespace of the events."""

_START_TIMEOUT = timedelta(seconds=10)
_SECONDS_BETWEEN_TRIES = 5.0
_MOST_TRIES = 10


class OperatorEvents:
    """Sends the events that a worker process sees; the control workflows send those of pauses.

    Args:
        webhook: The integration that gets the events; None sends none.
        clock: The seconds since 1970.
    """

    def __init__(self, webhook: str | None, clock: Callable[[], float] = time.time) -> None:
        self._webhook = webhook
        self._clock = clock
        self._client: Client | None = None
        self._task_queue = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: dict[tuple[str, str], int] = {}
        """The last window of each event and integration."""

    def start(self, client: Client, task_queue: str) -> None:
        """Send events from now on.

        Args:
            client: The connection of the worker.
            task_queue: The task queue of the workers.
        """
        self._client, self._task_queue = client, task_queue
        self._loop = asyncio.get_running_loop()

    def stop(self) -> None:
        """Stop, also in the middle of a send."""
        self._client = None
        for task in self._tasks:
            task.cancel()

    def messages(self, counts: Iterable[MessageCount]) -> None:
        """Send an event for messages that have failed; any thread may call it."""
        for count in counts:
            if count.stage == "failed" and count.reason != CANCELED:
                self._notify(
                    DELIVERY_FAILED,
                    count.integration,
                    {"reason": count.reason, "messages": count.messages},
                )

    def failing(self, integration: str, percent: int, reason: str) -> None:
        """Take an integration of which so many attempts fail.

        Args:
            integration: The integration.
            percent: One of `LEVELS`.
            reason: The last failure.
        """
        self._notify(FAILING, integration, {"percent": percent, "reason": reason}, f"{percent}")

    def _notify(
        self, event: str, integration: str | None, properties: Mapping[str, Any], part: str = ""
    ) -> None:
        # An event about its own integration could not be delivered, which would be another event.
        if self._loop is None or self._webhook is None or integration == self._webhook:
            return
        key, window = (f"{event}:{part}", integration or ""), int(self._clock() / WINDOW_SECONDS)
        if self._sent.get(key) == window:
            return
        self._sent[key] = window
        name = ":".join([self._task_queue, *key, str(window)])
        message_id = str(uuid.uuid5(_NAMESPACE, name))
        self._loop.call_soon_threadsafe(
            self._start, event, {"integration": integration, **properties}, message_id
        )

    def _start(self, event: str, properties: Mapping[str, Any], message_id: str) -> None:
        if self._client:
            task = asyncio.create_task(self._send(self._client, event, properties, message_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(
        self, client: Client, event: str, properties: Mapping[str, Any], message_id: str
    ) -> None:
        assert self._webhook  # noqa: S101  # checked before
        made = operator_event(self._webhook, event, properties, message_id)
        for _ in range(_MOST_TRIES):
            try:
                await start_once(
                    client,
                    made.workflow,
                    made.input,
                    workflow_id=made.workflow_id,
                    task_queue=self._task_queue,
                    start_timeout=_START_TIMEOUT,
                    visible=VisibleFields(made.summary, start_attributes([self._webhook])),
                )
            except (RPCError, TimeoutError) as error:
                reason = describe_failure(error)
                log.warning("event not sent", extra={"event_name": event, "reason": reason})
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                return
