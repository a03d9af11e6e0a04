"""The advice of an error leads to an input that is accepted."""

import json
from typing import Any

import pytest

from durable_analytics.client.values import to_json_values
from durable_analytics.errors import ValidationError
from durable_analytics.wire.timestamps import timestamp_problem
from tests.providers.building import ACCOUNTS, refusal
from tests.support.json_objects import Execute, Json
from tests.support.raw_payloads import raw

NOT_ISO_8601 = 'must be ISO 8601, like "2026-01-31T09:30:00Z"'
OUT_OF_RANGE = (
    "must be a day and a time that exist, in the years 1 to 9999 in UTC, with seconds from 0 to 59"
)
TRACK: Json = {"user_id": "u-1", "event": "E"}


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [
        ("9999-12-31T23:59:59-14:00", OUT_OF_RANGE),
        ("0001-01-01T00:00:00+14:00", OUT_OF_RANGE),
        ("0000-01-01", OUT_OF_RANGE),
        ("2016-12-31T23:59:60Z", OUT_OF_RANGE),
        ("2026-02-30T00:00:00Z", OUT_OF_RANGE),
        ("10000-01-01T00:00:00Z", OUT_OF_RANGE),
        ("+010000-02-29T00:00:00Z", OUT_OF_RANGE),
        ("yesterday", NOT_ISO_8601),
        ("1769851800", NOT_ISO_8601),
        ("1" * 1_000_000, NOT_ISO_8601),
        (1769851800, NOT_ISO_8601),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_time_out_of_range_is_not_called_malformed(
    execute: Execute, timestamp: Any, reason: str
) -> None:
    assert timestamp_problem(timestamp) == reason
    for key in ("timestamp", "default_timestamp"):
        if len(str(timestamp)) > 100 or (key, reason) == ("default_timestamp", NOT_ISO_8601):
            continue  # too large, or a time that is converted
        output = await execute("Track", {"track": {**TRACK, key: timestamp}})
        told = output["error"]["message"] if output["error"] else ""
        assert told == f"track.{key} {reason}"


@pytest.mark.parametrize("field", ["user_id", "properties.revenue"])
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (b"1e400", "is not a finite number (JSON has no NaN and no infinity): send another value"),
        (b"1" * 4301, "is a number with more than 4300 digits: send another value"),
    ],
)
async def test_the_advice_about_a_number_fits_any_field(
    execute: Execute, field: str, number: bytes, reason: str
) -> None:
    """A required field cannot be removed, and a `revenue` is no text."""
    properties = b', "properties": {"revenue": %b}' % number if "." in field else b""
    user = b'"u-1"' if "." in field else number
    message = b'{"track": {"user_id": %b, "event": "E"%b}}' % (user, properties)

    output = await execute("Track", raw(message))

    assert output["error"]["message"] == f"track.{field} {reason}"


@pytest.mark.parametrize("header", ["Connection", "Host", "X-Forwarded-For", "User-Agent"])
def test_a_header_of_the_connection_is_not_called_a_credential(header: str) -> None:
    options = {"headers": {header: "a"}}

    assert refusal(ACCOUNTS["segment"], "track", TRACK, request_options=options) == {
        f"request_options.headers.{header}": (
            "is reserved for the worker and must not be in an input: remove it"
        )
    }


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("", {"track": {"properties": {"a": json.loads("[" * 99 + "]" * 99)}}}, "track.properties"),
        (
            "messages.3",
            {"properties": {"a": json.loads("[" * 99 + "]" * 99)}},
            "messages.3.properties",
        ),
        ("context", {"a": json.loads("[" * 100 + "]" * 100)}, "context.a"),
    ],
)
def test_the_client_names_the_field_that_is_nested_too_deeply(
    path: str, value: Any, shown: str
) -> None:
    levels = 101 if not path else 100
    with pytest.raises(ValidationError) as refused:
        to_json_values(value, path, levels)

    assert refused.value.message == f"{shown} is nested deeper than 100 levels"
