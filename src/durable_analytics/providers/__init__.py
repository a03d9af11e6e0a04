"""Providers: one file a vendor, on one base."""

from durable_analytics.providers.base import BaseUrl, Credential, Provider
from durable_analytics.providers.exchange import Answer, Delivery, HttpRequest
from durable_analytics.providers.registry import provider_class, provider_names

__all__ = [
    "Answer",
    "BaseUrl",
    "Credential",
    "Delivery",
    "HttpRequest",
    "Provider",
    "provider_class",
    "provider_names",
]
