"""From a call's keywords to the JSON of one message of a batch, checked in the caller's line."""

import re
import time
from datetime import UTC, datetime, timezone
from itertools import count
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from pydantic_core import to_json

from durable_analytics.client.inputs import checked_message
from durable_analytics.errors import ValidationError
from durable_analytics.wire.fast_check import context_passes_fast_check, passes_fast_check
from durable_analytics.wire.field_types import is_message_id
from durable_analytics.wire.json_writer import may_hold_nan
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.timestamps import checked_timestamp, is_missing_time, write_timestamp

_CLIENT_OPTIONS = frozenset({"integration", "policies", "request_options", "strict"})
"""Options of a whole execution, which a call cannot have."""

_ENVELOPE_KEYS = frozenset({"context", "message_id", "timestamp"})
"""Keywords of a call that are not specific to its method."""


class Serializer:
    """Serializes messages: common ones fast, all others as `AnalyticsClient` reads them.

    Args:
        strict: Whether to refuse all that breaks the contract, or only what a provider would.
        limit_bytes: The largest message that fits a batch.
    """

    def __init__(self, *, strict: bool, limit_bytes: int) -> None:
        self._strict = strict
        self._limit_bytes = limit_bytes
        # Random for the process, numbered for the message: a UUID would take ten times as long.
        prefix = str(uuid4())[:24]
        self._ids = map(f"{prefix}%012x".__mod__, count())
        self._time = (0, "")

    def serialize(self, key: str, call: JsonObject) -> tuple[bytes, str]:
        """Check a call, and serialize its message.

        Args:
            key: The method's.
            call: The keywords without the callback.

        Returns:
            The message as JSON, and its id.

        Raises:
            ValidationError: The message breaks the contract, or alone is too large for a batch.
        """
        message_id = next(self._ids)
        item, envelope = None, _EMPTY
        fields: JsonObject | None = call
        if not _ENVELOPE_KEYS.isdisjoint(call):
            fields, envelope = _split_envelope(call, strict=self._strict)
        if fields is not None and passes_fast_check(
            key, fields, is_lenient=not self._strict, holds_json=holds_only_builtins
        ):
            message_id = envelope.get("message_id", message_id)
            message = {"type": key, "message_id": message_id, **fields, **envelope}
            if "timestamp" not in envelope:
                # Not "timestamp": it is left out if the provider has no field for a time.
                message["default_timestamp"] = self._now()
            item = _to_json(message)
        if item is None:
            item, message_id = self._validate_and_serialize(key, call, message_id)
        if len(item) > self._limit_bytes:
            raise ValidationError.at(
                key,
                f"has {len(item)} bytes as JSON; the limit for a batch is {self._limit_bytes}: "
                "send less data",
            )
        return item, message_id

    def next_id(self) -> str:
        """Return an id that no other message has."""
        return next(self._ids)

    def _validate_and_serialize(
        self, key: str, call: JsonObject, message_id: str
    ) -> tuple[bytes, str]:
        """Check as `AnalyticsClient` does, which accepts more, and has errors."""
        for name in _CLIENT_OPTIONS.intersection(call):
            raise ValidationError.at(
                name, "is an option of the client, not of a call: create a client for each value"
            )
        if "type" in call:
            raise ValidationError.at(
                f"{key}.type", "is not a known key: the name of the method sets the type"
            )
        message = checked_message(METHODS[key], call, message_id, strict=self._strict)
        if is_missing_time(message.get("timestamp")):
            message["default_timestamp"] = self._now()
        return to_json({"type": key, **message}), message["message_id"]

    def _now(self) -> str:
        """The time as text, made once a millisecond: it takes as long as the check of a message."""
        millisecond = int(time.time() * 1000)
        cached_millisecond, text = self._time
        if cached_millisecond != millisecond:
            text = write_timestamp(datetime.now(UTC))
            self._time = (millisecond, text)
        return text


_EMPTY: JsonObject = {}
_ZONES = frozenset({timezone, ZoneInfo})
_LONG_NUMBER = re.compile(rb"\D\d{4301}")
"""More digits than the worker's JSON parser and `json` accept; a text may have as many."""


def _split_envelope(call: JsonObject, *, strict: bool) -> tuple[JsonObject | None, JsonObject]:
    """The fields of the method and the envelope; no fields if an envelope key needs the full check.

    None is "not set".
    """
    fields, envelope = dict(call), dict[str, Any]()
    if (timestamp := fields.pop("timestamp", None)) is not None:
        envelope["timestamp"] = timestamp = _read_timestamp(timestamp)
        if timestamp is None:
            return None, _EMPTY
    if (message_id := fields.pop("message_id", None)) is not None:
        if type(message_id) is not str or not is_message_id(message_id):
            return None, _EMPTY
        envelope["message_id"] = message_id
    if (context := fields.pop("context", None)) is not None:
        is_plain = type(context) is dict and holds_only_builtins(context)
        if not strict or not is_plain or not context_passes_fast_check(context):
            return None, _EMPTY
        envelope["context"] = context
    return fields, envelope


def _read_timestamp(value: Any) -> str | None:
    """A valid timestamp as `AnalyticsClient` would write it; None if it needs the full check."""
    if type(value) is datetime:
        zone = value.tzinfo or UTC
        if zone is UTC:  # always valid: the year and the offset cannot be out of range
            text: str = (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
            return text
        if type(zone) not in _ZONES:  # another class may raise anything
            return None
        value = value.isoformat()
    if type(value) is not str:
        return None
    try:
        checked_timestamp(value)
    except ValueError:
        return None
    return value


def _to_json(message: JsonObject) -> bytes | None:
    """A message of builtin types as JSON; None if a number or a text in it may not be JSON."""
    try:
        item = to_json(message)
    except ValueError:  # a lone surrogate
        return None
    if may_hold_nan(item):
        return None
    if len(item) > 4301 and _LONG_NUMBER.search(item):
        return None
    return item


_ATOMS = frozenset({str, int, float, bool, type(None)})
_CONTAINERS = frozenset({dict, list, tuple})
_MAX_LEVELS = 21
"""Deeper values are left to `to_json_values`, which knows the limit."""
_MAX_VALUES = 100_000
"""More values are left to it as well: a list that contains itself has no end."""


def holds_only_builtins(container: Any) -> bool:
    """Whether a dict, list or tuple holds builtin types only, and few levels; NaN is not seen."""
    return _remaining(container, _MAX_VALUES, _MAX_LEVELS) >= 0


def _remaining(container: Any, values: int, levels: int) -> int:
    """Return how many values more there may be; a negative number if there is a wrong one."""
    values -= len(container)
    if values < 0 or not levels:
        return -1
    if type(container) is dict:
        for key in container:
            if type(key) is not str:
                return -1
        container = container.values()
    for value in container:
        if type(value) not in _ATOMS:
            if type(value) not in _CONTAINERS:
                return -1
            values = _remaining(value, values, levels - 1)
            if values < 0:
                return -1
    return values
