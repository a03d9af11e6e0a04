"""Translates request bodies with the gateway's functions, for tests that look at the result."""

import json
from datetime import UTC, datetime
from typing import Any

from gateway.gateway_message import GatewayMessage
from gateway.translation import Arrival, read_batch, read_single
from tests.support.json_objects import Json

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ARRIVAL = Arrival(NOW)
BROWSER_ARRIVAL = Arrival(NOW, "203.0.113.7")


def translate_single(body: Json, type_: str = "track", arrival: Arrival = ARRIVAL) -> Json:
    """Return the message in the input of an execution for a request with a single message."""
    return content_of(read_single(type_, body, arrival))


def translate_batch(body: Json, arrival: Arrival = ARRIVAL) -> list[Any]:
    """Return the messages in the input of an execution for a request with a list."""
    return [content_of(message) for message in read_batch(body, arrival, 100)[0]]


def content_of(message: GatewayMessage) -> Json:
    """Return the content of a message."""
    content: Json = json.loads(message.content)
    return content
