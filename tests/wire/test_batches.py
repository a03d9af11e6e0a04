"""Reading a batch, message by message, and telling which were not accepted, in little space."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_analytics.errors import (
    DELIVERY_ERRORS,
    DeliveryError,
    Rejected,
    Unauthorized,
    ValidationError,
)
from durable_analytics.wire.indexes import decode_indexes, encode_indexes
from durable_analytics.wire.limits import MOST_MESSAGES
from durable_analytics.wire.outputs import batch_output
from durable_analytics.wire.parsing import Fields, read_batch, read_batch_message
from durable_analytics.wire.rejections import all_rejected, reject, shorten_rejections
from tests.support.json_objects import Json

TRACK: Json = {"type": "track", "user_id": "u-1", "event": "E"}

A_MEBIBYTE = 1024 * 1024


def item_of(message: Any, **input: Any) -> Fields:
    """One message of a batch."""
    return read_batch_message(read_batch({**input, "messages": [message]}).envelope, message)


@pytest.mark.parametrize("context", ["", 0, False, [], "text", 5, [{}]])
def test_a_context_that_is_no_object_is_told(context: Any) -> None:
    """An empty one too: nothing is dropped silently."""
    with pytest.raises(ValidationError, match="context must be an object"):
        item_of({**TRACK, "context": context})


@pytest.mark.parametrize(
    ("context", "is_left_out"), [("", False), ([], False), (0, True), ([{}], True), ("text", True)]
)
def test_strict_off_leaves_such_a_context_out(context: Any, is_left_out: bool) -> None:
    """The one that all messages share stays; an empty one is not set."""
    item = item_of({**TRACK, "context": context}, strict=False, context={"ip": "1"})

    assert "context" not in item.fields
    assert (item.context, item.leaves_out_context) == ({"ip": "1"}, is_left_out)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"ip": "1", "user_agent": "A", "kept": {"aB": 1}}),
        ({"context": {}}, {"ip": "1", "user_agent": "A", "kept": {"aB": 1}}),
        ({"context": {"userAgent": "B"}}, {"ip": "1", "user_agent": "B", "kept": {"aB": 1}}),
        ({"context": None}, {"ip": "1", "user_agent": "A", "kept": {"aB": 1}}),
        (
            {"context": {"kept": {"c": 2}}},
            {"ip": "1", "user_agent": "A", "kept": {"aB": 1, "c": 2}},
        ),
    ],
)
def test_an_items_own_context_wins(own: Json, expected: Json) -> None:
    """Key by key, also in nested objects, in either spelling; null is "not set"."""
    shared = {"ip": "1", "userAgent": "A", "kept": {"aB": 1}}

    assert item_of({**TRACK, **own}, context=shared).context == expected


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (None, "messages.7"),
        ({"type": "trak"}, "messages.7.type"),
        ({"type": ["track"]}, "messages.7.type"),
        ({**TRACK, "userId": "u"}, "messages.7.user_id"),
        (
            {**TRACK, "context": {"user_agent": "A", "userAgent": "A"}},
            "messages.7.context.user_agent",
        ),
        ({**TRACK, "context": {"ip": 5}}, "messages.7.context.ip"),
    ],
)
def test_a_problem_is_told_by_its_place_in_the_input(message: Any, path: str) -> None:
    """With the index of its message."""
    with pytest.raises(ValidationError) as refused:
        item_of(message)

    told = reject(7, message, refused.value)
    assert told["error"]["fields"][0]["path"] == path
    assert told["error"]["message"].startswith(path)


@pytest.mark.parametrize(
    ("message", "message_id"),
    [
        ({"message_id": "snake"}, "snake"),
        ({"messageId": "camel"}, "camel"),
        ({"message_id": None, "messageId": "camel"}, "camel"),
        ({"message_id": 5}, None),
        ({}, None),
        ("text", None),
        (None, None),
    ],
)
def test_a_rejection_tells_the_id(message: Any, message_id: str | None) -> None:
    """In either spelling, where it is text."""
    assert reject(0, message, Rejected("no"))["message_id"] == message_id


def test_the_path_of_a_providers_check_begins_with_the_message() -> None:
    """Providers say "track.event"; what is everybody's keeps its own path."""
    error = ValidationError.of(
        [
            *ValidationError.at("track.event", "odd").fields,
            *ValidationError.at("request_options.body.x", "odd").fields,
        ]
    )

    told = reject(3, TRACK, error)["error"]
    assert [field["path"] for field in told["fields"]] == [
        "messages.3.event",
        "request_options.body.x",
    ]


@given(st.sets(st.integers(min_value=0, max_value=MOST_MESSAGES)))
def test_a_bitmap_holds_any_set(numbers: set[int]) -> None:
    """In order, and in a bit for each number up to the largest."""
    assert decode_indexes(encode_indexes(numbers)) == sorted(numbers)
    assert len(encode_indexes(numbers)) <= (max(numbers, default=-1) // 8 + 1) * 4 / 3 + 4


AWKWARD = ["x", "ö", "\u0001", '"', "\\", "\U0001f600"]


@pytest.mark.parametrize("letter", AWKWARD)
def test_what_was_not_accepted_always_fits(letter: str) -> None:
    """Each message of the largest batch, with the most to say of it, beside the answers' share."""
    message = {**TRACK, "message_id": letter * 99, **{letter * 300 + str(n): n for n in range(20)}}
    error = ValidationError.of(
        problem for name in message for problem in ValidationError.at(name, "is odd").fields
    )
    rejected = [reject(index, message, error) for index in range(MOST_MESSAGES)]

    kept = shorten_rejections(rejected)

    assert [(one["index"], one["error"]["type"]) for one in kept] == [
        (index, "ValidationError") for index in range(MOST_MESSAGES)
    ]
    assert len(json.dumps(kept)) < 2 * A_MEBIBYTE - 256 * 1024
    assert all_rejected(kept).wire_name() == "ValidationError"


def test_few_are_told_in_full() -> None:
    """Nothing is shortened that fits."""
    rejected = [reject(index, TRACK, Rejected("x" * 500)) for index in range(100)]

    assert shorten_rejections(rejected) == rejected


@pytest.mark.parametrize("error", DELIVERY_ERRORS.values())
def test_the_providers_word_counts_first(error: type[DeliveryError]) -> None:
    """The failure has the type of what came back, before that of what was never sent."""
    rejected = [
        reject(0, {}, ValidationError.at("event", "is required")),
        reject(1, TRACK, error("said so")),
    ]

    failure = all_rejected(rejected)

    assert failure.wire_name() == error.wire_name()
    assert failure.message.startswith("none of the 2 messages was accepted; the first reason: ")
    assert [problem.path for problem in failure.fields] == ["messages.0.event"]


@pytest.mark.parametrize(
    ("rejected", "error", "status"),
    [([], None, "success"), ([2, 0], None, "partial"), ([1], Unauthorized("no"), "failure")],
)
def test_the_output_says_how_it_ended(
    rejected: list[int], error: Unauthorized | None, status: str
) -> None:
    """And lists what was not accepted in the input's order; `error` is there in a failure only."""
    output = batch_output(
        integration="segment",
        accepted=1,
        rejected=[reject(index, {}, Rejected("no")) for index in rejected],
        policies={},
        error=error.as_json() if error else None,
    )

    assert output["status"] == status
    assert [one["index"] for one in output["rejected"]] == sorted(rejected)
    assert ("error" in output) is bool(error)
