"""A request that is about to start while the process knows that its integration is paused."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.http import HttpClient
from activities.provider_health import ProviderHealth
from activities.request import Request
from activities.validation import Validation
from durable_analytics.wire.integration_state import paused
from durable_analytics.wire.methods import METHODS
from tests.support.activities import SETTINGS, raw

INPUT = {"integration": "segment", "track": {"user_id": "u-1", "event": "E"}}


@pytest.fixture
def sent() -> list[httpx.Request]:
    """The requests that the provider got."""
    return []


@pytest.fixture
def client(sent: list[httpx.Request]) -> HttpClient:
    """The client of an integration that is paused for ten seconds."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"success": True})

    health = ProviderHealth(None, 0)
    wait = timedelta(seconds=10)
    health.learn(paused("retry_after", "it asked", since=datetime.now(UTC), duration=wait))
    transport = httpx.MockTransport(answer)
    return HttpClient(httpx.AsyncClient(transport=transport), health=health)


async def run(client: HttpClient, attempts: int, attempt: int = 1, **plan: Any) -> Any:
    """Run a Request whose policy has so many attempts."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        is_local=False,
        attempt=attempt,
        retry_policy=RetryPolicy(maximum_attempts=attempts),
        start_to_close_timeout=timedelta(seconds=3),
    )
    integrations, method = SETTINGS.deliverable(), METHODS["track"]
    validated: Any = await environment.run(Validation(method, integrations).__call__, raw(INPUT))
    request = Request(method, integrations, {"segment": client}, lambda _: None)
    planned = {**validated, "returns_attempts": True, **plan}
    return await environment.run(request.__call__, raw(INPUT), raw(planned))


async def test_goes_back_to_the_task_queue(client: HttpClient, sent: list[httpx.Request]) -> None:
    """Without an attempt; the attempts before are kept."""
    attempts = [
        {"attempt": n, "at": "2026-01-31", "milliseconds": 1, "status_code": 503, "error": "X"}
        for n in (1, 2)
    ]
    earlier = {"attempts": attempts, "count": 2}
    result = await run(client, 5, attempt=2, can_be_held=True, earlier=earlier)

    assert result == {"held": {"attempts": attempts, "count": 3}}
    assert not sent


async def test_of_an_earlier_release_waits_for_its_next_attempt(
    client: HttpClient, sent: list[httpx.Request]
) -> None:
    """Its workflow does not know `held`; the failure says why nothing was sent."""
    with pytest.raises(ApplicationError) as raised:
        await run(client, 5)

    assert raised.value.type == "RateLimited"
    assert raised.value.message == (
        "nothing was sent: the integration segment is paused by the provider's Retry-After: "
        "it asked"
    )
    assert raised.value.next_retry_delay
    assert timedelta(seconds=8) < raised.value.next_retry_delay <= timedelta(seconds=10)
    assert not sent


async def test_of_an_earlier_release_is_sent_in_its_last_attempt(
    client: HttpClient, sent: list[httpx.Request]
) -> None:
    """Nobody would send it later."""
    result = await run(client, 1)

    assert result["response"]["status_code"] == 200
    assert len(sent) == 1
