"""A client for services that track in their request path: it queues, and a thread sends."""

from durable_analytics.buffering._client import BufferingClient

__all__ = ["BufferingClient"]
