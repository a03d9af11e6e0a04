"""The sample messages of the checks: one with few fields and one with all fields, by method."""

from collections.abc import Mapping
from datetime import UTC, datetime

from durable_analytics.wire.messages import JsonObject

SENT_AT = datetime(2026, 1, 31, 9, 30, 1, 250_000, tzinfo=UTC)
"""The time at which a delivery starts, and the time of its attempt."""

TIMESTAMP = "2026-01-31T09:30:01.250Z"
"""The same time in the format of messages."""

EARLIER = "2026-01-30T08:15:00.500Z"

MESSAGE_ID = "kit-message-1"

TEXT = 'Zoë & 東京 😀 "quoted" +1%'
"""A text that changes if it is escaped twice, or not escaped."""

LEAST: Mapping[str, JsonObject] = {
    "identify": {"user_id": "user-1"},
    "track": {"user_id": "user-1", "event": "Order Completed"},
    "group": {"user_id": "user-1", "group_id": "group-1"},
    "alias": {"previous_user_id": "anonymous-1", "new_user_id": "user-1"},
    "page": {"user_id": "user-1", "name": "Prices"},
    "screen": {"user_id": "user-1", "name": "Cart"},
    "delete": {"user_id": "user-1"},
    "annotate": {"event": "Deployed"},
    "metric": {"key": "words-written", "user": {"id": "user-1"}, "value": 750},
    "call": {"method": "GET", "path": "/things"},
}
"""Messages with only the required fields of the contract, by method."""

_COMMON: JsonObject = {
    "message_id": MESSAGE_ID,
    "timestamp": TIMESTAMP,
    "integrations": {"All": True},
}
_TRAITS: JsonObject = {"name": "Ada", "email": "ada@example.com", "plan": "pro"}
_PROPERTIES: JsonObject = {"title": "Prices", "revenue": 19.99, "currency": "USD", "tags": ["a"]}

_REST: Mapping[str, JsonObject] = {
    "identify": {"anonymous_id": "anonymous-1", "traits": _TRAITS},
    "track": {
        "anonymous_id": "anonymous-1",
        "properties": _PROPERTIES,
        "traits": _TRAITS,
        "channel": "web",
        "company_id": "company-1",
    },
    "group": {"anonymous_id": "anonymous-1", "traits": _TRAITS},
    "alias": {"traits": _TRAITS},
    "page": {
        "anonymous_id": "anonymous-1",
        "category": "Shop",
        "properties": {"url": "https://shop.example.com/prices", "title": "Prices"},
    },
    "screen": {"anonymous_id": "anonymous-1", "category": "Shop", "properties": {"count": 2}},
    "delete": {"traits": _TRAITS},
    "annotate": {"properties": _PROPERTIES, "channel": "web"},
    "metric": {
        "user": {
            "id": "user-1",
            "email": "ada@example.com",
            "name": "Ada",
            "tz": "Europe/London",
            "sign_up_date": "2026-01-31",
            "device_tokens": ["device-1"],
            "subscribe_to_emails": True,
            "attributes": {"plan": "pro"},
        },
        "attributes": {"genre": "poem"},
        "idempotency_key": "kit-idempotency-1",
    },
    "call": {
        "method": "POST",
        "query": {"page": 2, "tag": ["a", "b"]},
        "headers": {"X-Trace": "trace-1"},
        "body": {"name": None},
    },
}

FULL: Mapping[str, JsonObject] = {
    method: {**least, **_COMMON, **_REST[method]} for method, least in LEAST.items()
}
"""Messages with all fields of the contract, by method."""

CONTEXT: JsonObject = {
    "active": True,
    "app": {"name": "Shop", "version": "1.2"},
    "campaign": {"name": "spring"},
    "channel": "browser",
    "device": {"id": "device-1"},
    "group_id": "group-2",
    "ip": "192.0.2.10",
    "library": {"name": "shop", "version": "4.1"},
    "locale": "en-US",
    "network": {"carrier": "T"},
    "os": {"name": "Linux"},
    "page": {"path": "/prices"},
    "referrer": {"id": "referrer-1"},
    "screen": {"width": 800},
    "timezone": "Europe/London",
    "traits": {"plan": "pro"},
    "user_agent": "Browser/1.0",
    "user_agent_data": {"mobile": False},
}
"""A context with all fields."""

FREE_OBJECTS = ("properties", "traits", "attributes")
"""The fields of messages that are objects with any keys."""
