"""Amplitude: events, and the properties of users."""

from tests.support.destination_cases.case import Case
from tests.support.json_objects import Json

NO_COUNTERPART: dict[str, str] = {}

USER: Json = {
    "user_id": "user-1",
    "anonymous_id": "device-1",
    "timestamp": "2021-04-12T16:32:37.710Z",
}
MILLISECONDS = 1618245157710

CONTEXT: Json = {
    "app": {"version": "1.2"},
    "campaign": {
        "name": "spring",
        "source": "news",
        "medium": "email",
        "term": "reports",
        "content": "image link",
    },
    "device": {
        "id": "device-2",
        "type": "ios",
        "brand": "Apple",
        "manufacturer": "Apple",
        "model": "iPhone17,1",
        "idfa": "ad-2",
    },
    "ip": "192.0.2.1",
    "locale": "en-US",
    "location": {
        "city": "San Francisco",
        "country": "United States",
        "region": "CA",
        "latitude": 40.29,
        "longitude": -76.94,
    },
    "network": {"carrier": "EE"},
    "os": {"name": "iPhone OS", "version": "8.1.3"},
    "page": {"referrer": "https://example.com"},
}
OF_CONTEXT: Json = {
    "adid": "ad-2",
    "app_version": "1.2",
    "carrier": "EE",
    "city": "San Francisco",
    "country": "United States",
    "device_brand": "Apple",
    "device_id": "device-2",
    "device_manufacturer": "Apple",
    "device_model": "iPhone17,1",
    "idfa": "ad-2",
    "idfv": "device-2",
    "ip": "192.0.2.1",
    "language": "en-US",
    "location_lat": 40.29,
    "location_lng": -76.94,
    "os_name": "iPhone OS",
    "os_version": "8.1.3",
    "platform": "iOS",
    "region": "CA",
}
TOUCH: Json = {
    "referrer": "https://example.com",
    "utm_campaign": "spring",
    "utm_content": "image link",
    "utm_medium": "email",
    "utm_source": "news",
    "utm_term": "reports",
}

CASES = [
    Case(
        "logEvent logEventV2",
        "track",
        {
            "user_id": "user-1",
            "timestamp": USER["timestamp"],
            "event": "Report Exported",
            "properties": {"format": "csv"},
            "integrations": {"Actions Amplitude": {"session_id": "1618245157710"}},
        },
        {
            **OF_CONTEXT,
            "user_id": "user-1",
            "event_type": "Report Exported",
            "time": MILLISECONDS,
            "session_id": 1618245157710,
            "event_properties": {"format": "csv"},
            "user_properties": {
                "$set": TOUCH,
                "$setOnce": {f"initial_{name}": value for name, value in TOUCH.items()},
            },
        },
        CONTEXT,
        "2/httpapi",
    ),
    Case(
        "logEvent logEventV2",
        "track",
        {**USER, "event": "Opened"},
        {"device_id": "device-1", "platform": "Android", "event_type": "Opened"},
        {"device": {"type": "android"}},
    ),
    Case(
        "logEventV2",
        "page",
        {**USER, "name": "Pricing", "properties": {"url": "https://example.com/pricing"}},
        {"event_type": "Viewed Pricing", "platform": "Web", "time": MILLISECONDS},
        {"library": {"name": "analytics.js"}},
    ),
    Case(
        "logEventV2",
        "screen",
        {**USER, "name": "Cart"},
        {"event_type": "Viewed Cart", "user_id": "user-1", "device_id": "device-1"},
    ),
    Case(
        "logPurchase",
        "track",
        {
            **USER,
            "event": "Order Completed",
            "properties": {"revenue": 1999, "products": [{"quantity": 1, "price": 1999}]},
        },
        {
            "event_type": "Order Completed",
            "revenue": 1999,
            "revenueType": "Purchase",
            "event_properties": {"revenue": 1999, "products": [{"quantity": 1, "price": 1999}]},
        },
        path="2/httpapi",
    ),
    Case(
        "identifyUser",
        "identify",
        {**USER, "traits": {"plan": "pro"}},
        {"user_id": "user-1", "device_id": "device-1", "language": "en-US"},
        {"locale": "en-US"},
    ),
    Case(
        "groupIdentifyUser",
        "group",
        {**USER, "group_id": "g-1", "traits": {"industry": "shoes"}},
        {"user_id": "user-1", "device_id": "device-1"},
    ),
    Case(
        "mapUser",
        "alias",
        {"previous_user_id": "user-0", "new_user_id": "user-1"},
        {"user_id": "user-0", "global_user_id": "user-1"},
    ),
]
