"""Calls of Segment's SDK for Python, and where its messages differ from ours on purpose."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

from durable_analytics.testing import VENDORS
from tests.support.json_objects import Json

WRITE_KEY = VENDORS["segment"].credentials["write_key"]

LEAST: Json = {"message_id": "m-1", "timestamp": "2026-01-31T09:30:00.000+00:00"}
_ALL: Json = {
    **LEAST,
    "integrations": {"All": False, "my_destination": {"a_b": True}},
    "context": {"ip": "192.0.2.10", "userAgent": "Mozilla/5.0", "my_key": {"a_b": None}},
}
_PERSON: Json = {"user_id": "u-1", "anonymous_id": "a-1"}
_DATA: Json = {"some_key": None, "nested": {"otherKey": [1, 2.5, "é"]}}

CALLS: list[tuple[str, Json]] = [
    ("identify", {**_ALL, **_PERSON, "traits": _DATA}),
    ("identify", {**LEAST, "user_id": "u-1"}),
    ("track", {**_ALL, **_PERSON, "event": "E", "properties": {**_DATA, "revenue": 1.5}}),
    ("track", {**LEAST, "anonymous_id": "a-1", "event": "E"}),
    ("page", {**_ALL, **_PERSON, "name": "N", "category": "C", "properties": _DATA}),
    ("page", {**LEAST, "user_id": "u-1", "properties": {"url": "/"}}),
    ("screen", {**_ALL, **_PERSON, "name": "N", "category": "C", "properties": _DATA}),
    ("screen", {**LEAST, "user_id": "u-1", "name": "N"}),
    ("group", {**_ALL, **_PERSON, "group_id": "g-1", "traits": _DATA}),
    ("group", {**LEAST, "user_id": "u-1", "group_id": "g-1"}),
    ("alias", {**_ALL, "previous_id": "a-1", "user_id": "u-1"}),
    ("alias", {**LEAST, "previous_id": "a-1", "user_id": "u-1"}),
]
"""Each call with all that the SDK takes, and with the least, in the SDK's words."""

OUR_WORDS = {"alias": {"previous_id": "previous_user_id", "user_id": "new_user_id"}}
"""Where our fields are called otherwise than the SDK's arguments."""

Row = tuple[str, str, Any]
"""Who sends something that the other does not, the field, and its value."""

_NOT_GIVEN = "the SDK sends a default for what the caller did not give; we send what was given"
_EVERYWHERE: list[tuple[Row, str]] = [
    (("sdk", "context.library", ANY), "the library is the caller's; ours made no message"),
    (("sdk", "userId", None), _NOT_GIVEN),
    (("sdk", "anonymousId", None), _NOT_GIVEN),
    (("sdk", "name", None), _NOT_GIVEN),
    (("sdk", "category", None), _NOT_GIVEN),
    (("sdk", "traits", {}), _NOT_GIVEN),
    (("sdk", "properties", {}), _NOT_GIVEN),
    (("sdk", "integrations", {}), _NOT_GIVEN),
]
ON_PURPOSE: dict[str, list[tuple[Row, str]]] = {
    "segment": [
        *_EVERYWHERE,
        (("sdk", "type", ANY), "an item of a batch tells its type; a path of ours tells it"),
        (("ours", "sentAt", ANY), "the SDK tells it once a batch, with the same meaning"),
    ],
    "journy": [
        *_EVERYWHERE,
        (("sdk", "type", "screen"), "journy.io takes pages; one with a name is a screen there"),
        (("ours", "type", "page"), "the other side of the row before"),
    ],
}
"""Everything that differs, by provider, and why."""

PATHS = {"segment": "", "journy": "/backend"}
"""What comes before the SDK's own `/v1/batch`: journy.io tells its customers to set it."""


def differences(sdk: Json, our: Json) -> Iterator[Row]:
    """All that one sends and the other does not, or with another value."""
    for who, these, others in (("sdk", sdk, our), ("ours", our, sdk)):
        for name, value in these.items():
            if name not in others or others[name] != value:
                yield who, name, value
