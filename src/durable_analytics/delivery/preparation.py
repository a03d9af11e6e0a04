"""Preparation of a delivery from a message: missing fields are added, all fields are checked."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic_core import to_json

from durable_analytics.delivery.integrations import Integration
from durable_analytics.errors import ValidationError
from durable_analytics.providers import Delivery, Provider
from durable_analytics.wire.decoding import check_size
from durable_analytics.wire.field_types import is_empty, is_message_id
from durable_analytics.wire.json_writer import ascii_size
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.methods import Method
from durable_analytics.wire.parsing import (
    Envelope,
    Fields,
    needs_message_id,
    read_batch_message,
    read_message,
)
from durable_analytics.wire.timestamps import (
    is_missing_time,
    timestamp_problem,
    to_timestamp,
    write_timestamp,
)

DEFAULT_TIMESTAMP = "default_timestamp"
"""The key of a message for the time at which software that stores messages for a while, like the
buffering client, received it. It is the time of a message without a `timestamp`."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """The id and the time for a message that has none."""

    message_id: Callable[[], str]
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """A checked delivery, and the names of the fields that were added to its message."""

    delivery: Delivery[Message]
    filled_in: tuple[str, ...]
    """The id and the time, if they were missing, and fields that the provider requires."""

    def as_delivered(self) -> JsonObject:
        """Return the fields that the plan records: the id, the time, and the added fields."""
        unchecked, message = self.delivery.unchecked, self.delivery.message
        names = dict.fromkeys(("message_id", "timestamp", *self.filled_in))
        return {name: unchecked.get(name, getattr(message, name)) for name in names}


def prepare(
    provider: Provider, message: Fields, envelope: Envelope, defaults: Defaults
) -> Prepared:
    """Add the missing fields of a message, and check it.

    Args:
        provider: The provider to deliver to.
        message: The fields of the message, and its context.
        envelope: The envelope of the input.
        defaults: The id and the time for a message that has none.

    Raises:
        UnsupportedMethod: The provider does not support the method.
        ValidationError: The message breaks the contract, or has a time that the provider would
            replace by its own.
    """
    method = message.method
    provider.require(method.key)
    fields, default_time = _split_default_time(method, message.fields)
    added = provider.fill_in(method.key, fields)
    if needs_message_id(fields, lenient=not envelope.strict):
        added["message_id"] = defaults.message_id()
    has_time = not is_missing_time(fields.get("timestamp"))
    if not has_time:
        added["timestamp"] = default_time or write_timestamp(defaults.started_at)
    delivery = _check(message, {**fields, **added}, envelope, sent_at=defaults.started_at)
    if "message_id" in added and not is_empty(fields.get("message_id")):
        delivery.left_out.add("message_id")
    if has_time or default_time is not None:
        provider.refuse_timestamp(delivery, defaults.started_at, is_given=has_time)
    return Prepared(delivery, tuple(added))


def route_message(
    integration: Integration, message: Fields, envelope: Envelope, violations: Counter[str]
) -> Fields:
    """Return the message that an integration gets.

    Args:
        integration: The integration.
        message: The message.
        envelope: The envelope of the input.
        violations: Counts the paths of values that do not match a tracking plan.

    Raises:
        NotSentError: The integration does not get it.
        ValidationError: The message does not match a tracking plan, the routing cannot change it,
            or the transform made it too large.
        TransformationError: The transform failed.
    """
    route, method = integration.route.with_source_plan(envelope.tracking_plan), message.method.key
    if not route.needs_whole_messages:
        fields = route.select(method, message.fields, message.context, violations)
        return replace(message, fields=fields)
    whole = {"type": method, **message.fields, "context": message.context}
    selected = route.select(method, whole, {}, violations)
    if selected is whole:
        return message
    check_size("the changed message", ascii_size(to_json(selected)), INPUT_LIMIT_BYTES)
    whole_envelope = replace(envelope, context={}, leaves_out_context=message.leaves_out_context)
    return read_batch_message(whole_envelope, selected)


def identify(message: Fields, defaults: Defaults) -> JsonObject:
    """Return the id and the time of a message that is not sent, and so not checked.

    Args:
        message: The fields of the message.
        defaults: The id and the time for a message that has none.
    """
    fields, default_time = _split_default_time(message.method, message.fields)
    message_id, time = fields.get("message_id"), fields.get("timestamp")
    if is_missing_time(time):
        time = default_time or write_timestamp(defaults.started_at)
    return {
        "message_id": message_id if is_message_id(message_id) else defaults.message_id(),
        "timestamp": time,
    }


def restore(
    provider: Provider,
    message: Fields,
    envelope: Envelope,
    filled_in: JsonObject,
    sent_at: datetime,
) -> Delivery[Message]:
    """Return the delivery that a plan describes.

    Args:
        provider: The provider to deliver to.
        message: The fields of the message, and its context.
        envelope: The envelope of the input.
        filled_in: The fields that the plan records.
        sent_at: The time of this attempt.

    Raises:
        UnsupportedMethod: The provider does not support the method.
        ValidationError: The message breaks the contract.
    """
    method = message.method
    provider.require(method.key)
    fields, _ = _split_default_time(method, message.fields)
    return _check(message, {**fields, **filled_in}, envelope, sent_at=sent_at)


def _split_default_time(method: Method, fields: JsonObject) -> tuple[JsonObject, str | None]:
    """Return a message without its default time, and that time."""
    if DEFAULT_TIMESTAMP not in fields:
        return fields, None
    rest = {key: value for key, value in fields.items() if key != DEFAULT_TIMESTAMP}
    value = fields[DEFAULT_TIMESTAMP]
    time = to_timestamp(value)
    if time is None and not is_missing_time(value):
        raise ValidationError.at(f"{method.key}.{DEFAULT_TIMESTAMP}", timestamp_problem(value))
    return rest, time


def _check(
    message: Fields, fields: JsonObject, envelope: Envelope, *, sent_at: datetime
) -> Delivery[Message]:
    """Return the delivery of a message with these fields instead of its own."""
    method = message.method
    try:
        checked, extra = read_message(method, fields, lenient=not envelope.strict)
    except ValidationError as error:
        # The path needs the method: a field of the message can have the same name as the method.
        raise error.below(method.key) from None
    return Delivery(
        method.key,
        checked,
        sent_at,
        message.context,
        envelope.options,
        extra.unchecked,
        {name: problem.below(method.key) for name, problem in extra.problems.items()},
        strict=envelope.strict,
        left_out={"context"} if message.leaves_out_context else set(),
    )
