"""Mixpanel's golden table: messages, and the requests with their events and profile updates.

docs/vendor-differences.md lists where Segment's own integration differs, and why.
"""

from typing import Any

from durable_analytics.providers import HttpRequest, JsonItems
from durable_analytics.wire.json_writer import write_json
from tests.providers.building import (
    ACCOUNTS,
    SENT_AT,
    Golden,
    calls,
    delivery_of,
)
from tests.support.json_objects import Json

MIXPANEL = ACCOUNTS["mixpanel"]


BASE = "https://api.mixpanel.com"


BASIC = {"Authorization": "Basic bWl4cGFuZWwtYWNjb3VudDptaXhwYW5lbC1zZWNyZXQ="}


NO_HEADERS: dict[str, str] = {}
"""The token stands in each item."""


USER: Json = {"user_id": "u-1"}


TRACK: Json = {**USER, "event": "Signed Up"}


TIME = 1769851800000


CONTEXT: Json = {
    "app": {
        "build": "7",
        "name": "shop",
        "namespace": "com.example.shop",
        "version": "1.2",
        "platform": "ios",
    },
    "campaign": {"name": "spring", "source": "news"},
    "device": {
        "adTrackingEnabled": True,
        "advertisingId": "ad-1",
        "manufacturer": "Apple",
        "model": "iPhone17,1",
        "name": "maguro",
        "type": "ios",
    },
    "group_id": "g-9",
    "ip": "192.0.2.1",
    "library": {"name": "analytics-ios", "version": "4.1"},
    "locale": "en-GB",
    "location": {"country": "GB", "region": "London"},
    "network": {"bluetooth": False, "carrier": "EE", "cellular": True, "wifi": False},
    "os": {"name": "iOS", "version": "19.1"},
    "page": {"referrer": "https://example.com", "url": "https://example.com/x"},
    "screen": {"density": 3, "height": 852, "width": 393},
    "timezone": "Europe/London",
    "user_agent": "shop/1.2",
    "user_agent_data": {"mobile": True, "platform": "iOS", "uaFullVersion": "1"},
}


OF_CONTEXT: Json = {
    "$app_build_number": "7",
    "$app_name": "shop",
    "$app_namespace": "com.example.shop",
    "$app_version_string": "1.2",
    "$bluetooth_enabled": False,
    "$carrier": "EE",
    "$cellular_enabled": True,
    "$current_url": "https://example.com/x",
    "$device": "maguro",
    "$device_name": "maguro",
    "$device_type": "ios",
    "$ios_ifa": "ad-1",
    "$lib_version": "4.1",
    "$locale": "en-GB",
    "$manufacturer": "Apple",
    "$mobile": True,
    "$model": "iPhone17,1",
    "$os": "iOS",
    "$os_version": "19.1",
    "$platform": "iOS",
    "$referrer": "https://example.com",
    "$region": "London",
    "$screen_density": 3,
    "$screen_height": 852,
    "$screen_width": 393,
    "$uaFullVersion": "1",
    "$wifi_enabled": False,
    "ad_tracking_enabled": True,
    "advertising_id": "ad-1",
    "app_platform": "ios",
    "ip": "192.0.2.1",
    "mp_country_code": "GB",
    "mp_lib": "analytics-ios",
    "timezone": "Europe/London",
    "user_agent": "shop/1.2",
    "utm_campaign": "spring",
    "utm_source": "news",
}


def imported(*items: Json) -> HttpRequest:
    """The request with these events."""
    return HttpRequest(
        "POST",
        f"{BASE}/import",
        JsonItems([*map(write_json, items)]),
        query={"strict": 1, "project_id": "2195193"},
    )


def updated(endpoint: str, item: Json) -> HttpRequest:
    """The request with this update of a profile, or this alias."""
    return HttpRequest(
        "POST",
        f"{BASE}/{endpoint}",
        JsonItems([write_json(item)]),
        query={"verbose": 1, "ip": 0},
        credentials=endpoint,
    )


def item(message: Json, method: str = "track", **input: Any) -> Json:
    """The item of a message."""
    return MIXPANEL.item(delivery_of(MIXPANEL, method, message, **input))


VIEWED: Json = {"distinct_id": "u-1", "$user_id": "u-1"}


