"""How long a provider asks to wait, in every form, and what is told where that is too long."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from durable_analytics.providers import HttpResponse
from durable_analytics.testing import StandIn
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Execute, Json

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
SEGMENT = ACCOUNTS["segment"]


def asked(status: int, **headers: str) -> timedelta | None:
    """The wait that an answer asks for."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SEGMENT.retry_after(HttpResponse(status, named), NOW)


@pytest.mark.parametrize(
    "value",
    [
        *("30", " 30 ", "30.0", "1769851830", "1769851830000", "1769851830.0"),
        *("30, 12", "12,30", ", 30", '"30"', "+30", "30s", "30;w=60", "1769851830, 7"),
        *("Sat, 31 Jan 2026 09:30:30 GMT", "2026-01-31T09:30:30Z", "2026-01-31T10:30:30+01:00"),
    ],
)
@pytest.mark.parametrize("name", ["x_ratelimit_reset", "x_rate_limit_reset", "ratelimit_reset"])
def test_when_a_limit_resets_counts_as_the_wait(name: str, value: str) -> None:
    """With 429, or where nothing remains; as seconds, an epoch or a date, once or several times."""
    assert asked(429, **{name: value}) == timedelta(seconds=30)
    assert asked(503, x_ratelimit_remaining="0", **{name: value}) == timedelta(seconds=30)
    assert asked(503, **{name: value}) is None
    assert asked(503, x_ratelimit_remaining="7", **{name: value}) is None


@pytest.mark.parametrize(
    "value", ["-30", "soon", "", "nan", "1e3", "9" * 20, "1500000000", "0", ",", "3 4"]
)
def test_a_reset_that_says_nothing(value: str) -> None:
    """Negative, past, absurd or malformed."""
    assert asked(429, x_ratelimit_reset=value) is None


def test_retry_after_comes_first() -> None:
    """The reset is often that of another, longer window."""
    assert asked(429, retry_after="3", x_ratelimit_reset="3600") == timedelta(seconds=3)
    assert asked(429, retry_after="0", x_ratelimit_reset="3600") is None
    assert asked(429, retry_after=" ", x_ratelimit_reset="3600") == timedelta(hours=1)


def one(integration: str, **policy: object) -> tuple[str, Json]:
    """One message."""
    data = {"integration": integration, "policies": {"request": policy}}
    return "Track", {**data, "track": {"user_id": "u", "event": "E"}}


def batch(integration: str, **policy: object) -> tuple[str, Json]:
    """A batch."""
    data = {"integration": integration, "policies": {"request": policy}}
    return "Batch", {**data, "messages": [{"type": "track", "user_id": "u", "event": "E"}]}


@pytest.mark.parametrize("make", [one, batch])
@pytest.mark.parametrize(("integration", "title"), [("segment", "Segment"), ("trakio", "Trak.io")])
@pytest.mark.parametrize(
    ("status", "kind", "headers", "wait"),
    [
        (503, "Unavailable", {"Retry-After": "7205"}, "2 h"),
        (503, "Unavailable", {"Retry-After": lambda: str(int(time.time()) + 86_405)}, "1 d"),
        (429, "RateLimited", {"X-RateLimit-Reset": "90"}, "1 min 30 s"),
    ],
)
async def test_a_wait_beyond_the_policy_says_so(
    execute: Execute,
    standin: StandIn,
    make: object,
    integration: str,
    title: str,
    status: int,
    kind: str,
    headers: Json,
    wait: str,
) -> None:
    """It ends the delivery at once, as what it was."""
    given = {name: value() if callable(value) else value for name, value in headers.items()}
    standin.script(integration, {"status": status, "headers": given, "body": "x" * 5_000})
    workflow, data = make(integration, total_timeout="PT60S")  # type: ignore[operator]

    output = await execute(workflow, data)

    error = output["error"]
    if "messages" in data:
        assert error["type"] == kind
        error = output["rejected"][0]["error"]
    assert error["type"] == kind
    words = f"{title} answered {status}; it asks to wait {wait}"
    assert error["message"].startswith(words)
    assert error["message"].endswith(", which is longer than the rest of total_timeout")
    assert len(standin.requests) == 1
    (response,) = output["responses"] if "messages" in data else [output["response"]]
    assert response["body"] == "x" * 5_000


async def test_a_number_that_is_a_date_is_waited_for(execute: Execute, standin: StandIn) -> None:
    """Not taken for 57 years."""
    standin.script(
        "segment", {"status": 503, "headers": {"Retry-After": str(int(time.time()) + 3)}}
    )
    workflow, data = one("segment", total_timeout="PT60S")

    output = await execute(workflow, data)

    assert output["status"] == "success"
    first, second = (datetime.fromisoformat(one["received_at"]) for one in standin.requests)
    assert second - first > timedelta(seconds=1.5)


async def test_the_last_attempt_says_nothing_of_a_wait(execute: Execute, standin: StandIn) -> None:
    """It is the number of attempts that ended the delivery."""
    standin.script("segment", {"status": 503, "headers": {"Retry-After": "7200"}})
    workflow, data = one("segment", total_timeout="PT60S", retry_policy={"maximum_attempts": 1})

    output = await execute(workflow, data)

    assert output["error"]["message"] == "Segment answered 503"
