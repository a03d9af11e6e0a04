"""PostHog: events and persons."""

from tests.support.destination_cases.case import Case
from tests.support.json_objects import Json

NO_COUNTERPART: dict[str, str] = {}

USER: Json = {"user_id": "u-1"}

CASES = [
    Case(
        "event",
        "track",
        {**USER, "event": "Signed Up", "properties": {"plan": "pro"}},
        {
            "event": "Signed Up",
            "distinct_id": "u-1",
            "properties": {"plan": "pro", "$ip": "8.8.8.8"},
        },
        {"ip": "8.8.8.8"},
    ),
    Case(
        "event",
        "track",
        {"anonymous_id": "a-1", "event": "Opened"},
        {
            "event": "Opened",
            "distinct_id": "a-1",
            "properties": {"$process_person_profile": False},
        },
    ),
    Case(
        "event",
        "page",
        {**USER, "name": "Home"},
        {
            "event": "$pageview",
            "distinct_id": "u-1",
            "properties": {"$current_url": "https://example.com/x"},
        },
        {"page": {"url": "https://example.com/x"}},
    ),
    Case(
        "event",
        "screen",
        {**USER, "name": "Cart"},
        {"event": "$screen", "distinct_id": "u-1", "properties": {"$screen_name": "Cart"}},
    ),
    Case(
        "identify",
        "identify",
        {**USER, "traits": {"plan": "pro"}},
        {"event": "$identify", "distinct_id": "u-1", "properties": {"$set": {"plan": "pro"}}},
        path="i/v0/e/",
    ),
]
