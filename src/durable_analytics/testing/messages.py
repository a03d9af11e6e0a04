"""Common functions that find the messages in a request, for `Vendor.messages`."""

from collections.abc import Sequence
from typing import Any

from durable_analytics.testing._received import Received, ReceivedMessage
from durable_analytics.testing._vendor import Messages


def in_body(id_key: str, *, items: str | None = None) -> Messages:
    """Find the messages in the body: the items of a list, or the body itself.

    Args:
        id_key: The key of the id in a message, or a path like "properties.$insert_id".
        items: The key of the list in the body; None if the body itself is the list.
    """

    def find(request: Received) -> Sequence[ReceivedMessage]:
        body = request.body
        inner = body.get(items) if items is not None and isinstance(body, dict) else body
        messages = inner if isinstance(inner, list) else [body]
        return [ReceivedMessage(_id(message, id_key), message) for message in messages]

    return find


def id_in_header(name: str) -> Messages:
    """Find one message, the body of the request, with the id in a header (lower case)."""
    return lambda request: [ReceivedMessage(request.headers.get(name), request.body)]


def _id(item: Any, path: str) -> str | None:
    for key in path.split("."):
        item = item.get(key) if isinstance(item, dict) else None
    return item if isinstance(item, str) else None
