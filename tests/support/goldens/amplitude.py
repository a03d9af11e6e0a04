"""Amplitude's golden table: messages, and the requests with their events.

docs/vendor-differences.md lists where Segment's own integration differs, and why.
"""

from durable_analytics.providers import Form, HttpRequest, JsonItems
from durable_analytics.wire.json_writer import write_json
from tests.providers.building import (
    ACCOUNTS,
    Golden,
    calls,
)
from tests.support.json_objects import Json

AMPLITUDE = ACCOUNTS["amplitude"]


BASE = "https://api2.amplitude.com"


BASIC = {"Authorization": "Basic YW1wbGl0dWRlLWtleTphbXBsaXR1ZGUtc2VjcmV0"}


NO_HEADERS: dict[str, str] = {}
"""The key stands in the body."""


USER: Json = {"user_id": "user-1"}


TRACK: Json = {**USER, "event": "Signed Up"}


TIME = 1769851800000


COMMON: Json = {"time": TIME, "insert_id": "m-1"}


CONTEXT: Json = {
    "app": {"version": "1.2"},
    "campaign": {
        "name": "spring",
        "source": "news",
        "medium": "mail",
        "term": "shoes",
        "content": "top",
    },
    "device": {
        "id": "device-1",
        "advertisingId": "ad-1",
        "brand": "Apple",
        "manufacturer": "Apple",
        "model": "iPhone17,1",
        "type": "ios",
    },
    "group_id": "g-9",
    "ip": "192.0.2.1",
    "library": {"name": "analytics-ios", "version": "4.1"},
    "locale": "en-GB",
    "location": {
        "city": "London",
        "country": "GB",
        "region": "London",
        "latitude": 51.5,
        "longitude": -0.1,
    },
    "network": {"carrier": "EE"},
    "os": {"name": "iOS", "version": "19.1"},
    "page": {"referrer": "https://example.com"},
    "traits": {"plan": "free", "seats": 3},
    "user_agent": "shop/1.2",
}


OF_CONTEXT: Json = {
    "adid": "ad-1",
    "app_version": "1.2",
    "carrier": "EE",
    "city": "London",
    "country": "GB",
    "device_brand": "Apple",
    "device_id": "device-1",
    "device_manufacturer": "Apple",
    "device_model": "iPhone17,1",
    "idfa": "ad-1",
    "idfv": "device-1",
    "ip": "192.0.2.1",
    "language": "en-GB",
    "library": "analytics-ios",
    "location_lat": 51.5,
    "location_lng": -0.1,
    "os_name": "iOS",
    "os_version": "19.1",
    "platform": "iOS",
    "region": "London",
    "user_agent": "shop/1.2",
}


TOUCH: Json = {
    "utm_source": "news",
    "utm_medium": "mail",
    "utm_campaign": "spring",
    "utm_term": "shoes",
    "utm_content": "top",
    "referrer": "https://example.com",
}


FIRST_TOUCH: Json = {f"initial_{name}": value for name, value in TOUCH.items()}


def events(*expected: Json) -> HttpRequest:
    """The request of a message."""
    return HttpRequest(
        "POST", f"{BASE}/2/httpapi", JsonItems([*map(write_json, expected)], "events")
    )


