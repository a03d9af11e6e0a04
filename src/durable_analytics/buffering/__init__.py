"""A client for services that track in their request path: enqueues, and sends from its thread."""

from durable_analytics.buffering.client import BufferingClient
from durable_analytics.calls import Outcome

__all__ = ["BufferingClient", "Outcome"]
