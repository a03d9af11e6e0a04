"""Segment's format is translated to the contract."""

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic.alias_generators import to_snake

from durable_analytics.wire.field_types import is_message_id
from gateway.errors import RequestError
from gateway.translation import Arrival, read_batch, read_single
from tests.support.json_objects import Json
from tests.support.translation import (
    ARRIVAL,
    BROWSER_ARRIVAL,
    content_of,
    translate_batch,
    translate_single,
)


def context_of(body: Json, arrival: Arrival = ARRIVAL) -> Any:
    """Return the context that all messages of a request share."""
    return read_batch({"batch": [], **body}, arrival, 100)[1]


def test_path_overrides_the_type_in_the_body() -> None:
    """Even an invalid type."""
    assert translate_single({"type": "call"}, "page")["type"] == "page"


def test_request_keys_are_removed_from_messages() -> None:
    """The write key and the time of sending; everything else is kept."""
    request = {"writeKey": "k", "write_key": "k", "sentAt": "2026-01-31"}
    kept = {"messageId": "m-1", "event": "É", "properties": {"n": None, "writeKey": "own"}, "x": 1}

    assert translate_single({**request, **kept}) == {**kept, "type": "track"}
    assert translate_batch({"batch": [{**request, **kept, "type": "track"}], **request}) == [
        {**kept, "type": "track"}
    ]


@pytest.mark.parametrize("user_id", ["userId", "user_id"])
@pytest.mark.parametrize("previous_id", ["previousId", "previous_id"])
def test_alias_gets_the_keys_of_the_contract(user_id: str, previous_id: str) -> None:
    """Segment's keys of the two ids differ from the contract's."""
    body = {previous_id: "old", user_id: "new", "messageId": "m-1"}
    meant = {"type": "alias", "previousUserId": "old", "newUserId": "new", "messageId": "m-1"}

    assert translate_single(body, "alias") == meant
    assert translate_batch({"batch": [{"type": "alias", **body}]}) == [meant]
    assert translate_single(body) == {"type": "track", **body}


@pytest.mark.parametrize("raw_id", [None, "", " ", {}, [], False])
def test_missing_message_id_is_generated(raw_id: Any) -> None:
    """A random one for each message."""
    first, second = (translate_single({"messageId": raw_id})["messageId"] for _ in range(2))

    assert UUID(first) != UUID(second)


@pytest.mark.parametrize("raw_id", [7, 0, True, ["m-1"], {"id": 1}, "x" * 100, "a\nb", "a\0b"])
def test_invalid_message_id_is_replaced_by_a_stable_one(raw_id: Any) -> None:
    """It is the same in each retry, which is recognised."""
    items = [read_single("track", {"messageId": raw_id}, ARRIVAL) for _ in range(2)]
    first, second = (content_of(item)["messageId"] for item in items)

    assert first == second
    assert items[0].digest == items[1].digest is not None
    assert is_message_id(first)
    assert first != translate_single({"messageId": "y" * 100})["messageId"]


def test_segment_spelling_overrides_the_alternate() -> None:
    """Segment ignores the alternate one."""
    body = {
        "userId": "u-1",
        "user_id": "u-2",
        "message_id": "m-2",
        "messageId": "m-1",
    }

    assert translate_single(body) == {
        "type": "track",
        "userId": "u-1",
        "messageId": "m-1",
    }


@pytest.mark.parametrize("name", ["userId", "anonymousId", "groupId", "companyId", "messageId"])
def test_null_in_segments_spelling_is_not_set(name: str) -> None:
    """The alternate one counts, as in an execution that is started directly."""
    fields = {"messageId": "m-1", name: None, to_snake(name): "x-1"}
    translated = translate_single(fields)

    assert translated.get(to_snake(name), translated.get(name)) == "x-1"
    assert None not in translated.values()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("null", [(), ("userId",), ("userId", "user_id")])
def test_ids_of_an_alias_in_many_spellings(null: Sequence[str], *, reverse: bool) -> None:
    """Segment knows only its own; the order of the keys does not matter."""
    names = ["userId", "user_id", "newUserId", "new_user_id"]
    given = {
        **{name: f"new by {name}" for name in names},
        "previousId": "old",
        "previous_id": "x",
        "previousUserId": "y",
        "previous_user_id": "z",
        **dict.fromkeys(null),
        "messageId": "m-1",
    }
    body = dict(reversed(given.items())) if reverse else given
    meant = {
        "type": "alias",
        "previousUserId": "old",
        "newUserId": f"new by {names[len(null)]}",
        "messageId": "m-1",
    }

    assert translate_single(body, "alias") == meant
    assert translate_batch({"batch": [{**body, "type": "alias"}]}) == [meant]


@pytest.mark.parametrize(
    ("timestamp", "meant"),
    [(None, "2014"), ("", "2014"), (" ", "2014"), (0, 0), (False, False), ({}, {}), ([], [])],
)
def test_original_timestamp_replaces_only_a_missing_one(timestamp: Any, meant: Any) -> None:
    """What is no time stays, so that the worker can tell of it."""
    body = {"timestamp": timestamp, "originalTimestamp": "2014"}

    assert translate_single(body)["timestamp"] == meant


