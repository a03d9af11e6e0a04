"""Mixpanel's batches, one for each endpoint, and the responses to them."""

import json
from typing import Any

import pytest

from durable_analytics.errors import RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import HttpResponse
from tests.providers.building import SENT_AT
from tests.support.goldens.mixpanel import BASE, BASIC, MIXPANEL, TRACK, USER, authorized
from tests.support.json_objects import Json
from tests.support.prepared_batches import failure_types, failures_by_index, prepared, slices


def test_each_endpoint_has_batches_of_its_own() -> None:
    """Messages stay in order, so a slice ends where the endpoint changes."""
    messages: list[Json] = [
        {"type": "track", **TRACK},
        {"type": "page", **USER, "name": "Pricing"},
        {"type": "identify", **USER, "traits": {"a": 1}},
        {"type": "identify", **USER},
        {"type": "group", **USER, "group_id": "g-1"},
        {"type": "alias", "previous_user_id": "a-1", "new_user_id": "u-1"},
        {"type": "identify", **USER, "anonymous_id": "a-1"},
        {"type": "delete", **USER},
        {"type": "screen", **USER, "name": "Cart"},
    ]
    batch = prepared(MIXPANEL, messages)
    bounds = [*batch.slices(SENT_AT)]

    assert bounds == [(0, 2), (2, 4), (4, 5), (5, 7), (7, 8), (8, 9)]
    urls = [
        batch_of.request(batch_of.messages, SENT_AT).url
        for first, end in bounds
        for batch_of in [prepared(MIXPANEL, messages[first:end])]
    ]
    paths = ["import", "engage", "groups", "track", "import"]
    assert [url.removeprefix(f"{BASE}/") for url in urls if url.startswith(BASE)] == paths


def test_a_batch_becomes_one_request() -> None:
    """The body is an array with the items in order."""
    messages: list[Json] = [
        {"type": "track", **TRACK, "message_id": f"m-{number}"} for number in range(3)
    ]
    batch = prepared(MIXPANEL, messages)
    request = batch.request(batch.messages, SENT_AT)

    assert (request.url, request.query) == (
        f"{BASE}/import",
        {"strict": 1, "project_id": "2195193"},
    )
    sent = json.loads(request.content() or b"")
    assert [one["properties"]["$insert_id"] for one in sent] == ["m-0", "m-1", "m-2"]
    assert authorized(request).headers == BASIC


@pytest.mark.parametrize("message", [{"type": "track", **TRACK}, {"type": "identify", **USER}])
def test_a_batch_holds_2000_items(message: Json) -> None:
    assert slices(MIXPANEL, message, 2001) == [(0, 2000), (2000, 2001)]


FAILED: Json = {
    "code": 400,
    "error": "some data points in the request failed validation",
    "failed_records": [
        {"index": 1, "insert_id": "m-1", "field": "properties.time", "message": "…"},
        {"index": 3, "insert_id": "m-3", "field": "event", "message": "…"},
    ],
    "num_records_imported": 2,
    "status": "Bad Request",
}


@pytest.mark.parametrize(
    ("status", "answer", "failures"),
    [
        (200, {"code": 200, "num_records_imported": 4, "status": "OK"}, {}),
        (200, {"status": 1, "error": ""}, {}),
        (200, 1, {}),
        (200, {"status": 0, "error": "x"}, Rejected),
        (200, 0, Rejected),
        (400, FAILED, {1: Rejected, 3: Rejected}),
        (400, {**FAILED, "failed_records": []}, Rejected),
        (400, {**FAILED, "failed_records": [{"index": 9}, 3]}, Rejected),
        (400, "no JSON", Rejected),
        (401, {"code": 401}, Unauthorized),
        (413, {"code": 413}, Rejected),
        (429, {"code": 429}, RateLimited),
        (502, None, Unavailable),
    ],
)
def test_the_response_to_a_batch_is_classified_by_item(
    status: int, answer: Any, failures: Any
) -> None:
    """Events that a 400 does not list are accepted, and are not sent again."""
    assert failure_types(MIXPANEL, HttpResponse(status, body=answer), 4) == failures


def test_the_error_of_a_refused_event_names_the_field() -> None:
    batch = failures_by_index(MIXPANEL, HttpResponse(400, body=FAILED), 4)

    assert str(batch[1]) == "Mixpanel answered 400: properties.time is invalid"


@pytest.mark.parametrize("body", [{"status": 0}, 0, {"status": 0, "error": "x"}])
def test_a_200_with_the_status_0_is_rejected(body: Any) -> None:
    assert isinstance(MIXPANEL.classify(HttpResponse(200, body=body)), Rejected)
