"""From a call's keywords to the bytes of one message of a batch, checked in the caller's line."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from pydantic_core import to_json

from durable_analytics.buffering.doubtless import is_right, is_right_context
from durable_analytics.client import as_input
from durable_analytics.contract import METHODS
from durable_analytics.errors import ValidationError
from durable_analytics.messages import Context, JsonObject, instant, is_message_id
from durable_analytics.reading import needs_message_id, read, snake_case

OF_THE_CLIENT = frozenset({"integration", "policies", "request_options", "strict"})
"""Options that hold for a whole execution, and so are no keywords of a call."""

_MARKS = frozenset({"context", "message_id", "timestamp"})
"""Keywords of a call that are no fields of the method's own."""


class Writer:
    """Writes messages; the common ones quickly, all others as `AnalyticsClient` reads them.

    Args:
        strict: Whether all is refused that breaks the contract, or only what a provider would.
        overhead_bytes: What each message costs in a batch beside its own bytes.
        most_bytes: What a batch may hold.
    """

    def __init__(self, *, strict: bool, overhead_bytes: int, most_bytes: int) -> None:
        self._strict = strict
        self._most_bytes = most_bytes - overhead_bytes
        # Random for the process, numbered for the message: a UUID would take ten times as long.
        prefix = str(uuid4())[:24]
        self._ids = map(f"{prefix}%012x".__mod__, count())
        self._told = (0, "")

    def write(self, key: str, call: JsonObject) -> tuple[bytes, str]:
        """Check a call, and write its message.

        Args:
            key: The method's.
            call: The keywords, but for the callback.

        Returns:
            The message as JSON, and its id.

        Raises:
            ValidationError: The message breaks the contract, or alone is too large for a batch.
        """
        message_id = next(self._ids)
        fields, beside = call, _NOTHING
        if not _MARKS.isdisjoint(call):
            fields, beside, message_id = _apart(call, message_id)
        item = None
        if is_right(key, fields):
            now = self._now()
            item = _as_json(
                {"type": key, "message_id": message_id, "timestamp": now, **fields, **beside}
            )
        if item is None:
            item, message_id = self._carefully(key, call, message_id)
        if len(item) > self._most_bytes:
            raise ValidationError.at(
                key, f"is {len(item)} bytes as JSON; at most {self._most_bytes} fit a batch"
            )
        return item, message_id

    def _carefully(self, key: str, call: JsonObject, message_id: str) -> tuple[bytes, str]:
        """Check as `AnalyticsClient` does, which takes more than the quick way, and has words."""
        for name in OF_THE_CLIENT.intersection(call):
            raise ValidationError.at(name, "belongs to the client: make a client for each")
        if "type" in call:
            raise ValidationError.at(f"{key}.type", "is not a known key: the method says it")
        method = METHODS[key]
        data: JsonObject = {} if self._strict else {"strict": False}
        given = dict(call)
        if "context" in given:
            context = given.pop("context")
            is_object = isinstance(context, Mapping)
            data["context"] = (
                snake_case(dict(context), Context, "context") if is_object else context
            )
        data = as_input(method, {**data, key: given})
        fields = data[key]
        if needs_message_id(fields, lenient=not self._strict):
            fields["message_id"] = message_id
        if fields.get("timestamp") is None:
            fields["timestamp"] = self._now()
        read(method, data)
        beside = {"context": data["context"]} if "context" in data else {}
        return to_json({"type": key, **fields, **beside}), fields["message_id"]

    def _now(self) -> str:
        """The time, written once a millisecond: that takes as long as to check a message."""
        millisecond = int(time.time() * 1000)
        told, text = self._told
        if told != millisecond:
            text = instant(datetime.now(UTC))
            self._told = (millisecond, text)
        return text


_NOTHING: JsonObject = {}
_N, _I = b"NI"
_LONG_NUMBER = re.compile(rb"\D\d{4301}")
"""More digits than the worker's reader of JSON takes, and than `json` writes; or a text of such."""


def _apart(call: JsonObject, message_id: str) -> tuple[JsonObject, JsonObject, str]:
    """The fields, what goes beside them, and the id; what is not right stays with the fields."""
    fields, beside = dict(call), _NOTHING
    if is_message_id(fields.get("message_id")):
        message_id = fields.pop("message_id")
    if is_right_context(fields.get("context")):
        beside = {"context": fields.pop("context")}
    return fields, beside, message_id


def _as_json(message: JsonObject) -> bytes | None:
    """A message of builtin types; None where a number or a text in it may be none of JSON."""
    try:
        item = to_json(message)
    except ValueError:  # a lone surrogate
        return None
    # NaN and the infinities are written by their names, which may also stand in a text. A single
    # byte is looked for several times as fast.
    if (_N in item and b"NaN" in item) or (_I in item and b"Infinity" in item):
        return None
    if len(item) > 4301 and _LONG_NUMBER.search(item):
        return None
    return item
