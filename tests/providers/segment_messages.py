"""Segment's messages, as Segment, journy.io and RudderStack share them."""

from dataclasses import dataclass, field
from typing import Literal

from tests.providers.building import COMMON
from tests.support.json_objects import Json

CONTEXT: Json = {
    "active": True,
    "app": {"name": "shop", "build_no": 7},
    "campaign": {"name": "spring", "source": "mail"},
    "channel": "server",
    "device": {"id": "d-1", "advertising_id": "ad-1", "ad_tracking_enabled": True, "my_key": 1},
    "group_id": "g-0",
    "ip": "192.0.2.10",
    "library": {"name": "shop", "version": "4.1"},
    "locale": "en-US",
    "network": {"wifi": True},
    "os": {"name": "iOS"},
    "page": {"path": "/pricing"},
    "referrer": {"id": "r-1"},
    "screen": {"inner_width": 320, "inner_height": 480, "density": 2},
    "timezone": "Europe/London",
    "traits": {"first_name": "Ada", "plan": "free"},
    "user_agent": "Mozilla/5.0",
    "user_agent_data": {"platform_version": "1", "ua_full_version": "2", "full_version_list": []},
    "my_own_key": {"a_b": 1},
}
"""Every field of a context, and one that is the caller's own."""

SENT_CONTEXT: Json = {
    "active": True,
    "app": {"name": "shop", "build_no": 7},
    "campaign": {"name": "spring", "source": "mail"},
    "channel": "server",
    "device": {"id": "d-1", "advertisingId": "ad-1", "adTrackingEnabled": True, "my_key": 1},
    "groupId": "g-0",
    "ip": "192.0.2.10",
    "library": {"name": "shop", "version": "4.1"},
    "locale": "en-US",
    "network": {"wifi": True},
    "os": {"name": "iOS"},
    "page": {"path": "/pricing"},
    "referrer": {"id": "r-1"},
    "screen": {"innerWidth": 320, "innerHeight": 480, "density": 2},
    "timezone": "Europe/London",
    "traits": {"first_name": "Ada", "plan": "free"},
    "userAgent": "Mozilla/5.0",
    "userAgentData": {"platformVersion": "1", "uaFullVersion": "2", "fullVersionList": []},
    "my_own_key": {"a_b": 1},
}
"""The same as it is sent."""

_GIVEN: Json = {
    "message_id": "m-2",
    "timestamp": "2025-12-24T20:00:00+01:00",
    "integrations": {"All": False, "my_destination": {"a_b": True}},
}
_SENT: Json = {
    "messageId": "m-2",
    "timestamp": "2025-12-24T20:00:00+01:00",
    "integrations": {"All": False, "my_destination": {"a_b": True}},
}
_PERSON = {"user_id": "u-1", "anonymous_id": "a-1"}
_SENT_PERSON = {"userId": "u-1", "anonymousId": "a-1"}
_FILLED_IN = {"messageId": COMMON["message_id"], "timestamp": COMMON["timestamp"]}

_DATA: Json = {"some_key": None, "nested": {"otherKey": [1, 2.5, "é"]}}
"""Data of the caller's: no key is renamed, null stays."""


@dataclass(frozen=True)
class Row:
    """A message, and the item that it becomes: without `sentAt`, which the attempt adds."""

    method: str
    extent: Literal["full", "least"]
    message: Json
    item: Json
    context: Json = field(default_factory=dict)


def _full(method: str, message: Json, item: Json) -> Row:
    item = {**_SENT, "context": SENT_CONTEXT, **item}
    return Row(method, "full", {**_GIVEN, **message}, item, CONTEXT)


def _least(method: str, message: Json, item: Json) -> Row:
    return Row(method, "least", message, {**_FILLED_IN, **item})


ROWS = [
    _full("identify", {**_PERSON, "traits": _DATA}, {**_SENT_PERSON, "traits": _DATA}),
    _least("identify", {"anonymous_id": "a-1"}, {"anonymousId": "a-1"}),
    _full(
        "track",
        {
            **_PERSON,
            "event": "Order Completed",
            "properties": {**_DATA, "revenue": 19.99, "currency": "USD"},
            "traits": {"plan": "pro", "last_name": None},
            "channel": "web_site",
            "company_id": "c-1",
        },
        {
            **_SENT_PERSON,
            "event": "Order Completed",
            "properties": {**_DATA, "revenue": 19.99, "currency": "USD"},
            "context": {
                **SENT_CONTEXT,
                "traits": {"first_name": "Ada", "plan": "pro", "last_name": None},
                "channel": "web_site",
                "groupId": "c-1",
            },
        },
    ),
    _least("track", {"user_id": "u-1", "event": "E"}, {"userId": "u-1", "event": "E"}),
    _full(
        "group",
        {**_PERSON, "group_id": "g-1", "traits": _DATA},
        {**_SENT_PERSON, "groupId": "g-1", "traits": _DATA},
    ),
    _least("group", {"user_id": "u-1", "group_id": "g-1"}, {"userId": "u-1", "groupId": "g-1"}),
    _full(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1", "traits": {"plan": None}},
        {
            "previousId": "a-1",
            "userId": "u-1",
            "context": {**SENT_CONTEXT, "traits": {"first_name": "Ada", "plan": None}},
        },
    ),
    _least(
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
        {"previousId": "a-1", "userId": "u-1"},
    ),
    _full(
        "page",
        {**_PERSON, "name": "Home", "category": "Docs", "properties": {**_DATA, "url": "/"}},
        {**_SENT_PERSON, "name": "Home", "category": "Docs", "properties": {**_DATA, "url": "/"}},
    ),
    _least(
        "page",
        {"user_id": "u-1", "properties": {"path": "/"}},
        {"userId": "u-1", "properties": {"path": "/"}},
    ),
    _full(
        "screen",
        {**_PERSON, "name": "Cart", "category": "Shop", "properties": _DATA},
        {**_SENT_PERSON, "name": "Cart", "category": "Shop", "properties": _DATA},
    ),
    _least("screen", {"user_id": "u-1", "name": "Cart"}, {"userId": "u-1", "name": "Cart"}),
]
"""Every method of Segment's specification, with all fields and with the least."""
