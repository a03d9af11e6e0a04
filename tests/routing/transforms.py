"""Transforms, as an operator writes them."""

import sys
import threading
from typing import Any

Json = dict[str, Any]


def scrub(message: Json, integration: str) -> Json | None:
    """Drop a message, or change its properties and its context."""
    if message.get("event") == "Internal":
        return None
    properties = dict(message.get("properties") or {})
    properties.pop("card", None)
    properties["via"] = integration
    context = {key: value for key, value in message["context"].items() if key != "ip"}
    return {**message, "properties": properties, "context": context}


def fail(message: Json, integration: str) -> Json:
    """Raise, as a bug does."""
    raise KeyError(f"{message} {integration}")


def leave(message: Json, integration: str) -> Json:
    """End the process, as a script would."""
    del integration
    if message["event"] == "E":
        sys.exit(f"nothing to do for {message}")
    return message


RELEASED = threading.Event()
"""Set by a test to end `hang`."""


def hang(message: Json, integration: str) -> Json:
    """Take as long as the test wants."""
    del integration
    RELEASED.wait(60)
    return message


async def waits(message: Json, integration: str) -> Json:
    """Wait, which no transform can."""
    del integration
    return message


def takes_one(message: Json) -> Json:
    """Lack the argument for the integration."""
    return message


def mutate(message: Json, integration: str) -> Json:
    """Change the argument, which no transform should."""
    message["properties"] = {"mutated_by": integration}
    return message


def wrong(message: Json, integration: str) -> Any:
    """Return something that is no message of this type."""
    del integration
    return {
        "list": [],
        "type": {**message, "type": "page"},
        "object": {**message, "properties": {"x": object()}},
        "large": {**message, "properties": {"x": "y" * 2_000_000}},
        "invalid": {**message, "event": None},
        "nan": {**message, "properties": {"x": float("nan")}},
        "context": {**message, "context": "x"},
        "no context": {**message, "context": None},
    }[message["event"]]
