"""Preparation of certainly valid messages of a batch from their fields, without their models."""

from collections.abc import Callable
from typing import Any

from durable_analytics.delivery.message_shapes import Shape, shape_of
from durable_analytics.delivery.preparation import DEFAULT_TIMESTAMP, Defaults
from durable_analytics.errors import ValidationError
from durable_analytics.providers import PlainItems, Provider
from durable_analytics.wire.contexts import split_context
from durable_analytics.wire.fast_check import field_kinds, passes_fast_check
from durable_analytics.wire.field_types import is_message_id
from durable_analytics.wire.keys import snake_case
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS
from durable_analytics.wire.parsing import Envelope
from durable_analytics.wire.timestamps import checked_timestamp, write_timestamp

BatchMessage = tuple[str, str, str | None, JsonObject]
"""A message's key of the endpoint for batches, its method, its id, and its item."""

_NOTHING: JsonObject = {}

_MOST_SHAPES = 100
"""Shapes that are known for one batch: finding one takes as long as a few messages."""


class FastPath:
    """Builds the items of messages that are certainly valid, as `prepare` and the provider would.

    Args:
        provider: The provider to deliver to.
        plain: How the provider builds items without models.
        envelope: The envelope of the input.
        defaults: Returns the id and the time for the message at an index that has none.
    """

    def __init__(
        self,
        provider: Provider,
        plain: PlainItems,
        envelope: Envelope,
        defaults: Callable[[int], Defaults],
    ) -> None:
        self._provider = provider
        self._plain = plain
        self._envelope = envelope
        self._defaults = defaults
        self._models = {method: METHODS[method].message for method in plain.methods}
        self._shared_context = plain.context(envelope.context, envelope.strict)
        self._shapes: dict[tuple[str, ...], Shape | None] = {}

    def read(self, index: int, message: Any) -> BatchMessage | None:
        """Return a message as the provider takes it; None if it needs the full check.

        Args:
            index: The index of the message in the whole input.
            message: The message, unchanged.

        Raises:
            ValidationError: The provider refuses the message.
        """
        method = message.get("type") if isinstance(message, dict) else None
        if not isinstance(method, str) or method not in self._models:
            return None
        keys = (method, *message)
        try:
            shape = self._shapes[keys]
        except KeyError:
            shape = self._add_shape(keys, message)
        if shape and shape.fits(message, is_lenient=not self._envelope.strict):
            message_id = message.get(shape.message_id)
            if message_id is None:
                message_id = self._defaults(index).message_id()
            time, default_time = message.get(shape.timestamp), message.get(DEFAULT_TIMESTAMP)
            timestamp = self._timestamp(index, time, default_time)
            if timestamp is not None and is_message_id(message_id):
                item = shape.item(message, message_id, timestamp)
                return self._plain.batch_key, method, message_id, item
        return self._read_fields(index, method, message)

    def _add_shape(self, keys: tuple[str, ...], message: JsonObject) -> Shape | None:
        """Return the shape of a message, if its keys alone decide how it is built."""
        if not self._plain.only_moves or len(self._shapes) == _MOST_SHAPES:
            return None
        shape = self._shapes[keys] = shape_of(message, self._make_item)
        return shape

    def _make_item(self, message: JsonObject) -> JsonObject | None:
        plain = self._read_fields(0, message["type"], message)
        return plain and plain[3]

    def _read_fields(self, index: int, method: str, message: JsonObject) -> BatchMessage | None:
        try:
            fields = snake_case(message, self._models[method], "")
            fields, context, is_left_out = self._split_context(fields)
        except ValidationError:
            return None
        if is_left_out:
            return None
        del fields["type"]
        default_time = fields.pop(DEFAULT_TIMESTAMP, None)
        if self._provider.fill_in(method, fields):
            return None
        message_id, time = fields.pop("message_id", None), fields.pop("timestamp", None)
        strict = self._envelope.strict
        unchecked = _NOTHING if strict else _take_unknown(method, fields)
        if not passes_fast_check(method, fields, is_lenient=not strict):
            return None
        if message_id is None:
            message_id = self._defaults(index).message_id()
        timestamp = self._timestamp(index, time, default_time)
        if timestamp is None or not is_message_id(message_id):
            return None
        fields["message_id"], fields["timestamp"] = message_id, timestamp
        item = self._plain.item(method, fields, unchecked, context)
        return None if item is None else (self._plain.batch_key, method, message_id, item)

    def _split_context(self, fields: JsonObject) -> tuple[JsonObject, JsonObject, bool]:
        """Return what `split_context` does, with the context as the provider spells it."""
        if "context" not in fields:
            return fields, self._shared_context, False
        envelope, strict = self._envelope, self._envelope.strict
        fields, context, is_left_out = split_context(fields, envelope.context, lenient=not strict)
        return fields, self._plain.context(context, strict), is_left_out

    def _timestamp(self, index: int, time: Any, default_time: Any) -> str | None:
        """Return the timestamp of a message; None if it needs the full check."""
        if time is None:
            time = default_time
        elif default_time is not None:
            return None
        if time is None:
            return write_timestamp(self._defaults(index).started_at)
        try:
            return checked_timestamp(time) if type(time) is str else None
        except ValueError:
            return None


def _take_unknown(method: str, fields: JsonObject) -> JsonObject:
    """Remove the fields that the method does not know, and return them."""
    known = field_kinds(method)
    if fields.keys() <= known.keys():
        return _NOTHING
    unknown = {name: value for name, value in fields.items() if name not in known}
    for name in unknown:
        del fields[name]
    return unknown
