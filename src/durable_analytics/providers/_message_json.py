"""Messages as JSON with all their fields, for providers without a message format of their own."""

from typing import Any

from durable_analytics.providers._deliveries import Delivery
from durable_analytics.wire.messages import JsonObject, Message
from durable_analytics.wire.methods import METHODS

MESSAGE_METHODS = tuple(method for method in METHODS if method != "call")
"""All methods with a message; the request of `call` is defined by the caller."""


def message_json(delivery: Delivery[Message]) -> JsonObject:
    """Return the set fields of a message, in snake_case, and its context.

    With the key `type`, the result is a message in the input of a `Batch`. Unchecked fields whose
    keys the result sets are left out.
    """
    fields: dict[str, Any] = delivery.message.model_dump(exclude_unset=True)
    context = {"context": delivery.context} if delivery.context else {}
    taken = {**fields, **context}
    delivery.left_out.update(delivery.unchecked.keys() & taken.keys())
    return {**delivery.unchecked, **taken}
