"""Contexts, policies and timestamps: the client's, and each call's own."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient, Policies, RequestPolicy, RetryPolicy
from durable_analytics.testing import StandIn
from durable_analytics.version import __version__
from tests.support.json_objects import Json
from tests.support.noted_starts import Starts
from worker import Settings

LIBRARY: Json = {"name": "durable-analytics", "version": __version__}
SHOP: Json = {"name": "shop", "version": "4.1"}


@pytest.mark.parametrize(
    ("of_the_client", "of_the_call", "delivered"),
    [
        (None, {}, {"library": LIBRARY}),
        (None, {"context": {}}, {"library": LIBRARY}),
        (None, {"context": {"ip": "192.0.2.1"}}, {"library": LIBRARY, "ip": "192.0.2.1"}),
        (
            {"ip": "192.0.2.1", "locale": "en-US"},
            {"context": {"ip": "192.0.2.2", "timezone": "Europe/London"}},
            {
                "library": LIBRARY,
                "ip": "192.0.2.2",
                "locale": "en-US",
                "timezone": "Europe/London",
            },
        ),
        ({"library": SHOP}, {}, {"library": SHOP}),
        (
            {"userAgent": "shop", "group_id": "g-1"},
            {"context": {"user_agent": "curl"}},
            {"library": LIBRARY, "userAgent": "curl", "groupId": "g-1"},
        ),
        ({"locale": "en-US"}, {"context": {"library": SHOP}}, {"locale": "en-US", "library": SHOP}),
        ({"locale": "en-US"}, {"context": None}, {"locale": "en-US", "library": LIBRARY}),
        (
            {"app": {"name": "shop", "version": "4"}},
            {"context": {"app": {"version": "5"}}},
            {"library": LIBRARY, "app": {"name": "shop", "version": "5"}},
        ),
        (
            {"user_agent": "shop"},
            {"context": {"group_id": "g-1"}, "strict": False},
            {"library": LIBRARY, "userAgent": "shop", "groupId": "g-1"},
        ),
    ],
)
async def test_contexts_merge(
    *,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    of_the_client: Json | None,
    of_the_call: Any,
    delivered: Json | None,
) -> None:
    """Key by key, the call's over the client's over the library; None is "not set"."""
    analytics = AnalyticsClient(
        temporal,
        integration="segment",
        context=of_the_client,
        task_queue=running_worker.task_queue,
    )

    handle = await analytics.track(user_id="u-1", event="E", **of_the_call)
    await handle.result()

    assert standin.requests[0]["body"].get("context") == delivered


async def test_a_calls_context_is_its_own(analytics: AnalyticsClient, starts: Starts) -> None:
    """The next call knows nothing of it."""
    first = await analytics.track(user_id="u-1", event="E", context={"ip": "192.0.2.1"})
    second = await analytics.track(user_id="u-1", event="E")
    await first.result()
    await second.result()

    contexts = [start.args[0]["context"] for start in starts.noted]
    assert contexts == [{"library": LIBRARY, "ip": "192.0.2.1"}, {"library": LIBRARY}]


PATIENT = Policies(
    request=RequestPolicy(
        single_attempt_timeout=timedelta(seconds=5), retry_policy=RetryPolicy(maximum_attempts=7)
    )
)
AS_JSON: Json = {
    "request": {"single_attempt_timeout": "PT5S", "retry_policy": {"maximum_attempts": 7}}
}
HASTY: Json = {"request": {"single_attempt_timeout": 1.5}}


@pytest.mark.parametrize(
    ("of_the_client", "of_the_call", "sent", "applied"),
    [
        (None, {"policies": PATIENT}, AS_JSON, ("PT5S", 7)),
        (None, {"policies": AS_JSON}, AS_JSON, ("PT5S", 7)),
        (PATIENT, {}, AS_JSON, ("PT5S", 7)),
        (AS_JSON, {}, AS_JSON, ("PT5S", 7)),
        (PATIENT, {"policies": HASTY}, HASTY, ("PT1.5S", 0)),
        (PATIENT, {"policies": None}, AS_JSON, ("PT5S", 7)),
    ],
)
async def test_policies(
    *,
    noted: Client,
    running_worker: Settings,
    starts: Starts,
    of_the_client: Policies | Json | None,
    of_the_call: Any,
    sent: Json | None,
    applied: tuple[str, int],
) -> None:
    """A model or JSON; the client's for calls that bring none. The output shows what applied."""
    analytics = AnalyticsClient(
        noted,
        integration="segment",
        policies=of_the_client,
        task_queue=running_worker.task_queue,
    )

    handle = await analytics.track(user_id="u-1", event="E", **of_the_call)
    output = await handle.result()

    assert starts.noted[0].args[0]["policies"] == sent
    assert output["policies"]
    policy = output["policies"]["request"]
    told = (policy["single_attempt_timeout"], policy["retry_policy"]["maximum_attempts"])
    assert told == applied


@pytest.mark.parametrize(
    ("given", "delivered"),
    [
        (datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00+00:00"),
        (
            datetime(2026, 1, 31, 9, 30, 0, 250000, tzinfo=timezone(timedelta(hours=-5))),
            "2026-01-31T09:30:00.250000-05:00",
        ),
        (datetime(2026, 1, 31, 9, 30), "2026-01-31T09:30:00+00:00"),  # noqa: DTZ001
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
    ],
)
async def test_timestamps(
    analytics: AnalyticsClient, standin: StandIn, given: datetime | str, delivered: str
) -> None:
    """A `datetime` or ISO 8601; without an offset it is UTC, not this machine's time."""
    handle = await analytics.track(user_id="u-1", event="E", timestamp=given)
    output = await handle.result()

    assert output["track"]
    assert output["track"]["timestamp"] == delivered
    assert standin.requests[0]["body"]["timestamp"] == delivered
