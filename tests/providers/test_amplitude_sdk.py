"""Amplitude's official SDK as an oracle: what it really sends, against what we send."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from amplitude import (  # type: ignore[import-untyped]  # it has no types
    Amplitude,
    BaseEvent,
    Config,
    EventOptions,
    Identify,
)

from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import SENT_AT, account, built
from tests.support.json_objects import Json

API_KEY = VENDORS["amplitude"].credentials["api_key"]
TIME = 1769851800000
COMMON: Json = {"time": TIME, "insert_id": "m-1"}
PERSON: Json = {"user_id": "user-1", "device_id": "device-1"}
OURS: Json = {"user_id": "user-1", "anonymous_id": "device-1"}

Call = Callable[[Any], None]


def track(event_type: str, **fields: Any) -> Call:
    """An event in the SDK's words."""
    return lambda client: client.track(BaseEvent(event_type, **PERSON, **COMMON, **fields))


def identify(change: Any) -> Call:
    """A change of a user's properties."""
    return lambda client: client.identify(change, EventOptions(**PERSON, **COMMON))


def group(client: Any) -> None:
    """A user's group, and the properties of the group."""
    client.set_group("group", "g-1", EventOptions(**PERSON, **COMMON))
    options = EventOptions(**PERSON, time=TIME, insert_id="m-1-group")
    client.group_identify("group", "g-1", Identify().set("name", "Acme").unset("plan"), options)


CONTEXT: Json = {
    "app": {"version": "1.2"},
    "device": {"brand": "Apple", "manufacturer": "Apple", "model": "iPhone17,1", "type": "iOS"},
    "ip": "192.0.2.1",
    "locale": "en-GB",
    "location": {"country": "GB", "latitude": 51.5, "longitude": -0.1},
    "network": {"carrier": "EE"},
    "os": {"name": "iOS", "version": "19.1"},
    "user_agent": "shop/1.2",
}

CALLS: list[tuple[Call, str, Json, Json]] = [
    (track("E"), "track", {**OURS, "event": "E"}, {}),
    (
        track("E", session_id=TIME, idfa="ad-1", adid="ad-1", city="London", region="England"),
        "track",
        {
            **OURS,
            "event": "E",
            "integrations": {"Actions Amplitude": {"session_id": str(TIME)}},
        },
        {"device": {"idfa": "ad-1"}, "location": {"city": "London", "region": "England"}},
    ),
    (
        track("Viewed Cart", event_properties={"items": 2, "name": "Cart"}),
        "screen",
        {**OURS, "name": "Cart", "properties": {"items": 2}},
        {},
    ),
    (
        track(
            "Order Completed",
            event_properties={"revenue": 19.99, "product_id": "p-1", "products": [{"a": 1}]},
            user_properties={"$set": {"plan": "pro"}},
            groups={"group": "g-1"},
            revenue=19.99,
            revenue_type="Purchase",
            product_id="p-1",
            app_version="1.2",
            platform="iOS",
            device_brand="Apple",
            device_manufacturer="Apple",
            device_model="iPhone17,1",
            ip="192.0.2.1",
            language="en-GB",
            country="GB",
            location_lat=51.5,
            location_lng=-0.1,
            carrier="EE",
            os_name="iOS",
            os_version="19.1",
            user_agent="shop/1.2",
        ),
        "track",
        {
            **OURS,
            "event": "Order Completed",
            "properties": {"revenue": 19.99, "product_id": "p-1", "products": [{"a": 1}]},
            "traits": {"plan": "pro"},
            "company_id": "g-1",
        },
        CONTEXT,
    ),
    (
        identify(Identify().set("plan", "pro").unset("email")),
        "identify",
        {**OURS, "traits": {"plan": "pro", "email": None}},
        {},
    ),
    (
        identify(Identify().add("logins", 1).set_once("first", "a")),
        "identify",
        {**OURS, "traits": {"$add": {"logins": 1}, "$setOnce": {"first": "a"}}},
        {},
    ),
    (
        group,
        "group",
        {**OURS, "group_id": "g-1", "traits": {"name": "Acme", "plan": None}},
        {},
    ),
]
"""A call of the SDK, and our message for it."""

ON_PURPOSE = {"library": "the library is the caller's; ours made no message"}
"""The fields of the SDK's events that ours lack."""


@dataclass
class Oracle:
    """A stand-in for Amplitude that keeps what arrives, and where it is."""

    url: str
    received: list[Received]

    async def send(self, call: Call, *, use_batch: bool = False) -> list[Received]:
        """The requests of a call of the SDK."""
        endpoint = "batch" if use_batch else "2/httpapi"

        def run() -> None:
            client = Amplitude(
                API_KEY,
                Config(server_url=f"{self.url}/{endpoint}", flush_interval_millis=500),
            )
            call(client)
            for sent in client.flush():
                sent.result()
            client.shutdown()

        await asyncio.to_thread(run)
        return self.received


@pytest.fixture
async def oracle(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Oracle]:
    """The SDK reads the environment's proxies."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    received: list[Received] = []
    amplitude = VENDORS["amplitude"]

    def answers(request: Received) -> Reply:
        received.append(request)
        return amplitude.answers(request)

    async with StandIn({"amplitude": replace(amplitude, answers=answers)}) as standin:
        yield Oracle(standin.base_url("amplitude"), received)


def ours(method: str, message: Json, context: Json) -> Json:
    """The body that we send for a message."""
    provider = account("amplitude", api_key=API_KEY)
    request = built(provider, method, message, **({"context": context} if context else {}))
    sent = provider.authorize(request, delivery_id="m-1", sent_at=SENT_AT)
    assert request.url.endswith("/2/httpapi")
    body: Json = json.loads(sent.content() or b"")
    return body


@pytest.mark.parametrize(("call", "method", "message", "context"), CALLS)
async def test_we_send_the_events_that_the_sdk_sends(
    oracle: Oracle, call: Call, method: str, message: Json, context: Json
) -> None:
    """The whole body, but for the fields in the table."""
    requests = await oracle.send(call)

    events = [event for request in requests for event in request.body["events"]]
    assert all(event.keys() >= ON_PURPOSE.keys() for event in events)
    theirs = [
        {name: value for name, value in event.items() if name not in ON_PURPOSE} for event in events
    ]
    assert ours(method, message, context) == {"api_key": API_KEY, "events": theirs}


async def test_the_sdks_batches_have_the_same_body(oracle: Oracle) -> None:
    """At the other endpoint."""
    (request,) = await oracle.send(track("E"), use_batch=True)

    assert (request.path, request.body.keys()) == ("/batch", {"api_key", "events"})
