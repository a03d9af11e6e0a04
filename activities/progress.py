"""The settled messages of a batch, which heartbeats pass from one attempt to the next."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio import activity

from activities.attempt import Attempt
from durable_analytics.delivery.batch_preparation import PreparedMessage
from durable_analytics.errors import DeliveryError
from durable_analytics.wire.activity_results import checked_rest
from durable_analytics.wire.indexes import decode_indexes, encode_indexes
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Rejection, Response
from durable_analytics.wire.reasons import decode_reasons, encode_reasons, shorten_reasons

_LIMIT_BYTES = 56 * 1024
"""The limit for the progress as JSON. With one more response, and with the failure of an attempt, a
heartbeat stays below 64 KiB; Temporal stores each of them."""

_OF_LAST_FAILURE = ("error", "response", "attempts")

_BEATS = 3
"""Heartbeats per heartbeat timeout."""

HEARTBEAT_INTERVAL = timedelta(milliseconds=50)
"""The shortest time between two heartbeats. After a worker is killed, messages and slices that no
heartbeat recorded are sent again; the SDK's default is 60 s."""


@dataclass(slots=True)
class Progress:
    """The messages that the provider accepted or rejected, and the slices that are open."""

    accepted: set[int] = field(default_factory=set)
    rejected: dict[int, Rejection] = field(default_factory=dict)
    responses: list[Response] = field(default_factory=list)
    """The responses to the slices that are settled."""

    open: list[tuple[int, int]] | None = None
    """The slices that are not settled, in order; None before the first attempt."""

    split: tuple[int, int] = (0, 0)
    """The slice that is being halved after the status 413: its end, and how often it was halved."""

    last_failure: JsonObject = field(default_factory=dict)
    """The `error`, the `response` and the `attempts` of the attempts before, which heartbeats must
    repeat."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after a message was settled; a heartbeat follows."""

    @classmethod
    def of_earlier_attempts(cls, message_id: Callable[[int], str | None]) -> "Progress":
        """Read the last heartbeat of this activity.

        Args:
            message_id: Returns the id of the message at an index.
        """
        details = activity.info().heartbeat_details
        earlier = checked_rest(details[0] if details else None)
        rejected = {one["index"]: one for one in earlier.get("rejected", [])}
        for index, error in decode_reasons(earlier.get("reasons", [])).items():
            rejected[index] = {"index": index, "message_id": message_id(index), "error": error}
        return cls(
            set(decode_indexes(earlier.get("accepted", ""))),
            rejected,
            earlier.get("responses", []),
            [(first, end) for first, end in earlier["open"]] if "open" in earlier else None,
            tuple(earlier.get("split", (0, 0))),
            {key: earlier[key] for key in _OF_LAST_FAILURE if key in earlier},
        )

    def as_json(self) -> JsonObject:
        """Return the progress as small JSON, because Temporal stores it with each heartbeat."""
        return self._as_json()[0]

    def _as_json(self) -> tuple[JsonObject, bool]:
        """Return the progress, and whether its reasons had to be shortened."""
        details: JsonObject = {
            "accepted": encode_indexes(self.accepted),
            "reasons": encode_reasons(self.rejected.values()),
        }
        if self.open is not None:
            details |= {"responses": self.responses, "open": self.open, "split": self.split}
        is_large = len(json.dumps(details)) > _LIMIT_BYTES
        if is_large:
            details["reasons"] = shorten_reasons(details["reasons"])
        return details, is_large

    def unsettled(self, messages: Iterable[PreparedMessage]) -> list[PreparedMessage]:
        """Return the messages that are not settled."""
        settled = self.accepted | self.rejected.keys()
        return [message for message in messages if message.index not in settled]

    def add_rejected(self, rejected: Iterable[Rejection]) -> None:
        """Settle messages whose preparation failed."""
        self.rejected.update((rejection["index"], rejection) for rejection in rejected)

    def reject(self, messages: Iterable[PreparedMessage], error: DeliveryError) -> None:
        """Settle messages as rejected."""
        for message in messages:
            self.rejected[message.index] = message.rejected(error)

    def retry_or_reject(
        self, messages: Sequence[PreparedMessage], error: DeliveryError, attempt: Attempt
    ) -> None:
        """End an attempt in which some messages were not settled.

        Raises:
            DeliveryError: The policy allows another attempt, which continues from this progress.
        """
        if not attempt.is_last(error):
            raise error
        concluded = attempt.concluded(error)
        attempt.report(concluded)
        self.reject(self.unsettled(messages), concluded)

    def beat(self) -> bool:
        """Send a heartbeat; return whether it holds all reasons and responses."""
        details, is_shortened = self._as_json()
        if not activity.info().is_local:
            activity.heartbeat({**self.last_failure, **details})
        return not is_shortened

    @asynccontextmanager
    async def heartbeats(self) -> AsyncIterator[None]:
        """Send heartbeats while requests are running, and soon after `changed` is set."""
        beating = asyncio.create_task(self._keep_beating())
        try:
            yield
        finally:
            beating.cancel()

    async def _keep_beating(self) -> None:
        timeout = activity.info().heartbeat_timeout
        longest = timeout.total_seconds() / _BEATS if timeout else None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(longest):
                    await self.changed.wait()
            self.changed.clear()
            self.beat()
            await asyncio.sleep(HEARTBEAT_INTERVAL.total_seconds())
