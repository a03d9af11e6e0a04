"""Trak.io's golden table: messages, and their requests."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import COMMON, Golden, calls
from tests.support.json_objects import Json

TOKEN = {"X-Trakio-Token": "trakio-token"}


PROPERTIES: Json = {"some_key": None, "revenue": 9.5}


CONTEXT: Json = {"ip": "192.0.2.10", "userAgent": "Mozilla/5.0", "my_key": {"a_b": 1}}


GIVEN: Json = {"message_id": "m-2", "timestamp": "2025-12-24T20:00:00+01:00"}


def full(
    method: str, message: Json, endpoint: str, data: Json, context: Json | None = None
) -> Golden:
    """A message with all its fields, and the data that it becomes."""
    request = HttpRequest("POST", f"https://api.trak.io/v1/{endpoint}", {"data": data})
    return Golden(method, "full", {**GIVEN, **message}, request, TOKEN, context or {})


def least(method: str, message: Json, endpoint: str, data: Json) -> Golden:
    """A message with no more than it must have."""
    request = HttpRequest("POST", f"https://api.trak.io/v1/{endpoint}", {"data": data})
    return Golden(method, "least", message, request, TOKEN)


SENT_CONTEXT: Json = {"ip": "192.0.2.10", "user_agent": "Mozilla/5.0", "my_key": {"a_b": 1}}


GOLDEN = [
    full(
        "identify",
        {"user_id": "u-1", "traits": PROPERTIES},
        "identify",
        {"distinct_id": "u-1", "properties": PROPERTIES},
    ),
    least(
        "identify",
        {"anonymous_id": "a-1"},
        "identify",
        {"distinct_id": "a-1", "properties": {}},
    ),
    full(
        "track",
        {
            "user_id": "u-1",
            "event": "Signed Up",
            "properties": PROPERTIES,
            "channel": "web_site",
            "company_id": "c-1",
        },
        "track",
        {
            "distinct_id": "u-1",
            "event": "Signed Up",
            "properties": PROPERTIES,
            "channel": "web_site",
            "company_id": "c-1",
            "context": SENT_CONTEXT,
            "time": "2025-12-24T20:00:00+01:00",
        },
        CONTEXT,
    ),
    least(
        "track",
        {"anonymous_id": "a-1", "event": "E"},
        "track",
        {"distinct_id": "a-1", "event": "E", "time": COMMON["timestamp"]},
    ),
    full(
        "group",
        {"user_id": "u-1", "group_id": "g-1", "traits": PROPERTIES},
        "company",
        {"company_id": "g-1", "properties": PROPERTIES, "people_distinct_ids": ["u-1"]},
    ),
    least(
        "group",
        {"anonymous_id": "a-1", "group_id": "g-1"},
        "company",
        {"company_id": "g-1", "properties": {}, "people_distinct_ids": ["a-1"]},
    ),
    full(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": ["u-1", "u-2"]},
        "alias",
        {"distinct_id": "a-1", "alias": ["u-1", "u-2"]},
    ),
    least(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        "alias",
        {"distinct_id": "a-1", "alias": "u-1"},
    ),
    full(
        "page",
        {"user_id": "u-1", "name": "Home", "category": "Docs", "properties": PROPERTIES},
        "track",
        {
            "distinct_id": "u-1",
            "event": "Page view",
            "properties": {**PROPERTIES, "name": "Home", "category": "Docs"},
            "context": SENT_CONTEXT,
            "time": "2025-12-24T20:00:00+01:00",
        },
        CONTEXT,
    ),
    least(
        "page",
        {"user_id": "u-1", "properties": {"url": "/"}},
        "track",
        {
            "distinct_id": "u-1",
            "event": "Page view",
            "properties": {"url": "/"},
            "time": COMMON["timestamp"],
        },
    ),
    full(
        "annotate",
        {"event": "Deployed", "properties": PROPERTIES, "channel": "docs"},
        "annotate",
        {"event": "Deployed", "properties": PROPERTIES, "channel": "docs"},
    ),
    least("annotate", {"event": "Deployed"}, "annotate", {"event": "Deployed"}),
    *calls("https://api.trak.io/v1", TOKEN),
]
