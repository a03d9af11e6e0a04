"""Segment's words become those of the contract."""

import json
import math
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from durable_analytics.messages import is_message_id
from gateway.messages import CALLS, Arrival, Item, read_batch, read_one
from gateway.refusals import Refusal
from tests.conftest import Json

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
ARRIVAL = Arrival(NOW)
IP = Arrival(NOW, "203.0.113.7")


def one(body: Json, type_: str = "track", arrival: Arrival = ARRIVAL) -> Json:
    """What goes into the input, for a request with one message."""
    return read(read_one(type_, body, arrival))


def many(body: Json, arrival: Arrival = ARRIVAL) -> list[Any]:
    """The same for a request with several."""
    return [read(item) for item in read_batch(body, arrival, 100)[0]]


def read(item: Item) -> Json:
    """An item's content."""
    content: Json = json.loads(item.content)
    return content


def context_of(body: Json, arrival: Arrival = ARRIVAL) -> Json:
    """The context that all messages of a request share."""
    return read_batch({"batch": [], **body}, arrival, 100)[1]


def test_the_calls() -> None:
    """As servers write them and as browsers do; the list is shared with nobody else's types."""
    assert {
        **{name: name for name in ("identify", "track", "page", "screen", "group", "alias")},
        "i": "identify",
        "t": "track",
        "p": "page",
        "s": "screen",
        "g": "group",
        "a": "alias",
        **dict.fromkeys(("batch", "import", "b")),
    } == CALLS


def test_the_path_decides_the_type() -> None:
    """Whatever the body says."""
    assert one({"type": "call"}, "page")["type"] == "page"


def test_what_is_said_of_a_request_is_no_part_of_a_message() -> None:
    """Neither the write key nor when it was sent; all else stays as it was written."""
    said = {"writeKey": "k", "write_key": "k", "sentAt": "2026-01-31"}
    kept = {"messageId": "m-1", "event": "É", "properties": {"n": None, "writeKey": "own"}, "x": 1}

    assert one({**said, **kept}) == {**kept, "type": "track"}
    assert many({"batch": [{**said, **kept, "type": "track"}], **said}) == [
        {**kept, "type": "track"}
    ]


@pytest.mark.parametrize("user_id", ["userId", "user_id"])
@pytest.mark.parametrize("previous_id", ["previousId", "previous_id"])
def test_alias(user_id: str, previous_id: str) -> None:
    """Segment names its two ids otherwise."""
    body = {previous_id: "old", user_id: "new", "messageId": "m-1"}
    meant = {"type": "alias", "previousUserId": "old", "newUserId": "new", "messageId": "m-1"}

    assert one(body, "alias") == meant
    assert many({"batch": [{"type": "alias", **body}]}) == [meant]
    assert one(body) == {"type": "track", **body}


@pytest.mark.parametrize("given", [None, "", {}, ["m-1"]])
def test_no_message_id(given: Any) -> None:
    """One is made up, another for each message."""
    first, second = (one({"messageId": given})["messageId"] for _ in range(2))

    assert UUID(first) != UUID(second)


@pytest.mark.parametrize("given", [7, "x" * 100, "a\nb", "a\0b"])
def test_an_id_that_no_provider_would_take(given: Any) -> None:
    """Another one in its place, the same each time that the message is sent."""
    first, second = (one({"messageId": given})["messageId"] for _ in range(2))

    assert first == second
    assert is_message_id(first)
    assert first != one({"messageId": "y" * 100})["messageId"]


def test_both_spellings_of_a_key() -> None:
    """Segment's counts: it does not know the other one."""
    body = {
        "userId": "u-1",
        "user_id": "u-2",
        "message_id": "m-2",
        "messageId": "m-1",
        "context": {"userAgent": "a", "user_agent": "b", "group_id": "g"},
    }

    assert one(body) == {
        "type": "track",
        "userId": "u-1",
        "messageId": "m-1",
        "context": {"userAgent": "a", "group_id": "g"},
    }


