"""Amplitude's batches, and its responses, which list refused events."""

from datetime import timedelta
from typing import Any

import pytest

from durable_analytics.errors import RateLimited, Rejected, Unauthorized, Unavailable
from durable_analytics.providers import HttpResponse
from tests.providers.building import SENT_AT
from tests.support.goldens.amplitude import AMPLITUDE, BASE, TRACK, USER
from tests.support.json_objects import Json
from tests.support.prepared_batches import body, failure_types, failures_by_index, prepared, slices


def test_a_batch_becomes_one_request() -> None:
    """A group with traits, and an alias, have their own requests."""
    messages: list[Json] = [
        {"type": "identify", **USER, "traits": {"plan": "pro"}, "message_id": "m-1"},
        {"type": "track", **TRACK, "message_id": "m-2"},
        {"type": "page", **USER, "name": "Pricing", "message_id": "m-3"},
        {"type": "group", **USER, "group_id": "g-1", "message_id": "m-4"},
    ]
    batch = prepared(AMPLITUDE, messages)
    request = batch.request(batch.messages, SENT_AT)

    assert (request.method, request.url) == ("POST", f"{BASE}/batch")
    sent = body(AMPLITUDE, messages)
    assert [one["event_type"] for one in sent["events"]] == [
        "$identify",
        "Signed Up",
        "Viewed Pricing",
        "$identify",
    ]
    assert [one["insert_id"] for one in sent["events"]] == ["m-1", "m-2", "m-3", "m-4"]
    assert sent.keys() == {"events"}

    others: list[Json] = [
        {"type": "group", **USER, "group_id": "g-1", "traits": {"name": "Acme"}},
        {"type": "alias", "previous_user_id": "device-1", "new_user_id": "user-1"},
    ]
    assert len([*prepared(AMPLITUDE, [*messages, *others]).slices(SENT_AT)]) == 3


def test_a_batch_holds_2000_events() -> None:
    assert slices(AMPLITUDE, {"type": "track", **TRACK}, 2001) == [(0, 2000), (2000, 2001)]


INVALID: Json = {
    "code": 400,
    "error": "Request has invalid events",
    "events_with_invalid_fields": {"time": [0, 2]},
    "events_with_missing_fields": {"event_type": [2]},
    "events_with_invalid_id_lengths": {"user_id": [3]},
    "silenced_events": [4],
}


THROTTLED: Json = {
    "code": 429,
    "error": "Too many requests for some devices and users",
    "eps_threshold": 1000,
    "throttled_users": {"user-1": 1200},
    "throttled_devices": {},
    "throttled_events": [1],
}


QUOTA: Json = {**THROTTLED, "exceeded_daily_quota_users": {"user-1": 500_001}}


@pytest.mark.parametrize(
    ("status", "answer", "failures"),
    [
        (200, {"code": 200, "events_ingested": 6}, {}),
        (
            400,
            INVALID,
            dict(enumerate([Rejected, Unavailable, Rejected, Rejected, Rejected, Unavailable])),
        ),
        (429, THROTTLED, {**dict.fromkeys(range(6), Unavailable), 1: RateLimited}),
        (429, QUOTA, {**dict.fromkeys(range(6), Unavailable), 1: Rejected}),
        (400, {"code": 400, "missing_field": "events"}, Rejected),
        (400, {**INVALID, "error": "Invalid API key: it is unknown"}, Unauthorized),
        (400, {"events_with_invalid_fields": {"time": [17]}}, Rejected),
        (400, {"events_with_invalid_fields": {"time": "x"}, "silenced_events": {}}, Rejected),
        (400, "no JSON", Rejected),
        (413, {"code": 413}, Rejected),
        (429, None, RateLimited),
        (500, INVALID, Unavailable),
    ],
)
def test_the_response_to_a_batch_is_classified_by_event(
    status: int, answer: Any, failures: Any
) -> None:
    """Amplitude accepts no event of a refused request: events that it does not list are retried."""
    assert failure_types(AMPLITUDE, HttpResponse(status, body=answer), 6) == failures


def test_the_error_of_a_refused_event_names_the_field() -> None:
    """The error contains no value of the field."""
    refused = HttpResponse(400, body=INVALID)
    single = AMPLITUDE.classify(HttpResponse(400, body={"events_with_missing_fields": {"x": [0]}}))
    batch = failures_by_index(AMPLITUDE, refused, 6)

    assert str(single) == "Amplitude answered 400: the event lacks x"
    assert [str(batch[index]) for index in (0, 1, 3, 4)] == [
        "Amplitude answered 400: the event has a wrong time",
        "Amplitude answered 400 for other events of the batch",
        "Amplitude answered 400: the event has a user_id that is too short",
        "Amplitude answered 400: the event is of a silenced device",
    ]


@pytest.mark.parametrize(
    ("status", "answer", "headers", "seconds"),
    [
        (429, THROTTLED, {}, 30),
        (429, THROTTLED, {"retry-after": "2"}, 2),
        (429, {"code": 429}, {}, None),
        (503, THROTTLED, {}, None),
    ],
)
def test_a_throttled_user_waits_for_30_seconds(
    status: int, answer: Json, headers: dict[str, str], seconds: int | None
) -> None:
    """Amplitude's documentation says so; `Retry-After` has priority."""
    asked = AMPLITUDE.retry_after(HttpResponse(status, headers, answer), SENT_AT)

    assert asked == (None if seconds is None else timedelta(seconds=seconds))