GOLDEN = [
    Golden(
        "identify",
        "full",
        {
            **USER,
            "anonymous_id": "device-1",
            "message_id": "m-2",
            "timestamp": "2026-01-31T09:30:00.250Z",
            "traits": {"plan": "pro", "email": None},
        },
        events(
            {
                **OF_CONTEXT,
                "user_id": "user-1",
                "event_type": "$identify",
                "time": TIME + 250,
                "insert_id": "m-2",
                "user_properties": {
                    "$set": {**TOUCH, "plan": "pro", "seats": 3},
                    "$unset": {"email": "-"},
                    "$setOnce": FIRST_TOUCH,
                },
                "groups": {"group": "g-9"},
            }
        ),
        NO_HEADERS,
        CONTEXT,
    ),
    Golden(
        "identify",
        "least",
        USER,
        events({**USER, "event_type": "$identify", **COMMON}),
        NO_HEADERS,
    ),
    Golden(
        "track",
        "full",
        {
            **TRACK,
            "anonymous_id": "device-1",
            "company_id": "g-1",
            "properties": {"revenue": 19.99, "currency": "EUR", "product_id": "p-1", "n": None},
            "traits": {"plan": "pro"},
        },
        events(
            {
                **OF_CONTEXT,
                "user_id": "user-1",
                "event_type": "Signed Up",
                **COMMON,
                "event_properties": {
                    "revenue": 19.99,
                    "currency": "EUR",
                    "product_id": "p-1",
                    "n": None,
                },
                "user_properties": {
                    "$set": {**TOUCH, "plan": "pro", "seats": 3},
                    "$setOnce": FIRST_TOUCH,
                },
                "groups": {"group": "g-1"},
                "revenue": 19.99,
                "revenueType": "Purchase",
                "productId": "p-1",
                "currency": "EUR",
            }
        ),
        NO_HEADERS,
        CONTEXT,
    ),
    Golden(
        "track",
        "least",
        {"anonymous_id": "device-1", "event": "Signed Up"},
        events({"device_id": "device-1", "event_type": "Signed Up", **COMMON}),
        NO_HEADERS,
    ),
    Golden(
        "group",
        "full",
        {
            **USER,
            "anonymous_id": "device-1",
            "group_id": "g-1",
            "traits": {"name": "Acme", "plan": None},
        },
        events(
            {
                "user_id": "user-1",
                "device_id": "device-1",
                "event_type": "$identify",
                **COMMON,
                "user_properties": {"$set": {"group": "g-1"}},
                "groups": {"group": "g-1"},
            },
            {
                "event_type": "$groupidentify",
                "time": TIME,
                "insert_id": "m-1-group",
                "user_id": "user-1",
                "device_id": "device-1",
                "groups": {"group": "g-1"},
                "group_properties": {"$set": {"name": "Acme"}, "$unset": {"plan": "-"}},
            },
        ),
        NO_HEADERS,
    ),
    Golden(
        "group",
        "least",
        {**USER, "group_id": "g-1"},
        events(
            {
                **USER,
                "event_type": "$identify",
                **COMMON,
                "user_properties": {"$set": {"group": "g-1"}},
                "groups": {"group": "g-1"},
            }
        ),
        NO_HEADERS,
    ),
    *(
        Golden(
            "alias",
            extent,
            {"previous_user_id": "device-1", "new_user_id": "user-1"},
            HttpRequest(
                "POST",
                "https://api.amplitude.com/usermap",
                Form({"mapping": '[{"user_id":"device-1","global_user_id":"user-1"}]'}),
            ),
            NO_HEADERS,
        )
        for extent in ("full", "least")
    ),
    Golden(
        "page",
        "full",
        {
            **USER,
            "anonymous_id": "device-1",
            "name": "Pricing",
            "category": "Shop",
            "properties": {"url": "/pricing", "name": "Pricing"},
        },
        events(
            {
                **USER,
                "device_id": "device-1",
                "event_type": "Viewed Pricing",
                **COMMON,
                "event_properties": {"url": "/pricing", "name": "Pricing", "category": "Shop"},
            }
        ),
        NO_HEADERS,
    ),
    Golden(
        "page",
        "least",
        {**USER, "properties": {"url": "/pricing"}},
        events(
            {
                **USER,
                "event_type": "Viewed a Page",
                **COMMON,
                "event_properties": {"url": "/pricing"},
            }
        ),
        NO_HEADERS,
    ),
    Golden(
        "screen",
        "full",
        {
            **USER,
            "anonymous_id": "device-1",
            "name": "Cart",
            "category": "Shop",
            "properties": {"items": 2},
        },
        events(
            {
                **USER,
                "device_id": "device-1",
                "event_type": "Viewed Cart",
                **COMMON,
                "event_properties": {"items": 2, "name": "Cart", "category": "Shop"},
            }
        ),
        NO_HEADERS,
    ),
    Golden(
        "screen",
        "least",
        {**USER, "name": "Cart"},
        events(
            {
                **USER,
                "event_type": "Viewed Cart",
                **COMMON,
                "event_properties": {"name": "Cart"},
            }
        ),
        NO_HEADERS,
    ),
    *(
        Golden(
            "delete",
            extent,
            USER,
            HttpRequest(
                "POST",
                "https://amplitude.com/api/2/deletions/users",
                {"user_ids": ["user-1"], "requester": "durable-analytics"},
                credentials="basic",
            ),
            BASIC,
        )
        for extent in ("full", "least")
    ),
    *calls(BASE, NO_HEADERS),
]
