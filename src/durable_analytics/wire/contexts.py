"""How the context of an input and the context of a message are separated and merged."""

import pydantic

from durable_analytics.errors import ValidationError
from durable_analytics.wire.fast_check import context_passes_fast_check
from durable_analytics.wire.keys import is_lenient, snake_case
from durable_analytics.wire.messages import Context, JsonObject
from durable_analytics.wire.problems import to_validation_error


def split_shared_context(data: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Return an input without the context that its model must not check, and that context.

    With `"strict": false`, the context of an SDK is not checked. PHP writes an empty object as
    `[]`.
    """
    context = data.get("context", {})
    if is_lenient(data) and (context == [] or isinstance(context, dict)):
        return {key: value for key, value in data.items() if key != "context"}, context or {}
    return data, context


def split_context(
    message: JsonObject, shared: JsonObject, *, lenient: bool
) -> tuple[JsonObject, JsonObject]:
    """Take a message's own context out of it, and merge it into the shared context.

    Args:
        message: The message, with keys in snake_case.
        shared: The context of the input.
        lenient: Whether a context that is not an object stays in the message, as all other fields
            that do not fit do.

    Raises:
        ValidationError: The context is wrong; the paths begin inside the message.
    """
    if "context" not in message:
        return message, shared
    own = message["context"]
    rest = dict(message)
    del rest["context"]
    if own is None or (lenient and own == []):  # PHP's empty object
        return rest, shared
    if lenient:
        if isinstance(own, dict) and isinstance(shared, dict):
            return rest, merge_context(shared, own)
        return message, shared
    if not isinstance(own, dict):
        raise ValidationError.at("context", "must be an object")
    own = snake_case(own, Context, "context")
    if not context_passes_fast_check(own):
        try:
            Context.model_validate(own)
        except pydantic.ValidationError as error:
            raise to_validation_error(Context, error).below("context") from None
    return rest, merge_context(shared, own)


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
