"""PostHog's golden table: messages, and the requests with their events.

docs/vendor-differences.md lists where Segment's own integration differs, and why.
"""

from typing import Any

from durable_analytics.providers import HttpRequest
from durable_analytics.providers._message_uuid import message_uuid
from tests.providers.building import (
    ACCOUNTS,
    COMMON,
    Golden,
    built,
    calls,
)
from tests.support.json_objects import Json

POSTHOG = ACCOUNTS["posthog"]


BASE = "https://us.i.posthog.com"


API = "https://us.posthog.com/api/projects/17"


PERSONAL = {"Authorization": "Bearer phx_key"}


UUID = message_uuid("m-1")


TIME = "2026-01-31T09:30:00Z"


BOTH: Json = {**COMMON, "user_id": "u-1", "anonymous_id": "a-1"}


HIDDEN: Json = {"$geoip_disable": True}
"""What events without an IP address have."""


CONTEXT: Json = {
    "app": {"name": "Shop", "version": "4.1", "build": "b-1", "namespace": "com.example"},
    "campaign": {"name": "Spring", "source": "mail", "gclid": "g-1"},
    "device": {"id": "d-1", "model": "Pixel", "type": "android"},
    "group_id": "g-9",
    "ip": "192.0.2.1",
    "library": {"name": "shop", "version": "4.1"},
    "locale": "en-GB",
    "network": {"wifi": True},
    "os": {"name": "Android", "version": "17"},
    "page": {"url": "https://shop.example.com/cart", "search": "?a=1"},
    "screen": {"height": 800, "width": 600, "density": 2},
    "timezone": "Europe/London",
    "traits": {"plan": "free", "seats": 1},
    "user_agent": "Mozilla/5.0",
    "consent": {"categoryPreferences": {"ad": True}},
}


PROPERTIES: Json = {
    "$app_name": "Shop",
    "$app_version": "4.1",
    "$app_build": "b-1",
    "$app_namespace": "com.example",
    "utm_campaign": "Spring",
    "utm_source": "mail",
    "$device_id": "d-1",
    "$device_model": "Pixel",
    "$device_type": "android",
    "$ip": "192.0.2.1",
    "$lib": "shop",
    "$lib_version": "4.1",
    "$locale": "en-GB",
    "$network_wifi": True,
    "$os": "Android",
    "$os_version": "17",
    "$current_url": "https://shop.example.com/cart",
    "$screen_height": 800,
    "$screen_width": 600,
    "$timezone": "Europe/London",
    "$raw_user_agent": "Mozilla/5.0",
    "context": {
        "campaign": {"gclid": "g-1"},
        "page": {"search": "?a=1"},
        "screen": {"density": 2},
        "consent": {"categoryPreferences": {"ad": True}},
    },
    "$groups": {"company": "g-9"},
}
"""What becomes of this context."""


ORDER: Json = {
    "order_id": "o-1",
    "revenue": 19.99,
    "currency": "USD",
    "products": [{"sku": "s-1", "price": 19.99}],
    "coupon": None,
}


def event(name: str, distinct_id: str, properties: Json) -> Json:
    """An event of the table."""
    return {
        "event": name,
        "distinct_id": distinct_id,
        "properties": properties,
        "timestamp": TIME,
        "uuid": UUID,
    }


