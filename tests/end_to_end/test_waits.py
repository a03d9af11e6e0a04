"""Timeouts, and the waits between the attempts of an execution."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.tracks import TRACK, with_policy


async def test_a_hanging_provider_is_unavailable(execute: Execute, standin: StandIn) -> None:
    """The HTTP deadline is 90% of the attempt, so that the attempt tells it itself."""
    standin.script("segment", {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 1}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"] == {
        "type": "Unavailable",
        "message": "127.0.0.1 did not respond within 1.8 s",
        "fields": [],
    }
    assert output["response"] is None


async def test_retry_after_in_seconds_is_waited_for(execute: Execute, standin: StandIn) -> None:
    """429 with `Retry-After: 2`: no sooner than two seconds."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "2"}})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    first, second = (datetime.fromisoformat(r["received_at"]) for r in standin.requests)
    assert second - first >= timedelta(seconds=2)


async def test_retry_after_as_a_date_is_waited_for(execute: Execute, standin: StandIn) -> None:
    """HTTP dates have whole seconds, so the date itself is the bound."""
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    header = {"Retry-After": format_datetime(date, usegmt=True)}
    standin.script("segment", {"status": 503, "headers": header})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert datetime.fromisoformat(standin.requests[1]["received_at"]) >= date


async def test_retry_after_beyond_the_total_timeout_ends_it(
    execute: Execute, standin: StandIn
) -> None:
    """At once, and as rate limited."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "3600"}})

    output = await execute("Track", with_policy(total_timeout="PT1M"))

    assert output["error"]["type"] == "RateLimited"
    assert output["response"]["headers"]["retry-after"] == "3600"
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("answer", "type_"),
    [({"status": 429}, "RateLimited"), ({"status": 500}, "Unavailable")],
)
async def test_the_total_timeout_ends_the_retries(
    execute: Execute, standin: StandIn, answer: Json, type_: str
) -> None:
    """The type is the last answer's."""
    standin.script("segment", *[answer] * 20)

    output = await execute("Track", with_policy(total_timeout=2, single_attempt_timeout=1))

    assert output["error"]["type"] == type_
    assert output["response"]["status_code"] == answer["status"]
