"""PostHog's official client as an oracle: what it really sends, against what we send."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from posthog import Posthog

from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import ACCOUNTS, built
from tests.support.json_objects import Json

UUID = "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11"
COMMON: Json = {"message_id": UUID, "timestamp": "2026-01-31T09:30:00+00:00"}
WHEN: Json = {"uuid": UUID, "timestamp": datetime(2026, 1, 31, 9, 30, tzinfo=UTC)}
ORDER: Json = {"revenue": 19.99, "currency": "USD", "products": [{"sku": "s-1"}], "coupon": None}

CALLS: list[tuple[Callable[[Posthog], object], str, Json]] = [
    (
        lambda client: client.capture(
            "Order Completed",
            distinct_id="u-1",
            properties=dict(ORDER),
            groups={"company": "c-1"},
            **WHEN,
        ),
        "track",
        {"user_id": "u-1", "event": "Order Completed", "properties": ORDER, "company_id": "c-1"},
    ),
    (
        lambda client: client.capture("E", distinct_id="u-1", **WHEN),
        "track",
        {"user_id": "u-1", "event": "E"},
    ),
    (
        lambda client: client.capture("E", **WHEN),
        "track",
        {"anonymous_id": "a-1", "event": "E"},
    ),
    (
        lambda client: client.capture(
            "$pageview", distinct_id="u-1", properties={"$current_url": "https://x/p"}, **WHEN
        ),
        "page",
        {"user_id": "u-1", "properties": {"url": "https://x/p"}},
    ),
    (
        lambda client: client.capture(
            "$screen",
            distinct_id="u-1",
            properties={"$screen_name": "Cart", "items": 2, "$set": {"plan": "pro"}},
            **WHEN,
        ),
        "screen",
        {"user_id": "u-1", "name": "Cart", "properties": {"items": 2, "$set": {"plan": "pro"}}},
    ),
    (
        lambda client: client.set(distinct_id="a-1", properties={"plan": "pro"}, **WHEN),
        "identify",
        {"anonymous_id": "a-1", "traits": {"plan": "pro"}},
    ),
    (
        lambda client: client.group_identify(
            "company", "c-1", {"name": "Acme"}, distinct_id="u-1", **WHEN
        ),
        "group",
        {"user_id": "u-1", "group_id": "c-1", "traits": {"name": "Acme"}},
    ),
    (
        lambda client: client.alias("a-1", "u-1", **WHEN),
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
    ),
]
"""Calls of the client, and our messages that say the same."""

THEIRS: Mapping[str, str] = {
    "$is_server": "a message of ours may come from anywhere",
    "$lib": "the client names itself; ours is the context's",
    "$lib_version": "the client names itself; ours is the context's",
    "$os": "of the client's machine; ours is the context's",
    "$os_distro": "of the client's machine",
    "$os_version": "of the client's machine; ours is the context's",
    "$python_runtime": "of the client's machine",
    "$python_version": "of the client's machine",
}
"""Properties that the client sends and we do not, and why."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client takes the proxy of the environment otherwise."""
    session = requests.Session()
    session.trust_env = False
    monkeypatch.setattr("posthog.request._session", session)


async def sent_by_client(call: Callable[[Posthog], object]) -> Received:
    """The one request that arrives of a call; the client raises an error that it gets."""
    received: list[Received] = []
    posthog = VENDORS["posthog"]

    def answers(request: Received) -> Reply:
        received.append(request)
        return posthog.answers(request)

    async with StandIn({"posthog": replace(posthog, answers=answers)}) as standin:
        key, host = posthog.credentials["project_api_key"], standin.base_url("posthog")
        client = Posthog(key, host=host, sync_mode=True, debug=True)
        await asyncio.to_thread(call, client)
        await asyncio.to_thread(client.shutdown)
    (request,) = received
    return request


@pytest.mark.parametrize(("call", "method", "message"), CALLS)
async def test_we_send_the_event_that_the_client_sends(
    call: Callable[[Posthog], object], method: str, message: Json
) -> None:
    """But for the properties in the table, for `sent_at`, and for what these lines take out."""
    request = await sent_by_client(call)
    ours: Any = built(ACCOUNTS["posthog"], method, {**COMMON, **message}).body

    assert request.body.keys() == {"api_key", "batch", "historical_migration", "sent_at"}
    (theirs,) = request.body["batch"]
    assert (request.method, request.path) == ("POST", "/batch/")
    properties = {n: v for n, v in theirs["properties"].items() if n not in THEIRS}
    if "$set" in theirs:
        # PostHog reads it at either place; its documentation has it among the properties.
        properties["$set"] = theirs.pop("$set")
    if message.get("anonymous_id") and method == "track":
        # The client makes up an id for somebody whom it does not know.
        theirs["distinct_id"] = "a-1"
    if method == "page":
        # Segment's own name of it stays, too.
        assert ours["properties"].pop("url") == properties["$current_url"]
    assert {**theirs, "properties": properties} == ours
