"""A cache of large prepared messages: Validation stores them, Request in the same worker uses them.

Without it, a worker would read and check a large message twice.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from temporalio.common import RawValue

from durable_analytics.providers import Delivery
from durable_analytics.wire.messages import Message

_Key = tuple[bytes, str]

LARGE_BYTES = 16 * 1024
"""Larger inputs take so long to prepare that the prepared message is cached."""


class PreparedDeliveries:
    """A cache of prepared messages. Above its size limit, it removes the oldest ones.

    A message is taken out of the cache by the first attempt. A later attempt, or one on another
    worker, prepares the message again.
    """

    def __init__(self, most_bytes: int = 4 * 1024 * 1024) -> None:
        self._lock = threading.Lock()  # large inputs are prepared in threads
        self._free_bytes = most_bytes
        self._deliveries: OrderedDict[_Key, Delivery[Message]] = OrderedDict()

    def keep(self, input: Any, plan: Mapping[str, Any], delivery: Delivery[Message]) -> None:
        """Store the prepared message of an input, if the input is large.

        Args:
            input: The input, as Temporal passes it.
            plan: The plan that Validation made for the input.
            delivery: The prepared message, with the request that was built for it.
        """
        if not is_large(input):
            return
        key = _key(input, plan)
        with self._lock:
            self._remove(key)  # an earlier attempt of Validation may have stored it
            self._deliveries[key] = delivery
            self._free_bytes -= _size(key, delivery)
            while self._free_bytes < 0:
                self._remove(next(iter(self._deliveries)))

    def take(
        self, input: Any, plan: Mapping[str, Any], sent_at: datetime
    ) -> Delivery[Message] | None:
        """Remove and return the prepared message of an input; None if it is not stored.

        Args:
            input: The input, as Temporal passes it.
            plan: The plan that Validation made for the input.
            sent_at: The time of this attempt.
        """
        if not is_large(input):
            return None
        with self._lock:
            kept = self._remove(_key(input, plan))
        return replace(kept, sent_at=sent_at, left_out=set()) if kept else None

    def _remove(self, key: _Key) -> Delivery[Message] | None:
        kept = self._deliveries.pop(key, None)
        if kept:
            self._free_bytes += _size(key, kept)
        return kept


def is_large(input: Any) -> bool:
    """Whether an input is so large that preparing it would block the event loop for too long."""
    return isinstance(input, RawValue) and len(input.payload.data) > LARGE_BYTES


def _key(input: RawValue, plan: Mapping[str, Any]) -> _Key:
    return input.payload.data, json.dumps(
        [plan.get("integration"), plan.get("message")], sort_keys=True
    )


def _size(key: _Key, delivery: Delivery[Message]) -> int:
    """The bytes of the input, the plan and the body; the parsed values are not counted."""
    body = delivery.earlier.content() if delivery.earlier else None
    return sum(map(len, key)) + len(body or b"")
