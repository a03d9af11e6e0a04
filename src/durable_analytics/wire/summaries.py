"""The line that Temporal's UI shows for an execution, without personal data."""

import json

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method
from durable_analytics.wire.search_attributes import is_integration_name

_MOST_BYTES = 120
"""The longest name, as ASCII JSON. Temporal refuses a start whose summary has more than 400 bytes
after the payload codec."""

_NAMES = {"track": "event", "annotate": "event", "metric": "key"}
"""The fields that name what happened, for the methods that have one."""


def summarize(method: Method, message: JsonObject, integration: str | None) -> str:
    """Return the summary of one message.

    Args:
        method: The method of the message.
        message: The message, in snake_case.
        integration: The integration, if the caller names one.
    """
    name = message.get(_NAMES.get(method.key, ""))
    title = _printable(name) if isinstance(name, str) else ""
    return _with_integration(title or method.workflow, integration)


def summarize_batch(count: int, integration: str | None) -> str:
    """Return the summary of a batch of so many messages.

    >>> summarize_batch(120, "segment")
    '120 messages to segment'
    """
    return _with_integration(f"{count} message{'s' * (count != 1)}", integration)


def _with_integration(what: str, integration: str | None) -> str:
    is_known = integration is not None and is_integration_name(integration)
    return f"{what} to {integration}" if is_known else what


def _printable(text: str) -> str:
    printable = (character for character in text[:_MOST_BYTES] if character.isprintable())
    shown = "".join(printable).strip()
    while len(json.dumps(shown)) > _MOST_BYTES:
        shown = shown[:-1]
    return shown
