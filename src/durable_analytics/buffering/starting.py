"""From a batch of messages to executions that Temporal has: repeated, and split where refused."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from temporalio.common import RawValue

from durable_analytics.buffering.connecting import Connection
from durable_analytics.buffering.outage import Outage
from durable_analytics.buffering.telling import Teller
from durable_analytics.errors import NotAccepted
from durable_analytics.messages import JsonObject
from durable_analytics.starting import (
    batch_envelope,
    batch_id,
    batch_input,
    in_words,
    is_refusal,
    start_batch,
)

_ATTEMPT = timedelta(seconds=5)
"""One attempt to start."""

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0


class Refused(Exception):
    """Temporal will not take this input, however often it is sent."""


class Starter:
    """Starts `Batch` executions, and tells the messages' callers.

    Args:
        options: The keys of the input beside its messages.
        task_queue: Where the workers poll.
        connection: Where to start them.
        outage: Hears of attempts that fail and succeed.
        teller: Hears of messages.
    """

    def __init__(
        self,
        options: JsonObject,
        *,
        task_queue: str,
        connection: Connection,
        outage: Outage,
        teller: Teller,
    ) -> None:
        self._envelope = batch_envelope(options)
        self._integration = options.get("integration")
        self._task_queue = task_queue
        self._connection = connection
        self._outage = outage
        self._teller = teller

    async def start(self, items: Sequence[bytes], left: list[bytes]) -> None:
        """Return once Temporal has all of these, or has refused some for good.

        Args:
            items: What fits one execution.
            left: Where this is cancelled, it gets those of which nobody has been told.
        """
        parts = [items]
        try:
            while parts:
                try:
                    workflow_id = await self._started(parts[-1])
                except Refused as refused:
                    self._split(parts, refused)
                else:
                    self._teller.kept(parts.pop(), workflow_id)
        finally:
            left += [item for part in reversed(parts) for item in part]

    def _split(self, parts: list[Sequence[bytes]], refused: Refused) -> None:
        part = parts.pop()
        if len(part) == 1:
            self._teller.lost(part, NotAccepted(f"Temporal refuses the message: {refused}"))
            return
        middle = len(part) // 2
        parts += [part[middle:], part[:middle]]

    async def _started(self, items: Sequence[bytes]) -> str:
        # Fixed for all attempts, so that one whose answer was lost is joined by the next.
        workflow_id = batch_id(self._integration, uuid4())
        input = batch_input(self._envelope, items)
        pause_seconds = _FIRST_PAUSE_SECONDS
        while (failure := await self._attempt(workflow_id, input)) and not is_refusal(failure):
            self._outage.goes_on(workflow_id, in_words(failure))
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._outage.is_over(workflow_id)
        if failure:
            raise Refused(str(failure)) from failure
        return workflow_id

    async def _attempt(self, workflow_id: str, input: RawValue) -> Exception | None:
        """Start it once; returns why it is not known to be started."""
        try:
            client = await self._connection.client()
            await start_batch(
                client, workflow_id, input, task_queue=self._task_queue, patience=_ATTEMPT
            )
        except Exception as failure:  # noqa: BLE001  # whatever it is, the messages are kept
            return failure
        return None
