"""Mixpanel: events, profiles of users and groups, and aliases."""

from tests.support.destination_cases.case import Case
from tests.support.json_objects import Json

NO_COUNTERPART = {
    "incrementProperties": "Segment adds numbers to a profile for events with `increment`.",
}

IDS: Json = {"user_id": "u-1", "anonymous_id": "a-1", "timestamp": "2021-08-17T15:21:15.449Z"}
MILLISECONDS = 1629213675449
SENT_IDS: Json = {
    "distinct_id": "u-1",
    "$user_id": "u-1",
    "$device_id": "a-1",
    "time": MILLISECONDS,
}

CASES = [
    Case(
        "trackEvent",
        "track",
        {**IDS, "message_id": "m-1", "event": "Signed Up", "properties": {"plan": "pro"}},
        {
            "event": "Signed Up",
            "properties": {
                **SENT_IDS,
                "$insert_id": "m-1",
                "plan": "pro",
                "ip": "8.8.8.8",
                "$app_name": "shop",
                "$app_version_string": "1.2",
                "$carrier": "EE",
                "$current_url": "https://example.com/x",
                "$device": "maguro",
                "$device_name": "maguro",
                "$device_type": "ios",
                "$group_id": "g-9",
                "$ios_ifa": "ad-2",
                "$lib_version": "2.11.1",
                "$locale": "en-US",
                "$manufacturer": "Apple",
                "$model": "iPhone17,1",
                "$os": "iOS",
                "$os_version": "19.1",
                "$referrer": "https://example.com",
                "$screen_density": 3,
                "$screen_height": 852,
                "$screen_width": 393,
                "$wifi_enabled": False,
                "$wow64": False,
                "mp_country_code": "United States",
                "timezone": "Europe/Amsterdam",
                "utm_campaign": "spring",
                "utm_source": "news",
            },
        },
        {
            "app": {"name": "shop", "version": "1.2"},
            "campaign": {"name": "spring", "source": "news"},
            "device": {
                "idfa": "ad-2",
                "manufacturer": "Apple",
                "model": "iPhone17,1",
                "name": "maguro",
                "type": "ios",
            },
            "groupId": "g-9",
            "ip": "8.8.8.8",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "locale": "en-US",
            "location": {"country": "United States"},
            "network": {"carrier": "EE", "wifi": False},
            "os": {"name": "iOS", "version": "19.1"},
            "page": {"referrer": "https://example.com", "url": "https://example.com/x"},
            "screen": {"density": 3, "height": 852, "width": 393},
            "timezone": "Europe/Amsterdam",
            "userAgentData": {"wow64": False},
        },
        "import",
    ),
    Case(
        "trackEvent",
        "page",
        {**IDS, "name": "Pricing", "properties": {"plan": "pro"}},
        {"event": "Viewed Pricing", "properties": {**SENT_IDS, "plan": "pro"}},
        path="import",
    ),
    Case(
        "trackEvent",
        "screen",
        {**IDS, "name": "Cart"},
        {"event": "Viewed Cart", "properties": SENT_IDS},
        path="import",
    ),
    Case(
        "trackPurchase",
        "track",
        {**IDS, "event": "Order Completed", "properties": {"revenue": 5.99, "order_id": "o-1"}},
        {
            "event": "Order Completed",
            "properties": {**SENT_IDS, "revenue": 5.99, "order_id": "o-1"},
        },
        path="import",
    ),
    Case(
        "identifyUser",
        "identify",
        {
            "user_id": "u-1",
            "timestamp": IDS["timestamp"],
            "traits": {
                "created": "2022-10-12T00:00:00.000Z",
                "email": "joe@example.com",
                "firstName": "Joe",
                "lastName": "Doe",
                "phone": "12345678",
                "username": "joe",
                "plan": "pro",
            },
        },
        {
            "$distinct_id": "u-1",
            "$ip": "8.8.8.8",
            "$set": {
                "$created": "2022-10-12T00:00:00.000Z",
                "$email": "joe@example.com",
                "$first_name": "Joe",
                "$last_name": "Doe",
                "$name": "Joe Doe",
                "$phone": "12345678",
                "$username": "joe",
                "plan": "pro",
            },
        },
        {"ip": "8.8.8.8"},
        "engage",
    ),
    Case(
        "identifyUser",
        "identify",
        {"user_id": "u-1", "anonymous_id": "a-1"},
        {"event": "$identify", "properties": {"$identified_id": "u-1", "$anon_id": "a-1"}},
        path="track",
    ),
    Case(
        "groupIdentifyUser",
        "group",
        {
            **IDS,
            "group_id": "g-1",
            "traits": {"name": "Acme", "created_at": "2022-10-12T00:00:00.000Z", "size": 3},
        },
        {
            "$group_key": "$group_id",
            "$group_id": "g-1",
            "$set": {"$name": "Acme", "$created": "2022-10-12T00:00:00.000Z", "size": 3},
        },
        path="groups",
    ),
    Case(
        "alias",
        "alias",
        {"previous_user_id": "u-0", "new_user_id": "u-1"},
        {"event": "$create_alias", "properties": {"distinct_id": "u-0", "alias": "u-1"}},
        path="track",
    ),
]
