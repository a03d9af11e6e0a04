"""Events for operators: messages that the product sends itself, through one of the integrations."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS, id_prefix

WEBHOOK = "operator_webhook"
"""The setting, and the key in the result of `Integration.SetLimit`, with the integration that gets
the events."""

PAUSED = "integration.paused"
RESUMED = "integration.resumed"
FAILING = "integration.failing"
DELIVERY_FAILED = "delivery.failed"

LEVELS = (50, 70, 90, 100)
"""Percents of the breaker's threshold at which an integration counts as failing."""

_SENDER = "durable-analytics"


class OperatorEvent(NamedTuple):
    """An ordinary `Track` execution."""

    workflow: str
    workflow_id: str
    input: JsonObject
    summary: str


def operator_event(
    webhook: str, event: str, properties: Mapping[str, Any], message_id: str
) -> OperatorEvent:
    """Return the execution that delivers an event.

    Args:
        webhook: The integration that gets it.
        event: One of the names above.
        properties: What has happened, with the `integration` that it concerns.
        message_id: The same for the same event, so that it is delivered once.
    """
    track = {
        "event": event,
        "anonymous_id": _SENDER,
        "message_id": message_id,
        "properties": dict(properties),
    }
    return OperatorEvent(
        METHODS["track"].workflow,
        f"{id_prefix({'integration': webhook})}:track:{message_id}",
        {"integration": webhook, "track": track},
        f"{event} to {webhook}",
    )