GOLDEN = [
    Golden(
        "identify",
        "full",
        {
            **USER,
            "message_id": "m-2",
            "timestamp": "2026-01-31T09:30:00.250Z",
            "traits": {
                "email": "ada@example.com",
                "firstName": "Ada",
                "last_name": "Lovelace",
                "phone": "+44",
                "username": "ada",
                "avatar": "https://example.com/a.png",
                "createdAt": "2026-01-01",
                "plan": "pro",
            },
        },
        updated(
            "engage",
            {
                "$distinct_id": "u-1",
                "$time": TIME / 1000 + 0.25,
                "$ip": "192.0.2.1",
                "$set": {
                    "seats": 3,
                    "$email": "ada@example.com",
                    "$first_name": "Ada",
                    "$last_name": "Lovelace",
                    "$phone": "+44",
                    "$username": "ada",
                    "$avatar": "https://example.com/a.png",
                    "$created": "2026-01-01",
                    "plan": "pro",
                    "$name": "Ada Lovelace",
                },
            },
        ),
        NO_HEADERS,
        {"ip": "192.0.2.1", "traits": {"seats": 3}},
    ),
    Golden(
        "identify",
        "least",
        {"anonymous_id": "a-1"},
        updated("engage", {"$distinct_id": "a-1", "$time": TIME / 1000, "$set": {}}),
        NO_HEADERS,
    ),
    Golden(
        "track",
        "full",
        {
            **TRACK,
            "anonymous_id": "a-1",
            "company_id": "g-1",
            "properties": {"revenue": 19.99, "currency": "EUR", "id": 1, "$os": "own", "n": None},
        },
        imported(
            {
                "event": "Signed Up",
                "properties": {
                    **OF_CONTEXT,
                    "revenue": 19.99,
                    "currency": "EUR",
                    "id": 1,
                    "$os": "own",
                    "n": None,
                    "time": TIME,
                    "distinct_id": "u-1",
                    "$user_id": "u-1",
                    "$device_id": "a-1",
                    "$insert_id": "m-1",
                    "$group_id": "g-1",
                },
            }
        ),
        BASIC,
        CONTEXT,
    ),
    Golden(
        "track",
        "least",
        {"anonymous_id": "a-1", "event": "Signed Up"},
        imported(
            {
                "event": "Signed Up",
                "properties": {
                    "time": TIME,
                    "distinct_id": "a-1",
                    "$device_id": "a-1",
                    "$insert_id": "m-1",
                },
            }
        ),
        BASIC,
    ),
    Golden(
        "group",
        "full",
        {
            **USER,
            "anonymous_id": "a-1",
            "group_id": "g-1",
            "traits": {"name": "Acme", "created_at": "2026-01-01", "email": "x@example.com"},
        },
        updated(
            "groups",
            {
                "$group_key": "$group_id",
                "$group_id": "g-1",
                "$time": TIME / 1000,
                "$set": {"$name": "Acme", "$created": "2026-01-01", "email": "x@example.com"},
            },
        ),
        NO_HEADERS,
    ),
    Golden(
        "group",
        "least",
        {**USER, "group_id": "g-1"},
        updated(
            "groups",
            {"$group_key": "$group_id", "$group_id": "g-1", "$time": TIME / 1000, "$set": {}},
        ),
        NO_HEADERS,
    ),
    *(
        Golden(
            "alias",
            extent,
            {"previous_user_id": "a-1", "new_user_id": "u-1"},
            updated(
                "track",
                {
                    "properties": {"distinct_id": "a-1", "alias": "u-1"},
                    "event": "$create_alias",
                },
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
            "anonymous_id": "a-1",
            "name": "Pricing",
            "category": "Shop",
            "properties": {"url": "/pricing"},
        },
        imported(
            {
                "event": "Viewed Pricing",
                "properties": {
                    "url": "/pricing",
                    "name": "Pricing",
                    "category": "Shop",
                    "time": TIME,
                    "distinct_id": "u-1",
                    "$user_id": "u-1",
                    "$device_id": "a-1",
                    "$insert_id": "m-1",
                },
            }
        ),
        BASIC,
    ),
    Golden(
        "page",
        "least",
        {**USER, "properties": {"url": "/pricing"}},
        imported(
            {
                "event": "Viewed a Page",
                "properties": {
                    "url": "/pricing",
                    "time": TIME,
                    **VIEWED,
                    "$insert_id": "m-1",
                },
            }
        ),
        BASIC,
    ),
    Golden(
        "screen",
        "full",
        {
            **USER,
            "anonymous_id": "a-1",
            "name": "Cart",
            "category": "Shop",
            "properties": {"items": 2},
        },
        imported(
            {
                "event": "Viewed Cart",
                "properties": {
                    "items": 2,
                    "name": "Cart",
                    "category": "Shop",
                    "time": TIME,
                    "distinct_id": "u-1",
                    "$user_id": "u-1",
                    "$device_id": "a-1",
                    "$insert_id": "m-1",
                },
            }
        ),
        BASIC,
    ),
    Golden(
        "screen",
        "least",
        {**USER, "name": "Cart"},
        imported(
            {
                "event": "Viewed Cart",
                "properties": {
                    "name": "Cart",
                    "time": TIME,
                    **VIEWED,
                    "$insert_id": "m-1",
                },
            }
        ),
        BASIC,
    ),
    *(
        Golden(
            "delete",
            extent,
            USER,
            HttpRequest(
                "POST",
                "https://mixpanel.com/api/app/data-deletions/v3.0/",
                {"distinct_ids": ["u-1"], "compliance_type": "GDPR"},
                credentials="privacy",
            ),
            {"Authorization": "Bearer mixpanel-gdpr"},
        )
        for extent in ("full", "least")
    ),
    *calls(BASE, BASIC),
]


def authorized(request: HttpRequest) -> HttpRequest:
    """The request as it is sent."""
    return MIXPANEL.authorize(request, delivery_id="m-1", sent_at=SENT_AT)
