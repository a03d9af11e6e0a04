"""What is wrong with a message is said in the caller's own line, and nothing is started."""

import json
import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from durable_analytics import AnalyticsClient, ValidationError
from durable_analytics.testing import StandIn
from tests.support.noted_starts import Starts

CONVERT = ": convert it to text, a number, a list or an object"
HALF_A_PAIR = ": remove the half of a surrogate pair, or replace it with U+FFFD"

NOT_FINITE = "is not a finite number (JSON has no NaN and no infinity): send another value"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, NOT_FINITE),
        (math.inf, NOT_FINITE),
        (-math.inf, NOT_FINITE),
        (Decimal("Infinity"), NOT_FINITE),
        (b"bytes", f"has the type bytes, which is not JSON{CONVERT}"),
        (timedelta(seconds=3), f"has the type timedelta, which is not JSON{CONVERT}"),
        ({True: "true"}, "has a key that is not text: write the key as text"),
        ({None: "none"}, "has a key that is not text: write the key as text"),
        ({"\ud800": "surrogate"}, f"has a key that is not valid Unicode text{HALF_A_PAIR}"),
        ("\ud800", f"is not valid Unicode text{HALF_A_PAIR}"),
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
        ({"event": "E"}, "track.user_id is required if anonymous_id is not set"),
        ({"user_id": True, "event": "E"}, "track.user_id must be text"),
        (
            {"user_id": "u-1", "event": "E", "evnt": 1},
            "track.evnt is not a known key: did you mean event?",
        ),
        (
            {"user_id": "u-1", "userId": "u-1", "event": "E"},
            "track.user_id is set twice, as user_id and as userId: remove one",
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
            "track.message_id must not be blank: omit it, and the message gets one",
        ),
        (
            {"user_id": "u-1", "event": "E", "message_id": " "},
            "track.message_id must not be blank: omit it, and the message gets one",
        ),
        (
            {"user_id": "u-1", "event": "E", "message_id": "a\nb"},
            "track.message_id must have 1 to 99 printable characters",
        ),
        (
            {
                "user_id": "u-1",
                "event": "E",
                "properties": {"deep": json.loads("[" * 99 + "]" * 99)},
            },
            "track.properties is nested deeper than 100 levels",
        ),
        (
            {"user_id": "u-1", "event": "E", "properties": {"digits": 10**5000}},
            ("track.properties.digits is a number with more than 4300 digits: send another value"),
        ),
        (
            {"user_id": "u-1", "event": "é" * 200_000},
            "the input has 1200131 bytes as ASCII JSON; the limit is 1048576 bytes: send less data",
        ),
        (
            {"user_id": "u-1", "event": "E", "policies": {"request": {"total_timeout": -1}}},
            "policies.request.total_timeout must be longer than 0 and at most 10 years",
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

    with pytest.raises(ValidationError, match=r"track\.properties\.circle\.0 contains itself"):
        await analytics.track(user_id="u-1", event="E", properties={"circle": circle})

    assert starts.noted == []


async def test_null_is_data(analytics: AnalyticsClient, standin: StandIn) -> None:
    """It is delivered as null; only what was not given is left out."""
    handle = await analytics.track(user_id="u-1", event="E", properties={"coupon": None})
    await handle.result()

    assert standin.requests[0]["body"]["properties"] == {"coupon": None}
    assert "traits" not in standin.requests[0]["body"].get("context", {})


ADDITIONS: list[dict[str, Any]] = [
    {"headers": {"Authorization": "Bearer x-7f3a"}},
    {"headers": {"x-api-key": "x-7f3a"}},
    {"query": {"access_token": "x-7f3a"}},
    {"body": {"apiKey": "x-7f3a"}},
]


@pytest.mark.parametrize("additions", ADDITIONS)
async def test_a_credential_gets_into_no_history(
    analytics: AnalyticsClient, starts: Starts, additions: dict[str, Any]
) -> None:
    """Neither by the options of a request, nor by a call."""
    with pytest.raises(ValidationError, match=r"^request_options\..* is a credential") as refused:
        await analytics.track(user_id="u-1", event="E", request_options=additions)
    with pytest.raises(ValidationError, match=r"^call\..* is a credential"):
        await analytics.call(method="POST", path="/x", **additions)

    assert "7f3a" not in str(refused.value)
    assert starts.noted == []
