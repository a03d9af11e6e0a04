"""A cache of large checked messages between Validation and Request in the same worker."""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from temporalio.common import RawValue

from durable_analytics.providers import Delivery, HttpRequest
from durable_analytics.wire.messages import Message

_Key = tuple[bytes, str]

LARGE_BYTES = 16 * 1024
"""The size of an input from which its preparation takes so long that it is kept."""


@dataclass(frozen=True, slots=True)
class PreparedDelivery:
    """A checked message, and its request as it would have been sent when it was checked."""

    delivery: Delivery[Message]
    request: HttpRequest

    def at(self, sent_at: datetime) -> "PreparedDelivery":
        """Return a copy for an attempt at this time, which leaves out fields anew."""
        return replace(self, delivery=replace(self.delivery, sent_at=sent_at, left_out=set()))


class PreparedDeliveries:
    """A cache of checked messages with a size limit, the oldest of which are removed first.

    A Request in another worker, or a later attempt, checks its message again.
    """

    def __init__(self, most_bytes: int = 2 * 1024 * 1024) -> None:
        self._lock = threading.Lock()  # large inputs are prepared in threads
        self._free_bytes = most_bytes
        self._deliveries: OrderedDict[_Key, PreparedDelivery] = OrderedDict()

    def keep(self, input: Any, plan: Mapping[str, Any], prepared: PreparedDelivery) -> None:
        """Store the message of an input if it is large.

        Args:
            input: The input, as Temporal passes it.
            plan: Its plan.
            prepared: The checked message and its request.
        """
        if not is_large(input):
            return
        key = _key(input, plan)
        with self._lock:
            self._remove(key)  # Validation may have run before
            self._deliveries[key] = prepared
            self._free_bytes -= _size(key)
            while self._free_bytes < 0:
                self._remove(next(iter(self._deliveries)))

    def take(
        self, input: Any, plan: Mapping[str, Any], sent_at: datetime
    ) -> PreparedDelivery | None:
        """Remove and return the message of an input; None if it is not stored.

        Args:
            input: The input, as Temporal passes it.
            plan: Its plan.
            sent_at: The time of this attempt.
        """
        if not is_large(input):
            return None
        with self._lock:
            kept = self._remove(_key(input, plan))
        return kept.at(sent_at) if kept else None

    def _remove(self, key: _Key) -> PreparedDelivery | None:
        kept = self._deliveries.pop(key, None)
        if kept:
            self._free_bytes += _size(key)
        return kept


def is_large(input: Any) -> bool:
    """Whether the preparation of an input takes so long that it would block the event loop."""
    return isinstance(input, RawValue) and len(input.payload.data) > LARGE_BYTES


def _key(input: RawValue, plan: Mapping[str, Any]) -> _Key:
    return input.payload.data, json.dumps(
        [plan.get("integration"), plan.get("message")], sort_keys=True
    )


def _size(key: _Key) -> int:
    return len(key[0])
