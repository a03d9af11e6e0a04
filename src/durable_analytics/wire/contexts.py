"""How the context of an input and the context of a message are separated and merged."""

from typing import Any

import pydantic

from durable_analytics.errors import ValidationError
from durable_analytics.wire.fast_check import context_passes_fast_check
from durable_analytics.wire.field_types import is_empty
from durable_analytics.wire.keys import is_lenient, snake_case
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.problems import to_validation_error


def is_left_out(context: Any) -> bool:
    """Whether a context of a lenient input is no object, so that it cannot be sent.

    An empty value is not set; PHP writes an empty object as `[]`.
    """
    return not isinstance(context, dict) and not is_empty(context)


def split_shared_context(data: JsonObject) -> tuple[JsonObject, JsonObject, bool]:
    """Return an input without the context that its model must not check, and that context.

    With `"strict": false`, the context of an SDK is not checked. The last value is whether the
    context is left out, because it is no object.
    """
    context = data.get("context", {})
    if not is_lenient(data):
        return data, context, False
    rest = {key: value for key, value in data.items() if key != "context"}
    return rest, context if isinstance(context, dict) else {}, is_left_out(context)


def split_context(
    message: JsonObject, shared: JsonObject, *, lenient: bool
) -> tuple[JsonObject, JsonObject, bool]:
    """Take a message's own context out of it, and merge it into the shared context.

    Args:
        message: The message, with keys in snake_case.
        shared: The context of the input.
        lenient: Whether a context that is no object is left out instead of being an error.

    Returns:
        The message without its context, its complete context, and whether its own is left out.

    Raises:
        ValidationError: The context is wrong; the paths begin inside the message.
    """
    if "context" not in message:
        return message, shared, False
    own = message["context"]
    rest = dict(message)
    del rest["context"]
    if own is None:
        return rest, shared, False
    if lenient:
        complete = merge_context(shared, own) if isinstance(own, dict) else shared
        return rest, complete, is_left_out(own)
    if not isinstance(own, dict):
        raise ValidationError.at("context", "must be an object")
    own = snake_case(own, Context, "context")
    if not context_passes_fast_check(own):
        try:
            Context.model_validate(own)
        except pydantic.ValidationError as error:
            raise to_validation_error(Context, error).below("context") from None
    return rest, merge_context(shared, own), False


def merge_context(shared: JsonObject, own: JsonObject) -> JsonObject:
    """Merge a message's own context into the shared context, key by key, nested objects too.

    >>> merge_context({"app": {"name": "shop", "build": "7"}}, {"app": {"build": "8"}})
    {'app': {'name': 'shop', 'build': '8'}}
    """
    if not shared:
        return own
    merged = dict(shared)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = merge_context(before, value)
        else:
            merged[key] = value
    return merged
