"""From Python values to the JSON of inputs: of options, one message, and messages of a batch."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

from durable_analytics.client.checks import LIBRARY, read_context
from durable_analytics.client.values import ids_as_text, to_json_values
from durable_analytics.errors import ValidationError
from durable_analytics.providers.request_options import check_call, check_options
from durable_analytics.wire.contexts import is_left_out, merge_context
from durable_analytics.wire.decoding import check_size
from durable_analytics.wire.field_types import is_empty
from durable_analytics.wire.json_reader import DEEPEST_INPUT
from durable_analytics.wire.json_writer import ascii_size, write_json
from durable_analytics.wire.keys import is_lenient, normalise, snake_case
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS, Method
from durable_analytics.wire.parsing import check_input, needs_message_id, read_batch
from durable_analytics.wire.policies import Policies


def merge_options(
    of_client: JsonObject, context_of_client: JsonObject, own: Mapping[str, Any]
) -> JsonObject:
    """Return the keys of an input beside its message: those of a call over the client's.

    Args:
        of_client: The options of the client, without its context.
        context_of_client: The context of the client.
        own: The options of the call, in Python values. None means "not set"; for `integration`, it
            means that the worker chooses.

    Returns:
        The keys. A context that is no object is the context of the call alone: the worker refuses
        it, or leaves it out.
    """
    options = {k: v for k, v in own.items() if v is not None or k == "integration"}
    if "integration" in options or "deliver_to" in options:
        targets = ("integration", "deliver_to")
        of_client = {key: value for key, value in of_client.items() if key not in targets}
    data = {**of_client, **options}
    if isinstance(policies := data.get("policies"), Policies):
        data["policies"] = policies.model_dump(mode="json", exclude_none=True)
    context, strict = data.get("context", {}), not is_lenient(data)
    if not strict and not isinstance(context, Mapping):
        context = to_json_values(context, "context")
        context = data["context"] = {} if is_empty(context) else context
    if isinstance(context, Mapping):
        shared, own_context = (
            read_context(values, strict=strict)
            for values in (context_of_client, to_json_values(context, "context"))
        )
        data["context"] = {"library": LIBRARY, **merge_context(shared, own_context)}
    return data


def as_input(method: Method, values: JsonObject) -> JsonObject:
    """Convert the Python values of an input to JSON, and normalise the input.

    Args:
        method: The method.
        values: The input; its message is a new dict, which this function may change.

    Raises:
        ValidationError: A value cannot be represented in JSON, or `normalise` refuses the input.
    """
    data = normalise(method, to_json_values(values, levels=DEEPEST_INPUT))
    _complete(data[method.key])
    if isinstance(context := data.get("context"), dict):
        ids_as_text(context)
    return data


def checked_message(
    method: Method, values: Mapping[str, Any], message_id: str, *, strict: bool
) -> JsonObject:
    """Convert and check one message of a batch.

    Args:
        method: The method.
        values: The arguments of the method, with its `context`, in Python values.
        message_id: Its id, unless it has one of its own.
        strict: The input's `strict`.

    Returns:
        The message in JSON and snake_case, without its `type`.

    Raises:
        ValidationError: It breaks the contract; paths begin with the method.
    """
    data: JsonObject = {} if strict else {"strict": False}
    message = dict(values)
    context = message.pop("context", None)
    if isinstance(context, Mapping):
        context = read_context(to_json_values(context, "context"), strict=strict)
    if context is not None:
        is_object = isinstance(context, dict)
        (data if is_object or strict else message)["context"] = context
    data = as_input(method, {**data, method.key: message})
    fields: JsonObject = data[method.key]
    if needs_message_id(fields, lenient=not strict):
        fields["message_id"] = message_id
    check_input(method, data)
    if method.key == "call":
        check_call(fields)
    return {**fields, "context": data["context"]} if "context" in data else fields


def _complete(message: JsonObject) -> None:
    ids_as_text(message)
    if isinstance(when := message.get("timestamp"), str) and not when.strip():
        del message["timestamp"]


def batch_messages(
    options: JsonObject,
    messages: Sequence[Mapping[str, Any]],
    batch_id: UUID,
    other_context: JsonObject | None = None,
) -> list[JsonObject]:
    """Convert the messages of a batch to JSON, and give an id to each that has none.

    What breaks the contract otherwise is left to the worker, which refuses the message alone.

    Args:
        options: The keys of the input except `messages`, in JSON.
        messages: Each is `{"type": "track", …}`.
        batch_id: Generated ids follow from it and from the position of the message.
        other_context: The context for all messages if that of the options is left out.

    Raises:
        ValidationError: A value cannot be represented in JSON, a `call` has a credential, or the
            batch has too many messages or bytes. Paths are those of the input, like
            `messages.3.properties.price`.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        reason = 'must be a list of messages, like [{"type": "track", "user_id": "u-1", …}]'
        raise ValidationError.at("messages", reason)
    read_batch({**options, "messages": [{}] * len(messages)})
    lenient = options.get("strict") is False
    converted = [
        _batch_message(message, f"messages.{index}", uuid5(batch_id, str(index)), lenient=lenient)
        for index, message in enumerate(messages)
    ]
    if is_left_out(options.get("context")):
        for message in converted:
            own = message.get("context")
            own = own if isinstance(own, dict) else {}
            message["context"] = merge_context(other_context or {}, own)
    size = ascii_size(write_json({**options, "messages": converted}))
    check_size("the batch", size, BATCH_LIMIT_BYTES)
    return converted


def _batch_message(value: Any, path: str, generated_id: UUID, *, lenient: bool) -> JsonObject:
    if not isinstance(value, Mapping):
        raise ValidationError.at(path, 'must be an object, like {"type": "track", …}')
    message: JsonObject = to_json_values(value, path)
    name = message.get("type")
    method = METHODS.get(name) if isinstance(name, str) else None
    if method is None:
        raise ValidationError.at(f"{path}.type", f"must be one of {', '.join(METHODS)}")
    try:
        message = snake_case(message, method.message, "")
    except ValidationError as error:
        raise error.below(path) from None
    _complete(message)
    if isinstance(context := message.get("context"), dict):
        with suppress(ValidationError):  # the worker judges it, in this message alone
            message["context"] = read_context(context, strict=not lenient)
    if method.key == "call":
        check_options(path, message)
    if needs_message_id(message, lenient=lenient):
        message["message_id"] = str(generated_id)
    return message