ROWS: list[tuple[str, Any, Json, Json]] = [
    (
        "identify",
        "full",
        {**BOTH, "traits": {"plan": "pro", "seats": None}},
        event(
            "$identify",
            "u-1",
            {
                **PROPERTIES,
                "$anon_distinct_id": "a-1",
                "$set": {"plan": "pro", "seats": None},
            },
        ),
    ),
    ("identify", "least", {"user_id": "u-1"}, event("$identify", "u-1", {"$set": {}, **HIDDEN})),
    (
        "track",
        "full",
        {
            **BOTH,
            "event": "Order Completed",
            "properties": ORDER,
            "traits": {"plan": "pro"},
            "channel": "web",
            "company_id": "c-1",
        },
        event(
            "Order Completed",
            "u-1",
            {
                **PROPERTIES,
                **ORDER,
                "channel": "web",
                "$anon_distinct_id": "a-1",
                "$set": {"plan": "pro", "seats": 1},
                "$groups": {"company": "c-1"},
            },
        ),
    ),
    (
        "track",
        "least",
        {"anonymous_id": "a-1", "event": "E"},
        event("E", "a-1", {**HIDDEN, "$process_person_profile": False}),
    ),
    (
        "group",
        "full",
        {**BOTH, "group_id": "g-1", "traits": {"name": "Acme"}},
        event(
            "$groupidentify",
            "u-1",
            {
                **PROPERTIES,
                "$group_type": "company",
                "$group_key": "g-1",
                "$group_set": {"name": "Acme"},
                "$anon_distinct_id": "a-1",
                "$set": {"plan": "free", "seats": 1},
            },
        ),
    ),
    (
        "group",
        "least",
        {"user_id": "u-1", "group_id": "g-1"},
        event(
            "$groupidentify",
            "u-1",
            {"$group_type": "company", "$group_key": "g-1", "$group_set": {}, **HIDDEN},
        ),
    ),
    (
        "alias",
        "full",
        {
            **COMMON,
            "previous_user_id": "a-1",
            "new_user_id": "u-1",
            "traits": {"plan": "pro"},
        },
        event(
            "$create_alias",
            "a-1",
            {
                **PROPERTIES,
                "distinct_id": "a-1",
                "alias": "u-1",
                "$set": {"plan": "pro", "seats": 1},
            },
        ),
    ),
    (
        "alias",
        "least",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        event("$create_alias", "a-1", {"distinct_id": "a-1", "alias": "u-1", **HIDDEN}),
    ),
    (
        "page",
        "full",
        {
            **BOTH,
            "name": "Pricing",
            "category": "Shop",
            "properties": {"url": "https://x/p", "path": "/p", "referrer": "https://y"},
        },
        event(
            "$pageview",
            "u-1",
            {
                **PROPERTIES,
                "url": "https://x/p",
                "path": "/p",
                "referrer": "https://y",
                "$current_url": "https://x/p",
                "$pathname": "/p",
                "$referrer": "https://y",
                "name": "Pricing",
                "category": "Shop",
                "$anon_distinct_id": "a-1",
                "$set": {"plan": "free", "seats": 1},
            },
        ),
    ),
    (
        "page",
        "least",
        {"anonymous_id": "a-1", "name": "Pricing"},
        event("$pageview", "a-1", {"name": "Pricing", **HIDDEN, "$process_person_profile": False}),
    ),
    (
        "screen",
        "full",
        {**BOTH, "name": "Cart", "category": "Shop", "properties": {"items": 2}},
        event(
            "$screen",
            "u-1",
            {
                **PROPERTIES,
                "$screen_name": "Cart",
                "category": "Shop",
                "items": 2,
                "$anon_distinct_id": "a-1",
                "$set": {"plan": "free", "seats": 1},
            },
        ),
    ),
    (
        "screen",
        "least",
        {"user_id": "u-1", "name": "Cart"},
        event("$screen", "u-1", {"$screen_name": "Cart", **HIDDEN}),
    ),
]
"""Messages, and the event that each becomes; those in full have the context above."""


DELETION = HttpRequest(
    "POST",
    f"{API}/persons/bulk_delete/",
    {"distinct_ids": ["u-1"], "delete_events": True},
    credentials="personal",
)


def note(content: str) -> HttpRequest:
    """An annotation."""
    body = {"content": content, "date_marker": TIME, "scope": "project"}
    return HttpRequest("POST", f"{API}/annotations/", body, credentials="personal")


GOLDEN = [
    *(
        Golden(
            method,
            extent,
            message,
            HttpRequest("POST", f"{BASE}/i/v0/e/", item),
            {},
            CONTEXT if extent == "full" else {},
        )
        for method, extent, message, item in ROWS
    ),
    Golden(
        "annotate",
        "full",
        {**COMMON, "event": "Deployed", "properties": {"commit": "5ab430d", "parts": [1, None]}},
        note("Deployed\ncommit: 5ab430d\nparts: [1,null]"),
        PERSONAL,
    ),
    Golden("annotate", "least", {"event": "Deployed"}, note("Deployed"), PERSONAL),
    Golden("delete", "full", {"user_id": "u-1", **COMMON}, DELETION, PERSONAL),
    Golden("delete", "least", {"user_id": "u-1"}, DELETION, PERSONAL),
    *calls(BASE, {}),
]


TRACK: Json = {"user_id": "u-1", "event": "E"}


def item(method: str, message: Json, **input: Any) -> Json:
    """The event that a message becomes."""
    body: Json = built(POSTHOG, method, message, **input).body
    return body
