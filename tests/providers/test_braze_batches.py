"""Braze's batches, each with one array of objects, and the responses that list errors."""

import json

import pytest

from durable_analytics.errors import DeliveryError, RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import HttpResponse
from tests.providers.building import (
    SENT_AT,
)
from tests.support.goldens.braze import (
    ALIAS,
    ANONYMOUS,
    BASE,
    BRAZE,
    ORDER,
    PERSON,
    SENT_ANONYMOUS,
    SENT_PERSON,
    TIME,
    order,
)
from tests.support.json_objects import Json
from tests.support.prepared_batches import failure_types, failures_by_index, prepared

BATCHES: list[tuple[str, list[Json], list[Json]]] = [
    (
        "attributes",
        [
            {"type": "identify", **PERSON, "traits": {"plan": "pro"}},
            {"type": "group", **ANONYMOUS, "group_id": "g-1"},
        ],
        [{**SENT_PERSON, "plan": "pro"}, {**SENT_ANONYMOUS, "group_id": "g-1"}],
    ),
    (
        "events",
        [
            {"type": "track", **PERSON, "event": "E"},
            {"type": "page", **PERSON, "name": "Home"},
            {"type": "screen", **ANONYMOUS, "name": "Cart"},
        ],
        [
            {**SENT_PERSON, "name": "E", "time": TIME},
            {
                **SENT_PERSON,
                "name": "Page Viewed",
                "time": TIME,
                "properties": {"name": "Home"},
            },
            {
                **SENT_ANONYMOUS,
                "name": "Screen Viewed",
                "time": TIME,
                "properties": {"name": "Cart"},
            },
        ],
    ),
    (
        "purchases",
        [{"type": "track", **order({"products": [product]})} for product in ORDER["products"]],
        [
            {
                **SENT_PERSON,
                "time": TIME,
                "product_id": "p-1",
                "currency": "USD",
                "price": 4.5,
                "quantity": 3,
                "properties": {"name": "Tea", "coupon": "TEA"},
            },
            {
                **SENT_PERSON,
                "time": TIME,
                "product_id": "2",
                "currency": "GBP",
                "price": 10,
                "quantity": 1,
            },
        ],
    ),
]
"""The array, the messages of a batch, and their objects."""


@pytest.mark.parametrize(("array", "messages", "objects"), BATCHES)
def test_a_batch_becomes_this_request(
    array: str, messages: list[Json], objects: list[Json]
) -> None:
    """A request has one array, with the objects in order."""
    given = [{"message_id": "m-1", "timestamp": TIME, **message} for message in messages]

    batch = prepared(BRAZE, given)
    request = batch.request(batch.messages, SENT_AT)

    assert batch.rejected == []
    assert (request.method, request.url) == ("POST", f"{BASE}/users/track")
    assert (request.headers, request.query) == ({}, {})
    assert json.loads(request.content() or b"") == {array: objects}


def test_a_slice_has_one_array_and_at_most_75_objects() -> None:
    """An order with several products, an alias and a deletion have their own requests."""
    track: Json = {"type": "track", **PERSON, "event": "E"}
    messages: list[Json] = [
        {"type": "identify", **PERSON},
        {"type": "group", **PERSON, "group_id": "g-1"},
        {"type": "track", **order(ORDER)},
        {"type": "track", **order({"revenue": 1})},
        {"type": "alias", **ALIAS},
        {"type": "delete", **PERSON},
        *[track] * 76,
    ]

    batch = prepared(BRAZE, messages)

    assert batch.rejected == []
    assert [*batch.slices(SENT_AT)] == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 81), (81, 82)]


ERRORS: Json = {
    "message": "success",
    "errors": [
        {"type": "'name' is not valid", "input_array": "events", "index": 1},
        {"type": "'time' is not valid", "input_array": "events", "index": 9},
        "?",
    ],
}


def test_a_201_lists_the_refused_messages() -> None:
    """The index of an error is that of the message; the other messages are accepted."""
    failures = failures_by_index(BRAZE, HttpResponse(201, body=ERRORS), 3)

    assert {index: (type(f), str(f)) for index, f in failures.items()} == {
        1: (Rejected, "Braze refused the message: 'name' is not valid")
    }


def test_a_201_with_errors_is_a_failure_of_a_single_message() -> None:
    failure = BRAZE.classify(HttpResponse(201, body=ERRORS))

    assert (type(failure), str(failure)) == (
        Rejected,
        "Braze answered 201 with errors: 'name' is not valid; 'time' is not valid; ?",
    )


@pytest.mark.parametrize(
    "body", [{"message": "success"}, {"errors": []}, {"errors": None}, None, []]
)
def test_a_201_without_errors_is_success(body: object) -> None:
    assert BRAZE.classify(HttpResponse(201, body=body)) is None
    assert BRAZE.classify_batch(HttpResponse(201, body=body), 3) == {}


@pytest.mark.parametrize(
    ("status", "failure"),
    [(400, Rejected), (401, Unauthorized), (429, RateLimited), (500, Unavailable)],
)
def test_an_error_status_is_the_error_of_all_messages(
    status: int, failure: type[DeliveryError]
) -> None:
    assert failure_types(BRAZE, HttpResponse(status, body=ERRORS), 3) == failure


def test_a_429_without_retry_after_waits_for_the_reset() -> None:
    """The reset time is in seconds since 1970."""
    headers = {"x-ratelimit-reset": str(int(SENT_AT.timestamp()) + 60)}

    wait = BRAZE.retry_after(HttpResponse(429, headers), SENT_AT)

    assert wait is not None
    assert 58 < wait.total_seconds() <= 60
