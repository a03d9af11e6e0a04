"""Mixpanel's official SDK as an oracle: what it really sends, against what we send."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from mixpanel import (  # type: ignore[import-untyped]  # it has no types
    Consumer,
    Mixpanel,
    ServiceAccountCredentials,
)

from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import SENT_AT, account, built
from tests.support.json_objects import Json

VENDOR = VENDORS["mixpanel"]
TOKEN = VENDOR.credentials["project_token"]
SECONDS = 1769851800
TRAITS: Json = {"$email": "ada@example.com", "plan": "pro", "seats": 3}

Call = Callable[[Any], Any]

CALLS: dict[str, tuple[Call, str, Json]] = {
    "import": (
        lambda client: client.import_data(
            None, "u-1", "Signed Up", SECONDS, {"plan": "pro", "$insert_id": "m-1"}
        ),
        "track",
        {"user_id": "u-1", "event": "Signed Up", "properties": {"plan": "pro"}},
    ),
    "import_screen": (
        lambda client: client.import_data(
            None,
            "u-1",
            "Viewed Cart",
            SECONDS,
            {"name": "Cart", "items": 2, "$insert_id": "m-1"},
        ),
        "screen",
        {"user_id": "u-1", "name": "Cart", "properties": {"items": 2}},
    ),
    "people_set": (
        lambda client: client.people_set("u-1", TRAITS),
        "identify",
        {"user_id": "u-1", "traits": TRAITS},
    ),
    "people_unset": (
        lambda client: client.people_unset("u-1", ["plan", "$email"]),
        "identify",
        {"user_id": "u-1", "traits": {"plan": None, "$email": None}},
    ),
    "group_set": (
        lambda client: client.group_set("$group_id", "g-1", {"plan": "pro"}),
        "group",
        {"user_id": "u-1", "group_id": "g-1", "traits": {"plan": "pro"}},
    ),
    "group_unset": (
        lambda client: client.group_unset("$group_id", "g-1", ["plan"]),
        "group",
        {"user_id": "u-1", "group_id": "g-1", "traits": {"plan": None}},
    ),
    "alias": (
        lambda client: client.alias("u-1", "a-1"),
        "alias",
        {"previous_user_id": "a-1", "new_user_id": "u-1"},
    ),
}
"""A call of the SDK, and our message for it."""

ON_PURPOSE = {
    "$lib_version": "the library is the caller's; ours made no message",
    "mp_lib": "the library is the caller's; ours made no message",
    "token": "an import is authorized by a header",
}
"""The properties of the SDK's events that ours lack."""


@dataclass
class Oracle:
    """A stand-in for Mixpanel that keeps what arrives, and a client that sends to it."""

    client: Any
    received: list[Received]

    async def send(self, call: Call) -> Received:
        """The request of a call of the SDK."""
        await asyncio.to_thread(call, self.client)
        return self.received.pop()


@pytest.fixture
async def oracle(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Oracle]:
    """The SDK reads the environment's proxies; an alias goes to a consumer of its own making."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    received: list[Received] = []

    def answers(request: Received) -> Reply:
        received.append(request)
        return Reply(200, {"status": 1, "error": None})

    async with StandIn({"mixpanel": replace(VENDOR, answers=answers)}) as standin:
        url = standin.base_url("mixpanel")
        credentials = ServiceAccountCredentials(
            VENDOR.credentials["service_account_username"],
            VENDOR.credentials["service_account_secret"],
            VENDOR.settings["project_id"],
        )
        consumer = Consumer(
            events_url=f"{url}/track",
            people_url=f"{url}/engage",
            import_url=f"{url}/import",
            groups_url=f"{url}/groups",
            credentials=credentials,
        )
        monkeypatch.setattr("mixpanel.Consumer", lambda: consumer)
        client = Mixpanel(TOKEN, consumer=consumer)
        monkeypatch.setattr(client, "_now", lambda: float(SECONDS))
        yield Oracle(client, received)


@pytest.mark.parametrize("name", CALLS)
async def test_we_send_what_the_sdk_sends(oracle: Oracle, name: str) -> None:
    """At the same endpoint; the SDK's item is the value of a form, ours stands in an array."""
    call, method, message = CALLS[name]
    request = await oracle.send(call)

    url = "http://127.0.0.1/mixpanel"
    provider = account("mixpanel", **VENDOR.integration_settings(url))
    built_ = built(provider, method, message)
    sent = provider.authorize(built_, delivery_id="m-1", sent_at=SENT_AT)
    (ours,) = json.loads(sent.content() or b"")
    theirs = json.loads(request.body["data"])
    assert built_.url == f"{url}{request.path}"
    if built_.url == f"{url}/import":
        assert theirs["properties"].keys() >= ON_PURPOSE.keys()
        properties = {n: v for n, v in theirs["properties"].items() if n not in ON_PURPOSE}
        # Milliseconds and the user's id are ours: both are exact where the SDK's are not.
        theirs["properties"] = {**properties, "time": SECONDS * 1000, "$user_id": "u-1"}
        assert request.headers["authorization"] == sent.headers["Authorization"]
        assert request.query["project_id"] == sent.query["project_id"]
    else:
        assert {n: str(sent.query[n]) for n in ("verbose", "ip")} == {
            n: request.body[n] for n in ("verbose", "ip")
        }
    assert ours == theirs