def test_both_spellings_in_what_is_shared() -> None:
    """Likewise, or it would spoil each of the messages."""
    body = {"batch": [], "context": {"groupId": "g", "group_id": "h"}}

    assert read_batch(body, ARRIVAL, 1)[1] == {"groupId": "g"}


def test_integrations_that_make_too_much_of_the_messages() -> None:
    """A small request must not become a large one."""
    body = {"batch": [{}] * 1000, "integrations": {"x": "a" * 5000}}

    with pytest.raises(Refusal) as caught:
        read_batch(body, ARRIVAL, 1000)

    assert caught.value.status == 413


def test_the_message_id_is_kept() -> None:
    """In either spelling; it is told beside the content."""
    for name in ("messageId", "message_id"):
        item = read_one("track", {name: "m-1"}, ARRIVAL)
        assert (read(item)["messageId"], item.message_id) == ("m-1", "m-1")


def test_switches_of_the_request() -> None:
    """They are under those of each message; what is no object, the worker tells."""
    messages = [
        {"type": "track"},
        {"type": "track", "integrations": {"All": True, "B": False}},
        {"type": "track", "integrations": None},
        {"type": "track", "integrations": "All"},
    ]

    there = many({"batch": messages, "integrations": {"All": False, "A": {"x": 1}}})

    assert [message["integrations"] for message in there] == [
        {"All": False, "A": {"x": 1}},
        {"All": True, "A": {"x": 1}, "B": False},
        {"All": False, "A": {"x": 1}},
        "All",
    ]
    assert "integrations" not in many({"batch": [{"type": "track"}], "integrations": None})[0]


def test_the_context_of_the_request() -> None:
    """It is told beside the messages, which keep their own."""
    own = {"type": "track", "context": {"b": 2}}

    items, context = read_batch({"batch": [own], "context": {"a": 1}}, ARRIVAL, 100)

    assert (context, read(items[0])["context"]) == ({"a": 1}, {"b": 2})
    assert context_of({}) == context_of({"context": None}) == context_of({"context": {}}) == {}


@pytest.mark.parametrize(
    ("context", "meant"),
    [
        (None, {"ip": "203.0.113.7"}),
        ({"a": 1}, {"ip": "203.0.113.7", "a": 1}),
        ({"ip": "198.51.100.1"}, {"ip": "198.51.100.1"}),
        ({"ip": None}, {"ip": None}),
    ],
)
def test_the_address(context: Any, meant: Any) -> None:
    """Of a browser, where it does not say one itself: 0.0.0.0 and null are said, too."""
    assert one({"context": context}, arrival=IP)["context"] == meant
    assert context_of({"context": context}, IP) == meant


def test_the_address_beside_a_context_that_is_no_object() -> None:
    """The context stays as it is: the worker tells."""
    assert one({"context": "x"}, arrival=IP)["context"] == "x"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"batch": {}}, 400),
        ({"batch": [], "context": 1}, 400),
        ({"batch": [], "integrations": [1]}, 400),
        ({"batch": [], "integrations": ""}, 400),
        ({"batch": [], "context": {"n": math.inf}}, 400),
        ({"batch": [{}] * 101}, 413),
    ],
)
def test_no_batch(body: Json, status: int) -> None:
    """What is wrong with the request itself is refused."""
    with pytest.raises(Refusal) as refused:
        read_batch(body, ARRIVAL, 100)

    assert refused.value.status == status


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_none(number: float) -> None:
    """Refused by itself; among others, kept where it can be read."""
    body = {"properties": {"n": number}, "messageId": "m-1"}
    with pytest.raises(Refusal, match=r"^properties\.n is not a finite number"):
        read_one("track", body, ARRIVAL)

    bad, fine = many({"batch": [{"type": "track", **body}, {"type": "track", "x": "NaN"}]})
    assert bad["refused"].startswith("properties.n is not a finite number")
    assert "m-1" in bad["message"]
    assert fine["x"] == "NaN"


def test_wide_is_not_deep() -> None:
    """A message with many objects beside one another is fine."""
    wide = {"properties": {"list": [{"a": [index]} for index in range(1000)]}, "messageId": "m-1"}

    assert one(wide) == {"type": "track", **wide}
