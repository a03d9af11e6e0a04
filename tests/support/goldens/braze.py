"""Braze's golden table: messages, and the requests with their attributes, events and purchases."""

from durable_analytics.providers import HttpRequest
from tests.providers.building import (
    ACCOUNTS,
    Golden,
    calls,
)
from tests.support.json_objects import Json

BRAZE = ACCOUNTS["braze"]


BASE = "https://rest.iad-01.braze.com"


BEARER = {"Authorization": "Bearer braze-key"}


TIME = "2026-01-31T09:30:00.000Z"


GIVEN: Json = {"message_id": "m-2", "timestamp": "2025-12-24T20:00:00+01:00"}


GIVEN_TIME = "2025-12-24T19:00:00.000Z"


PERSON: Json = {"user_id": "u-1"}


ANONYMOUS: Json = {"anonymous_id": "a-1"}


SENT_PERSON: Json = {"external_id": "u-1"}


SENT_ANONYMOUS: Json = {
    "user_alias": {"alias_name": "a-1", "alias_label": "anonymous_id"},
    "_update_existing_only": False,
}


DATA: Json = {"plan": None, "nested": {"list": [1, "é"]}}


def full(method: str, message: Json, array: str, found: Json) -> Golden:
    """A message with all its fields, and the object that it becomes."""
    request = HttpRequest("POST", f"{BASE}/users/track", {array: [{**SENT_PERSON, **found}]})
    return Golden(method, "full", {**GIVEN, **PERSON, **message}, request, BEARER)


def least(method: str, message: Json, array: str, found: Json) -> Golden:
    """A message with no more than it must have."""
    request = HttpRequest("POST", f"{BASE}/users/track", {array: [{**SENT_ANONYMOUS, **found}]})
    return Golden(method, "least", {**ANONYMOUS, **message}, request, BEARER)


def identified(previous: str, new: str) -> HttpRequest:
    """The request of an alias."""
    alias = {"alias_name": previous, "alias_label": "anonymous_id"}
    body = {
        "aliases_to_identify": [{"external_id": new, "user_alias": alias}],
        "merge_behavior": "merge",
    }
    return HttpRequest("POST", f"{BASE}/users/identify", body)


ALIAS: Json = {"previous_user_id": "a-1", "new_user_id": "u-1"}


DELETED = HttpRequest("POST", f"{BASE}/users/delete", {"external_ids": ["u-1"]})


GOLDEN = [
    full(
        "identify",
        {
            "traits": {
                **DATA,
                "email": "ada@example.com",
                "firstName": "Ada",
                "lastName": "Lovelace",
                "avatar": "https://example.com/ada.png",
                "birthday": "1815-12-10T00:00:00Z",
                "gender": "Female",
                "phone": None,
                "address": {"city": "London"},
            }
        },
        "attributes",
        {
            **DATA,
            "email": "ada@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "image_url": "https://example.com/ada.png",
            "dob": "1815-12-10",
            "gender": "F",
            "phone": None,
            "address": {"city": "London"},
            "home_city": "London",
        },
    ),
    least("identify", {}, "attributes", {}),
    full(
        "track",
        {"event": "Signed Up", "properties": DATA},
        "events",
        {"name": "Signed Up", "time": GIVEN_TIME, "properties": DATA},
    ),
    least("track", {"event": "E"}, "events", {"name": "E", "time": TIME}),
    full(
        "group",
        {"group_id": "g-1", "traits": DATA},
        "attributes",
        {"group_id": "g-1", "group": DATA},
    ),
    least("group", {"group_id": "g-1"}, "attributes", {"group_id": "g-1"}),
    Golden("alias", "full", {**GIVEN, **ALIAS}, identified("a-1", "u-1"), BEARER),
    Golden("alias", "least", ALIAS, identified("a-1", "u-1"), BEARER),
    full(
        "page",
        {"name": "Home", "category": "Docs", "properties": {"url": "/"}},
        "events",
        {
            "name": "Page Viewed",
            "time": GIVEN_TIME,
            "properties": {"url": "/", "name": "Home", "category": "Docs"},
        },
    ),
    least(
        "page",
        {"properties": {"url": "/"}},
        "events",
        {"name": "Page Viewed", "time": TIME, "properties": {"url": "/"}},
    ),
    full(
        "screen",
        {"name": "Cart", "category": "Shop", "properties": DATA},
        "events",
        {
            "name": "Screen Viewed",
            "time": GIVEN_TIME,
            "properties": {**DATA, "name": "Cart", "category": "Shop"},
        },
    ),
    least(
        "screen",
        {"name": "Cart"},
        "events",
        {"name": "Screen Viewed", "time": TIME, "properties": {"name": "Cart"}},
    ),
    Golden("delete", "full", {**GIVEN, **PERSON}, DELETED, BEARER),
    Golden("delete", "least", PERSON, DELETED, BEARER),
    *calls(BASE, BEARER),
]


ORDER: Json = {
    "order_id": "o-1",
    "revenue": 23.5,
    "currency": "EUR",
    "coupon": "SPRING",
    "products": [
        {"product_id": "p-1", "price": 4.5, "quantity": 3, "name": "Tea", "coupon": "TEA"},
        {"product_id": 2, "price": 10, "currency": "GBP"},
    ],
}


def order(properties: Json) -> Json:
    """A track of Segment's semantic event."""
    return {**PERSON, "event": "Order Completed", "properties": properties}
