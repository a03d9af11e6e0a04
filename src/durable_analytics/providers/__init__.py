"""Providers: a base class, and one module for each vendor."""

from durable_analytics.providers._base import Provider, builds
from durable_analytics.providers._deliveries import BatchDelivery, BatchLimits, Delivery, PlainItems
from durable_analytics.providers._registry import provider_class, provider_names
from durable_analytics.providers.http import Form, HttpRequest, HttpResponse, JsonItems
from durable_analytics.providers.setting_types import BaseUrl, Credential

__all__ = [
    "BaseUrl",
    "BatchDelivery",
    "BatchLimits",
    "Credential",
    "Delivery",
    "Form",
    "HttpRequest",
    "HttpResponse",
    "JsonItems",
    "PlainItems",
    "Provider",
    "builds",
    "provider_class",
    "provider_names",
]
