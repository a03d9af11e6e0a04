"""Google Analytics 4's golden table: messages, and the requests with their events."""

from typing import Any

from durable_analytics.providers import HttpRequest
from tests.providers.building import (
    ACCOUNTS,
    Golden,
    calls,
)
from tests.support.json_objects import Json

GA4 = ACCOUNTS["ga4"]


BASE = "https://www.google-analytics.com"


MICROS = 1769851800_000000


GIVEN: Json = {"message_id": "m-2", "timestamp": "2026-01-30T20:00:00.250+01:00"}


GIVEN_MICROS = 1769799600_250000


U_1, A_1 = "2722791253.4068007241", "797959738.1646539293"
"""The client ids that are made of the ids "u-1" and "a-1"."""


PERSON: Json = {"user_id": "u-1"}


CONTEXT: Json = {
    "ip": "192.0.2.10",
    "user_agent": "Mozilla/5.0",
    "library": {"name": "shop"},
    "page": {
        "url": "https://example.com/?q=x",
        "path": "/",
        "search": "?q=x",
        "title": "Home",
        "referrer": "https://example.org/",
    },
}


SENT_PAGE: Json = {
    "page_location": "https://example.com/?q=x",
    "page_title": "Home",
    "page_referrer": "https://example.org/",
}


ENGAGED: Json = {"engagement_time_msec": 1}


def full(method: str, message: Json, name: str, parameters: Json, **beside: Any) -> Golden:
    """A message with all its fields and a context, and its event."""
    body = {
        "client_id": "123.456",
        "user_id": "u-1",
        "timestamp_micros": GIVEN_MICROS,
        **beside,
        "ip_override": "192.0.2.10",
        "user_agent": "Mozilla/5.0",
        "events": [{"name": name, "params": {**parameters, **ENGAGED}}],
    }
    request = HttpRequest("POST", f"{BASE}/mp/collect", body)
    given = {**GIVEN, **PERSON, "anonymous_id": "123.456", **message}
    return Golden(method, "full", given, request, {}, CONTEXT)


def least(method: str, message: Json, name: str, parameters: Json) -> Golden:
    """A message with no more than it must have."""
    body = {
        "client_id": A_1,
        "timestamp_micros": MICROS,
        "events": [{"name": name, "params": {**parameters, **ENGAGED}}],
    }
    request = HttpRequest("POST", f"{BASE}/mp/collect", body)
    return Golden(method, "least", {"anonymous_id": "a-1", **message}, request, {})


GOLDEN = [
    full(
        "track",
        {
            "event": "Report  Exported",
            "properties": {"format": "csv", "rows": 12, "is_first": True},
            "traits": {"plan": "pro", "seats": None},
        },
        "Report_Exported",
        {"format": "csv", "rows": 12, "is_first": True, **SENT_PAGE},
        user_properties={"plan": {"value": "pro"}, "seats": {"value": None}},
    ),
    least("track", {"event": "E"}, "E", {}),
    full(
        "group",
        {"group_id": "g-1", "traits": {"name": "Acme"}},
        "join_group",
        {"name": "Acme", "group_id": "g-1", **SENT_PAGE},
    ),
    least("group", {"group_id": "g-1"}, "join_group", {"group_id": "g-1"}),
    full(
        "page",
        {
            "name": "Pricing",
            "category": "Docs",
            "properties": {"url": "https://example.com/pricing", "plan": "pro"},
        },
        "page_view",
        {
            **SENT_PAGE,
            "page_location": "https://example.com/pricing",
            "plan": "pro",
            "name": "Pricing",
            "category": "Docs",
        },
    ),
    least("page", {"name": "Home"}, "page_view", {"name": "Home", "page_title": "Home"}),
    *calls(BASE, {}),
]