def test_context_passes_as_it_is() -> None:
    """With both spellings of a key, in a message and for a whole list."""
    context = {"userAgent": "a", "user_agent": "b", "groupId": "g", "group_id": "h"}

    assert translate_single({"userId": "u-1", "context": context})["context"] == context
    assert read_batch({"batch": [], "context": context}, ARRIVAL, 1)[1] == context


def test_integrations_with_too_many_copies_get_413() -> None:
    """A small request must not become a large execution."""
    body = {"batch": [{}] * 1000, "integrations": {"x": "a" * 5000}}

    with pytest.raises(RequestError) as caught:
        read_batch(body, ARRIVAL, 1000)

    assert caught.value.status == 413


def test_message_id_is_read_in_either_spelling() -> None:
    """It is also an attribute of the message."""
    for name in ("messageId", "message_id"):
        item = read_single("track", {name: "m-1"}, ARRIVAL)
        assert (content_of(item)["messageId"], item.message_id) == ("m-1", "m-1")


def test_integrations_of_the_request_are_merged_into_messages() -> None:
    """The message's own keys take precedence; the worker reports an invalid value."""
    messages = [
        {"type": "track"},
        {"type": "track", "integrations": {"All": True, "B": False}},
        {"type": "track", "integrations": None},
        {"type": "track", "integrations": "All"},
    ]

    translated = translate_batch({"batch": messages, "integrations": {"All": False, "A": {"x": 1}}})

    assert [message["integrations"] for message in translated] == [
        {"All": False, "A": {"x": 1}},
        {"All": True, "A": {"x": 1}, "B": False},
        {"All": False, "A": {"x": 1}},
        "All",
    ]
    assert (
        "integrations"
        not in translate_batch({"batch": [{"type": "track"}], "integrations": None})[0]
    )


def test_shared_context_is_returned_separately() -> None:
    """Messages keep their own context."""
    own = {"type": "track", "context": {"b": 2}}

    items, context = read_batch({"batch": [own], "context": {"a": 1}}, ARRIVAL, 100)

    assert (context, content_of(items[0])["context"]) == ({"a": 1}, {"b": 2})
    assert context_of({}) == context_of({"context": None}) == context_of({"context": {}}) == {}


@pytest.mark.parametrize(
    ("context", "meant"),
    [
        (None, {"ip": "203.0.113.7"}),
        ({"a": 1}, {"ip": "203.0.113.7", "a": 1}),
        ({"ip": "198.51.100.1"}, {"ip": "198.51.100.1"}),
        ({"ip": None}, {"ip": None}),
        ("", {"ip": "203.0.113.7"}),
        ([], {"ip": "203.0.113.7"}),
    ],
)
def test_ip_is_added_to_context_without_ip(context: Any, meant: Any) -> None:
    """A context that has any value for it, even null, is kept."""
    assert translate_single({"context": context}, arrival=BROWSER_ARRIVAL)["context"] == meant
    assert context_of({"context": context}, BROWSER_ARRIVAL) == meant


@pytest.mark.parametrize("context", ["x", -1, 0, False, [1]])
def test_context_that_is_no_object_passes_as_it_is(context: Any) -> None:
    """The worker leaves it out, and names it in the output."""
    for arrival in (ARRIVAL, BROWSER_ARRIVAL):
        assert translate_single({"context": context}, arrival=arrival)["context"] == context
        assert context_of({"context": context}, arrival) == context


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"batch": {}}, 400),
        ({"batch": [], "integrations": [1]}, 400),
        ({"batch": [], "integrations": ""}, 400),
        ({"batch": [], "context": {"n": math.inf}}, 400),
        ({"batch": [{}] * 101}, 413),
    ],
)
def test_invalid_batch_is_rejected(body: Json, status: int) -> None:
    """With the status of its problem."""
    with pytest.raises(RequestError) as refused:
        read_batch(body, ARRIVAL, 100)

    assert refused.value.status == status


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_non_finite_number_is_rejected(number: float) -> None:
    """In a list, a placeholder keeps the message."""
    body = {"properties": {"n": number}, "messageId": "m-1"}
    with pytest.raises(RequestError, match=r"^properties\.n is not a finite number"):
        read_single("track", body, ARRIVAL)

    bad, fine = translate_batch(
        {"batch": [{"type": "track", **body}, {"type": "track", "x": "NaN"}]}
    )
    assert bad["refused"].startswith("properties.n is not a finite number")
    assert "m-1" in bad["message"]
    assert fine["x"] == "NaN"


def test_wide_message_is_not_too_deep() -> None:
    """Many objects beside one another are accepted."""
    wide = {"properties": {"list": [{"a": [index]} for index in range(1000)]}, "messageId": "m-1"}

    assert translate_single(wide) == {"type": "track", **wide}
