"""Every method of Segment's SDKs, with data of every kind."""

from typing import Any
from uuid import uuid4

from tests.support.json_objects import Json

TIMESTAMP = "2024-02-29T12:34:56.789+02:00"

DATA: Json = {
    "nothing": None,
    "empty": "",
    "snake_case": "Zoë Müller, Ærøskøbing, 東京, \U0001f469‍\U0001f680 \U0001f6d2",
    "quoted": 'a "b" \\ </script> \u2028 \x00\x1f',
    "is": True,
    "is_not": False,
    "zero": 0,
    "whole": 9007199254740991,
    "negative": -9007199254740991,
    "small": 5e-324,
    "large": 1.7976931348623157e308,
    "money": 0.1,
    "nested": {"list": [1, "two", None, [], {}, [{"three": [3.5]}]], "ünï": {"a.b": {"$c": ""}}},
    "time": "2024-01-01T00:00:00.000Z",
}
_PERSON = {"userId": "u-ü\U0001f600", "anonymousId": "a-1"}
_CONTEXT: Json = {
    "ip": "192.0.2.10",
    "userAgent": "Mozilla/5.0 (X11; ünïcode)",
    "campaign": {"name": "Frühling", "term": None},
    "my_key": {"a_b": [None, 1.5]},
}
_INTEGRATIONS: Json = {
    "All": False,
    "Segment": True,
    "My Destination": {"a_b": True, "n": None},
}

_PAGE: Json = {**_PERSON, "name": "Näme", "category": "Çat", "properties": DATA}

_GIVEN: dict[str, Json] = {
    "identify": {**_PERSON, "traits": {**DATA, "email": "zoe@example.com"}},
    "track": {**_PERSON, "event": "Bestellt \U0001f6d2", "properties": {**DATA, "revenue": 12.5}},
    "page": _PAGE,
    "screen": _PAGE,
    "group": {**_PERSON, "groupId": "g-1", "traits": DATA},
    "alias": {"userId": "u-1", "previousId": "a-1"},
}

_LEAST: dict[str, Json] = {
    "identify": {"userId": "u-1"},
    "track": {"anonymousId": "a-1", "event": "E"},
    "page": {"userId": "u-1", "properties": {"url": "/"}},
    "screen": {"anonymousId": "a-1", "name": "N"},
    "group": {"userId": "u-1", "groupId": "g-1"},
    "alias": {"userId": "u-1", "previousId": "a-1"},
}

Call = tuple[str, dict[str, Any]]
"""A method, and its arguments with the keys of the wire format."""


def every_call() -> list[Call]:
    """Each method with all that it takes, and with the least."""
    options = {"timestamp": TIMESTAMP, "context": _CONTEXT, "integrations": _INTEGRATIONS}
    return [
        *(
            (m, {**given, **options, "messageId": f"all-{m}-{uuid4()}"})
            for m, given in _GIVEN.items()
        ),
        *_LEAST.items(),
    ]


def tracks(count: int) -> list[Call]:
    """Return this many messages, each with its own id and event.

    The ids are new each time: the gateway starts nothing for a batch that it has had.
    """
    run = uuid4()
    numbers = [f"{number:04}" for number in range(count)]
    return [
        ("track", {"messageId": f"{run}-{number}", "userId": "u-1", "event": f"E {number}"})
        for number in numbers
    ]


def ids_of(calls: list[Call]) -> list[str]:
    """The message ids that were given."""
    return [arguments["messageId"] for _, arguments in calls]
