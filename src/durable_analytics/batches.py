"""Batches: many messages in one input, read one by one, so that a bad one harms no other."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pydantic

from durable_analytics.contract import BATCH, METHODS, InputBatch, Method
from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError, FieldProblem, ValidationError
from durable_analytics.messages import Context, JsonObject, is_message_id
from durable_analytics.reading import (
    LIMIT_BYTES,
    decode,
    in_words,
    is_lenient,
    respell,
    snake_case,
)

BATCH_LIMIT_BYTES = 2 * LIMIT_BYTES - 128 * 1024
"""The largest input of a batch. A request takes it and the plan within Temporal's 2 MiB; an output
does not repeat the messages."""

MOST_MESSAGES = 5_000
"""As many as an output can tell of, if each of them is refused."""

_REJECTED_LIMIT_BYTES = 1024 * 1024
_SHORT_CHARACTERS = 40
_VALIDATION = ValidationError.wire_name()


@dataclass(frozen=True, slots=True)
class Batch:
    """An input whose envelope holds; its messages are still as they arrived."""

    input: InputBatch
    messages: list[Any]
    context: JsonObject
    """What all messages share, its own keys in snake_case."""

    @property
    def lenient(self) -> bool:
        """Whether only what the provider itself would refuse is refused."""
        return not self.input.strict


def read_batch(value: Any) -> Batch:
    """Read an input of `Batch`, all but its messages.

    Raises:
        ValidationError: It is no object with a list of messages, or the rest of it breaks the
            contract.
    """
    data = respell(BATCH, decode(value, limit_bytes=BATCH_LIMIT_BYTES))
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        told = 'is required: a list of messages, like [{"type": "track", "user_id": "u-1", …}]'
        raise ValidationError.at("messages", told)
    if len(messages) > MOST_MESSAGES:
        told = f"holds {len(messages)} messages; at most {MOST_MESSAGES} fit one execution"
        raise ValidationError.at("messages", told)
    context = data.get("context") or {}
    unchecked = {"messages"}
    if is_lenient(data) and isinstance(context, dict):
        unchecked.add("context")
    envelope = {key: value for key, value in data.items() if key not in unchecked}
    try:
        checked = InputBatch.model_validate({**envelope, "messages": []})
    except pydantic.ValidationError as error:
        raise in_words(InputBatch, error) from None
    return Batch(checked, messages, context)


@dataclass(slots=True)
class Item:
    """One message of a batch, its keys in snake_case, not checked yet."""

    method: Method
    fields: JsonObject
    context: JsonObject
    """The batch's under its own."""


def read_item(batch: Batch, message: Any) -> Item:
    """Read one message of a batch.

    Raises:
        ValidationError: It is no message; paths begin inside it.
    """
    if not isinstance(message, dict):
        raise ValidationError.at("", 'must be an object, like {"type": "track", …}')
    name = message.get("type")
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise ValidationError.at("type", f"must be one of {', '.join(METHODS)}")
    fields = snake_case(message, method.message, "")
    del fields["type"]
    if "context" not in fields:
        return Item(method, fields, batch.context)
    own = fields.pop("context")
    if own is None:
        return Item(method, fields, {})
    if batch.lenient and not isinstance(own, dict):
        fields["context"] = own  # let through beside the model, as all that does not fit
        return Item(method, fields, batch.context)
    return Item(method, fields, {**batch.context, **_context(own, lenient=batch.lenient)})


def _context(own: Any, *, lenient: bool) -> JsonObject:
    if not isinstance(own, dict):
        raise ValidationError.at("context", "must be an object")
    renamed = snake_case(own, Context, "context")
    if not lenient:
        try:
            Context.model_validate(renamed)
        except pydantic.ValidationError as error:
            told = in_words(Context, error).fields
            raise ValidationError.of(
                FieldProblem(f"context.{problem.path}", problem.message) for problem in told
            ) from None
    return renamed


def id_of(message: JsonObject, batch_id: str, index: int) -> str:
    """The id that a message goes out with.

    Args:
        message: As it arrived, in either spelling.
        batch_id: The id of the batch, a UUID: a message without an own id gets one that follows
            from it and from its place.
        index: Its place.
    """
    given = message.get("message_id")
    given = message.get("messageId") if given is None else given
    return given if is_message_id(given) else str(uuid5(UUID(batch_id), str(index)))


def rejection(index: int, message: Any, error: DeliveryError) -> JsonObject:
    """What an output says of a message that was not accepted.

    Args:
        index: Its place among the input's messages.
        message: As it arrived.
        error: Why; paths that begin inside the message, or with its method, are made the input's.
    """
    given: Mapping[str, Any] = message if isinstance(message, dict) else {}
    place = f"messages.{index}"
    if error.fields:
        error = ValidationError.of(
            FieldProblem(_in_batch(place, problem.path, given.get("type")), problem.message)
            for problem in error.fields
        )
    message_id = given.get("message_id") or given.get("messageId")
    return {
        "index": index,
        "message_id": message_id if isinstance(message_id, str) else None,
        "error": error.as_json(),
    }


def _in_batch(place: str, path: str, method: Any) -> str:
    first, _, rest = path.partition(".")
    if first == "request_options":
        return path
    inside = rest if first == method else path
    return f"{place}.{inside}" if inside else place


def nothing_accepted(rejected: Sequence[JsonObject]) -> DeliveryError:
    """The error of a batch none of whose messages was accepted: the provider's word counts first.

    Args:
        rejected: As in an output; at least one.
    """
    errors = [one["error"] for one in rejected]
    telling = next((error for error in errors if error["type"] != _VALIDATION), errors[0])
    fields = [FieldProblem(**problem) for error in errors for problem in error["fields"]]
    told = f"none of {len(rejected)} messages was accepted: {telling['message']}"
    return DELIVERY_ERRORS[telling["type"]](told, fields=fields[: ValidationError.MOST_FIELDS])


def fitting(rejected: Iterable[JsonObject]) -> list[JsonObject]:
    """The same, with shorter words where Temporal could not store it otherwise."""
    listed = list(rejected)
    if len(json.dumps(listed)) <= _REJECTED_LIMIT_BYTES:
        return listed
    return [_shortened(one) for one in listed]


def _shortened(one: JsonObject) -> JsonObject:
    message_id, error = one["message_id"], one["error"]
    fits = message_id and len(json.dumps(message_id)) <= _SHORT_CHARACTERS + 2
    words = error["message"].encode("ascii", "replace").decode()[:_SHORT_CHARACTERS]
    return {
        "index": one["index"],
        "message_id": message_id if fits else None,
        "error": {"type": error["type"], "message": words, "fields": []},
    }


def bitmap(numbers: Iterable[int]) -> str:
    """A set of small numbers, a bit each, in base64.

    >>> bitmap({0, 1, 9})
    'AwI='
    """
    bits = sum(1 << number for number in numbers)
    return base64.b64encode(bits.to_bytes((bits.bit_length() + 7) // 8, "little")).decode()


def places(text: str) -> list[int]:
    """The numbers of a bitmap."""
    bits = int.from_bytes(base64.b64decode(text), "little")
    return [number for number in range(bits.bit_length()) if bits >> number & 1]
