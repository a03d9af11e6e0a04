"""The routes that accept messages: path, message type, and whether browsers use them."""

from typing import NamedTuple

MESSAGE_TYPES = ("identify", "track", "page", "screen", "group", "alias")
"""The types that SDKs send. A batch message of any other type is rejected: a write key must not
authorize a `call` or a `delete`."""

PREFIXES = ("/v1", "", "/backend/v1")
"""The path prefixes of each route in `ROUTES`: those of Segment and RudderStack, of browsers, and
of journy.io."""


class MessageRoute(NamedTuple):
    """A route that accepts messages."""

    name: str
    """The last segment of the path."""

    message_type: str | None
    """The type of the single message in a request; None for a route that accepts a list."""

    is_for_browsers: bool = False
    """Whether the client is the end user's browser, so that its address is the user's."""


ROUTES = (
    *(MessageRoute(type_, type_) for type_ in MESSAGE_TYPES),
    MessageRoute("batch", None),
    MessageRoute("import", None),
    *(MessageRoute(type_[0], type_, is_for_browsers=True) for type_ in MESSAGE_TYPES),
    MessageRoute("b", None, is_for_browsers=True),
)
"""Each of them exists under each prefix."""

BEACON = MessageRoute("beacon/v1/batch", None, is_for_browsers=True)
"""RudderStack's route for a browser's `sendBeacon`, which cannot set headers; it has no prefix."""
