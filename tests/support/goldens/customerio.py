"""Customer.io's golden table: messages with all fields and with the least, and their operations."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import ACCOUNTS, Golden, calls
from tests.support.json_objects import Json

CUSTOMERIO = ACCOUNTS["customerio"]
BASE = "https://track.customer.io"
BASIC = {"Authorization": "Basic Y3VzdG9tZXJpby1zaXRlOmN1c3RvbWVyaW8ta2V5"}

TIME = "2026-01-31T09:30:00Z"
UNIX = 1769851800
GIVEN: Json = {"message_id": "m-2", "timestamp": "2025-12-24T20:00:00+01:00"}
GIVEN_UNIX = 1766602800
ULID_1, ULID_2 = "54C6T75JT1N7P3VVJWJ37RWJKR", "4AWAJ115CPKKHYQVY0GH356A0H"
"""Of the message ids "m-1" and "m-2"."""

PERSON: Json = {"user_id": "u-1"}
BOTH: Json = {"user_id": "u-1", "anonymous_id": "a-1"}
DATA: Json = {"plan": None, "since": "2020-01-01", "nested": {"at": TIME, "list": [TIME]}}
SENT_DATA: Json = {"plan": None, "since": 1577836800, "nested": {"at": UNIX, "list": [TIME]}}


def full(method: str, message: Json, operation: Json) -> Golden:
    """A message with all its fields, and its operation."""
    request = HttpRequest("POST", f"{BASE}/api/v2/entity", operation)
    return Golden(method, "full", {**GIVEN, **message}, request, BASIC)


def least(method: str, message: Json, operation: Json) -> Golden:
    """A message with no more than it must have."""
    request = HttpRequest("POST", f"{BASE}/api/v2/entity", operation)
    return Golden(method, "least", message, request, BASIC)


def event(action: str, name: str, *, anonymous: bool = False) -> Json:
    """An operation that is an event."""
    return {
        "type": "person",
        "action": action,
        "identifiers": {"anonymous_id": "a-1"} if anonymous else {"id": "u-1"},
        "id": ULID_1 if anonymous else ULID_2,
        "name": name,
        "timestamp": UNIX if anonymous else GIVEN_UNIX,
    }


BATCHES = [
    full(
        "identify",
        {**BOTH, "traits": {**DATA, "createdAt": TIME, "email": "ada@example.com"}},
        {
            "type": "person",
            "action": "identify",
            "identifiers": {"id": "u-1"},
            "timestamp": GIVEN_UNIX,
            "attributes": {
                **SENT_DATA,
                "created_at": UNIX,
                "email": "ada@example.com",
                "anonymous_id": "a-1",
            },
        },
    ),
    least(
        "identify",
        PERSON,
        {
            "type": "person",
            "action": "identify",
            "identifiers": {"id": "u-1"},
            "timestamp": UNIX,
        },
    ),
    full(
        "track",
        {**BOTH, "event": "Order Completed", "properties": {**DATA, "revenue": 9.5}},
        {
            **event("event", "Order Completed"),
            "attributes": {**SENT_DATA, "revenue": 9.5, "anonymous_id": "a-1"},
        },
    ),
    least("track", {"anonymous_id": "a-1", "event": "E"}, event("event", "E", anonymous=True)),
    full(
        "group",
        {
            **PERSON,
            "group_id": "g-1",
            "traits": {
                "name": "Acme",
                "createdAt": TIME,
                "objectTypeId": "2",
                "objectAttributes": {"industry": "Technology"},
                "relationshipAttributes": {"role": "owner", "since": TIME},
            },
        },
        {
            "type": "object",
            "action": "identify",
            "identifiers": {"object_type_id": "2", "object_id": "g-1"},
            "attributes": {"name": "Acme", "created_at": UNIX, "industry": "Technology"},
            "cio_relationships": [
                {
                    "identifiers": {"id": "u-1"},
                    "relationship_attributes": {"role": "owner", "since": UNIX},
                }
            ],
        },
    ),
    least(
        "group",
        {"anonymous_id": "a-1", "group_id": "g-1"},
        {
            "type": "object",
            "action": "identify_anonymous",
            "identifiers": {"object_type_id": "1", "object_id": "g-1"},
            "cio_relationships": [{"identifiers": {"anonymous_id": "a-1"}}],
        },
    ),
    full(
        "alias",
        {"previous_user_id": "old@example.com", "new_user_id": "cio_03000001"},
        {
            "type": "person",
            "action": "merge",
            "primary": {"cio_id": "03000001"},
            "secondary": {"email": "old@example.com"},
        },
    ),
    least(
        "alias",
        {"previous_user_id": "u-0", "new_user_id": "u-1"},
        {
            "type": "person",
            "action": "merge",
            "primary": {"id": "u-1"},
            "secondary": {"id": "u-0"},
        },
    ),
    full(
        "page",
        {
            **BOTH,
            "name": "Home",
            "category": "Docs",
            "properties": {"url": "https://example.com/"},
        },
        {
            **event("page", "https://example.com/"),
            "attributes": {
                "url": "https://example.com/",
                "name": "Home",
                "category": "Docs",
                "anonymous_id": "a-1",
            },
        },
    ),
    least("page", {"anonymous_id": "a-1", "name": "Home"}, event("page", "Home", anonymous=True)),
    full(
        "screen",
        {**BOTH, "name": "Cart", "category": "Shop", "properties": DATA},
        {
            **event("screen", "Cart"),
            "attributes": {**SENT_DATA, "category": "Shop", "anonymous_id": "a-1"},
        },
    ),
    least(
        "screen", {"anonymous_id": "a-1", "name": "Cart"}, event("screen", "Cart", anonymous=True)
    ),
    full(
        "delete",
        {"user_id": "ada@example.com"},
        {
            "type": "person",
            "action": "delete",
            "identifiers": {"email": "ada@example.com"},
        },
    ),
    least(
        "delete",
        PERSON,
        {"type": "person", "action": "delete", "identifiers": {"id": "u-1"}},
    ),
]
"""The messages that can be in a batch: of every method but `call`."""

GOLDEN = [*BATCHES, *calls(BASE, BASIC)]
