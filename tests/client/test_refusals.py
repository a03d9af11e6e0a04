"""What is wrong with a message is said in the caller's own line, and nothing is started."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from durable_analytics import AnalyticsClient, ValidationError
from durable_analytics.testing import StandIn
from tests.client.conftest import Starts

NOT_FINITE = "is not a finite number: leave the key out, or send null"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, NOT_FINITE),
        (math.inf, NOT_FINITE),
        (-math.inf, NOT_FINITE),
        ({1, 2}, "is a set, which is not JSON"),
        (frozenset(), "is a frozenset, which is not JSON"),
        (b"bytes", "is a bytes, which is not JSON"),
        (Decimal("19.99"), "is a Decimal, which is not JSON"),
        (UUID(int=1), "is a UUID, which is not JSON"),
        (datetime(2026, 1, 31, tzinfo=UTC), "is a datetime, which is not JSON"),
        (date(2026, 1, 31), "is a date, which is not JSON"),
        (timedelta(seconds=3), "is a timedelta, which is not JSON"),
        ({1: "one"}, "has a key that is not text"),
        ({None: "none"}, "has a key that is not text"),
        ({"\ud800": "surrogate"}, "has a key that is not text"),
        ("\ud800", "is not valid Unicode text"),
    ],
)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        (lambda value: {"properties": {"odd": value}}, "track.properties.odd"),
        (lambda value: {"properties": {"in": [0, {"a": value}]}}, "track.properties.in.1.a"),
        (lambda value: {"traits": {"odd": (value,)}}, "track.traits.odd.0"),
        (lambda value: {"context": {"app": {"odd": value}}}, "context.app.odd"),
        (lambda value: {"request_options": {"body": {"odd": value}}}, "request_options.body.odd"),
    ],
)
async def test_what_is_not_json(
    *, analytics: AnalyticsClient, starts: Starts, value: Any, problem: str, place: Any, path: str
) -> None:
    """Wherever it stands: pydantic would make a null of a NaN, and null deletes a trait."""
    with pytest.raises(ValidationError) as refused:
        await analytics.track(user_id="u-1", event="E", **place(value))

    assert [(field.path, field.message) for field in refused.value.fields] == [(path, problem)]
    assert starts.noted == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_id": "u-1"}, "track.event is required"),
        ({"user_id": "u-1", "event": " "}, "track.event is required"),
        ({"event": "E"}, "track.user_id is required where anonymous_id is not set"),
        ({"user_id": 7, "event": "E"}, "track.user_id must be text"),
        (
            {"user_id": "u-1", "event": "E", "evnt": 1},
            "track.evnt is not a known key: did you mean event?",
        ),
        (
            {"user_id": "u-1", "userId": "u-1", "event": "E"},
            "track.user_id is spelled twice, as user_id and userId: keep one",
        ),
        ({"user_id": "u-1", "event": "E", "context": ["a"]}, "context must be an object"),
        ({"user_id": "u-1", "event": "E", "context": "a"}, "context must be an object"),
        ({"user_id": "u-1", "event": "E", "integration": 7}, "integration must be text"),
        ({"user_id": "u-1", "event": "E", "strict": "no"}, "strict must be true or false"),
        (
            {"user_id": "u-1", "event": "E", "timestamp": "yesterday"},
            'track.timestamp must be ISO 8601, like "2026-01-31T09:30:00Z"',
        ),
        (
            {"user_id": "u-1", "event": "E", "message_id": ""},
            "track.message_id must have 1 to 99 printable characters",
        ),
        (
            {
                "user_id": "u-1",
                "event": "E",
                "properties": {"deep": json.loads("[" * 99 + "]" * 99)},
            },
            "track is nested deeper than 100 levels",
        ),
        (
            {"user_id": "u-1", "event": "E", "properties": {"digits": 10**5000}},
            "the input cannot be written as JSON",
        ),
        (
            {"user_id": "u-1", "event": "é" * 200_000},
            "the input is 1200143 bytes as Temporal writes it, in ASCII; at most 1048576 fit",
        ),
        (
            {"user_id": "u-1", "event": "E", "policies": {"request": {"total_timeout": -1}}},
            "policies.request.total_timeout must be more than 0 and at most 10 years",
        ),
    ],
)
async def test_what_breaks_the_contract(
    analytics: AnalyticsClient, starts: Starts, options: Any, message: str
) -> None:
    """Field by field, in words."""
    with pytest.raises(ValidationError) as refused:
        await analytics.track(**options)

    assert str(refused.value) == message
    assert refused.value.output is None
    assert starts.noted == []


async def test_what_holds_itself(analytics: AnalyticsClient, starts: Starts) -> None:
    """A list in itself, which no text of JSON can be."""
    circle: list[Any] = []
    circle.append(circle)

    with pytest.raises(ValidationError, match="track is nested too deeply, or holds itself"):
        await analytics.track(user_id="u-1", event="E", properties={"circle": circle})

    assert starts.noted == []


async def test_null_is_data(analytics: AnalyticsClient, standin: StandIn) -> None:
    """It is delivered as null; only what was not given is left out."""
    handle = await analytics.track(user_id="u-1", event="E", properties={"coupon": None})
    await handle.result()

    assert standin.requests[0]["body"]["properties"] == {"coupon": None}
    assert "traits" not in standin.requests[0]["body"].get("context", {})
