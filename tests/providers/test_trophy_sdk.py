"""Trophy's official client as an oracle: what it really sends, against what we send."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from trophy import AsyncTrophyApi, UpsertedUser  # type: ignore[import-untyped]  # no marker
from trophy.environment import (  # type: ignore[import-untyped]  # no marker
    TrophyApiEnvironment,
)

from durable_analytics.providers import HttpRequest
from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import account, added_headers, built
from tests.support.json_objects import Json

API_KEY = VENDORS["trophy"].credentials["api_key"]

USER: Json = {
    "email": "ada@example.com",
    "name": "Ada",
    "tz": "Europe/London",
    "device_tokens": ["t-1"],
    "subscribe_to_emails": True,
    "attributes": {"some_key": "x"},
}

METRICS: list[Json] = [
    {
        "key": "words-written",
        "user": {"id": "u-1", **USER},
        "value": 750,
        "attributes": {"some_source": "mobile-app"},
        "idempotency_key": "k-1",
    },
    {"key": "words", "user": {"id": "u-1"}, "value": -2.5, "idempotency_key": "k-1"},
    {"key": "words", "user": {"id": "u-1"}, "value": 1},
    {"key": "wörter am tag", "user": {"id": "ü"}, "value": 0, "idempotency_key": "k-1"},
]
PEOPLE: list[tuple[str, Json]] = [
    ("u-1", {**USER, "sign_up_date": "2026-01-31"}),
    ("u-1", {}),
    ("u-1", {"tz": None, "subscribe_to_emails": False}),
    ("ü 1", {"attributes": {"plan": "pro"}}),
]
"""Calls in the client's words, which are ours too; a person's traits are its arguments."""

ON_PURPOSE: Mapping[str, str] = {
    "accept": "the HTTP client's",
    "accept-encoding": "the HTTP client's",
    "connection": "the HTTP client's",
    "content-length": "the HTTP client's",
    "host": "the HTTP client's",
    "user-agent": "the HTTP client's",
    "x-fern-language": "the client names itself",
    "x-fern-platform": "the client names itself",
    "x-fern-runtime": "the client names itself",
    "x-sdk-version": "the client names itself",
}
"""Headers that Trophy's client sends and our provider does not build, and why."""


@dataclass
class Oracle:
    """A stand-in for Trophy that keeps what arrives, and the client that sends to it."""

    client: AsyncTrophyApi
    received: list[Received]

    async def metric(self, metric: Json) -> Received:
        """What arrives of one event of a metric."""
        await self.client.metrics.event(**{**metric, "user": UpsertedUser(**metric["user"])})
        return self.received.pop()

    async def identify(self, user_id: str, traits: Json) -> Received:
        """What arrives of one identification."""
        await self.client.users.identify(user_id, **traits)
        return self.received.pop()


@pytest.fixture
async def oracle() -> AsyncIterator[Oracle]:
    """The client refuses an answer that is not Trophy's, and a 401."""
    received: list[Received] = []
    trophy = VENDORS["trophy"]

    def answers(request: Received) -> Reply:
        received.append(request)
        return trophy.answers(request)

    vendor = replace(trophy, answers=answers)
    async with StandIn({"trophy": vendor}) as standin, httpx.AsyncClient() as http:
        url = standin.base_url("trophy")
        client = AsyncTrophyApi(
            api_key=API_KEY,
            environment=TrophyApiEnvironment(api=url, admin=url),
            httpx_client=http,
            max_retries=0,
        )
        yield Oracle(client, received)


def ours(method: str, message: Json) -> HttpRequest:
    """What our provider builds for the same message."""
    return built(account("trophy", api_key=API_KEY), method, message)


def assert_same(sdk: Received, our: HttpRequest, **on_purpose: Any) -> None:
    """All of a request is the same, but for the headers in the table and those given here."""
    authorization = added_headers(account("trophy", api_key=API_KEY))
    content_type = {"Content-Type": "application/json"}
    our_headers = {**content_type, **our.headers, **authorization}

    assert sdk.method == our.method
    assert f"/v1{sdk.path}" == urlsplit(our.url).path
    assert (sdk.body, type(sdk.body)) == (our.body, dict)
    assert {
        name: value for name, value in sdk.headers.items() if name not in ON_PURPOSE
    } | on_purpose == {name.lower(): value for name, value in our_headers.items()}
    assert ON_PURPOSE.keys() - sdk.headers.keys() == set()


@pytest.mark.parametrize("metric", METRICS)
async def test_we_send_the_metric_that_the_client_sends(oracle: Oracle, metric: Json) -> None:
    """Without a key of the caller's, ours is the message id, so that a retry counts once."""
    sent = await oracle.metric(metric)

    key = {} if "idempotency_key" in metric else {"idempotency-key": "m-1"}
    assert_same(sent, ours("metric", metric), **key)


@pytest.mark.parametrize(("user_id", "traits"), PEOPLE)
async def test_we_send_the_user_that_the_client_sends(
    oracle: Oracle, user_id: str, traits: Json
) -> None:
    """Its fields and attributes; null stays null."""
    sent = await oracle.identify(user_id, traits)

    assert_same(sent, ours("identify", {"user_id": user_id, "traits": traits}))


async def test_an_id_is_one_step_of_our_path(oracle: Oracle) -> None:
    """On purpose: the client lets a slash in an id lead to another address."""
    sent = await oracle.identify("a/b", {})

    assert sent.path == "/users/a/b"
    assert urlsplit(ours("identify", {"user_id": "a/b"}).url).path == "/v1/users/a%2Fb"
