"""The line that Temporal's UI shows for an execution, without personal data."""

import json
from collections.abc import Sequence

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method, is_integration_name

_MOST_BYTES = 120
"""The longest name, as ASCII JSON. Temporal refuses a start whose summary has more than 400 bytes
after the payload codec."""

_NAMES = {"track": "event", "annotate": "event", "metric": "key"}
"""The fields that name what happened, for the methods that have one."""


def summarize(method: Method, message: JsonObject, integrations: Sequence[str]) -> str:
    """Return the summary of one message.

    Args:
        method: The method of the message.
        message: The message, in snake_case.
        integrations: The integrations that the caller names.
    """
    name = message.get(_NAMES.get(method.key, ""))
    title = _printable(name) if isinstance(name, str) else ""
    return _with_integrations(title or method.workflow, integrations)


def summarize_batch(count: int, integrations: Sequence[str]) -> str:
    """Return the summary of a batch of so many messages.

    >>> summarize_batch(120, ["segment"])
    '120 messages to segment'
    """
    return _with_integrations(f"{count} message{'s' * (count != 1)}", integrations)


def _with_integrations(what: str, integrations: Sequence[str]) -> str:
    if not integrations or not all(map(is_integration_name, integrations)):
        return what
    shown = integrations[0] if len(integrations) == 1 else f"{len(integrations)} integrations"
    return f"{what} to {shown}"


def _printable(text: str) -> str:
    printable = (character for character in text[:_MOST_BYTES] if character.isprintable())
    shown = "".join(printable).strip()
    while len(json.dumps(shown)) > _MOST_BYTES:
        shown = shown[:-1]
    return shown
