"""Segment's official SDK as an oracle: what it really sends, against what we send."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest.mock import ANY
from urllib.parse import urlsplit

import pytest
from requests import Session
from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from durable_analytics.providers import HttpRequest
from durable_analytics.testing import VENDORS, Received, Reply, StandIn, Vendor
from tests.conftest import Json
from tests.providers.building import account, built

WRITE_KEY = VENDORS["segment"].credentials["write_key"]

_LEAST: Json = {"message_id": "m-1", "timestamp": "2026-01-31T09:30:00.000+00:00"}
_ALL: Json = {
    **_LEAST,
    "integrations": {"All": False, "my_destination": {"a_b": True}},
    "context": {"ip": "192.0.2.10", "userAgent": "Mozilla/5.0", "my_key": {"a_b": None}},
}
_PERSON: Json = {"user_id": "u-1", "anonymous_id": "a-1"}
_DATA: Json = {"some_key": None, "nested": {"otherKey": [1, 2.5, "é"]}}

CALLS: list[tuple[str, Json]] = [
    ("identify", {**_ALL, **_PERSON, "traits": _DATA}),
    ("identify", {**_LEAST, "user_id": "u-1"}),
    ("track", {**_ALL, **_PERSON, "event": "E", "properties": {**_DATA, "revenue": 1.5}}),
    ("track", {**_LEAST, "anonymous_id": "a-1", "event": "E"}),
    ("page", {**_ALL, **_PERSON, "name": "N", "category": "C", "properties": _DATA}),
    ("page", {**_LEAST, "user_id": "u-1", "properties": {"url": "/"}}),
    ("screen", {**_ALL, **_PERSON, "name": "N", "category": "C", "properties": _DATA}),
    ("screen", {**_LEAST, "user_id": "u-1", "name": "N"}),
    ("group", {**_ALL, **_PERSON, "group_id": "g-1", "traits": _DATA}),
    ("group", {**_LEAST, "user_id": "u-1", "group_id": "g-1"}),
    ("alias", {**_ALL, "previous_id": "a-1", "user_id": "u-1"}),
    ("alias", {**_LEAST, "previous_id": "a-1", "user_id": "u-1"}),
]
"""Each call with all that the SDK takes, and with the least, in the SDK's words."""

OUR_WORDS = {"alias": {"previous_id": "previous_user_id", "user_id": "new_user_id"}}
"""Where our fields are called otherwise than the SDK's arguments."""

Row = tuple[str, str, Any]
"""Who sends something that the other does not, the field, and its value."""

_NOT_GIVEN = "the SDK sends a default for what the caller did not give; we send what was given"
_EVERYWHERE: list[tuple[Row, str]] = [
    (("sdk", "context.library", ANY), "the library is the caller's; ours made no message"),
    (("sdk", "userId", None), _NOT_GIVEN),
    (("sdk", "anonymousId", None), _NOT_GIVEN),
    (("sdk", "name", None), _NOT_GIVEN),
    (("sdk", "category", None), _NOT_GIVEN),
    (("sdk", "traits", {}), _NOT_GIVEN),
    (("sdk", "properties", {}), _NOT_GIVEN),
    (("sdk", "integrations", {}), _NOT_GIVEN),
]
ON_PURPOSE: dict[str, list[tuple[Row, str]]] = {
    "segment": [
        *_EVERYWHERE,
        (("sdk", "type", ANY), "an item of a batch tells its type; a path of ours tells it"),
        (("ours", "sentAt", ANY), "the SDK tells it once a batch, with the same meaning"),
    ],
    "journy": [
        *_EVERYWHERE,
        (("sdk", "type", "screen"), "journy.io takes pages; one with a name is a screen there"),
        (("ours", "type", "page"), "the other side of the row before"),
    ],
}
"""Everything that differs, by provider, and why."""

PATHS = {"segment": "", "journy": "/backend"}
"""What comes before the SDK's own `/v1/batch`: journy.io tells its customers to set it."""


@dataclass
class Oracle:
    """A stand-in for Segment that keeps what arrives, and the SDK that sends to it."""

    standin: StandIn
    received: list[Received]

    async def send(self, provider: str, method: str, arguments: Json) -> Received:
        """What arrives of one call of the SDK."""
        client = Client(
            WRITE_KEY, host=self.standin.base_url("segment") + PATHS[provider], sync_mode=True
        )
        # The SDK writes into the objects that it is given.
        arguments = json.loads(json.dumps(arguments))
        arguments["timestamp"] = datetime.fromisoformat(arguments["timestamp"])
        await asyncio.to_thread(getattr(client, method), **arguments)
        (request,) = self.received
        self.received.clear()
        return request


@pytest.fixture
async def oracle(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Oracle]:
    """The SDK keeps one HTTP session for the whole process: here it ends with the test."""
    received: list[Received] = []
    segment = VENDORS["segment"]

    def answers(request: Received) -> Reply:
        received.append(request)
        return segment.answers(request)

    vendor = Vendor(segment.credentials, segment.authorizes, segment.refuses, answers)
    async with StandIn({"segment": vendor}) as standin:
        with Session() as session:
            session.trust_env = False
            monkeypatch.setattr("segment.analytics.request._session", session)
            yield Oracle(standin, received)


def ours(provider: str, method: str, arguments: Json) -> HttpRequest:
    """What our provider builds for the same message."""
    words = OUR_WORDS.get(method, {})
    message = {words.get(name, name): value for name, value in arguments.items()}
    context = message.pop("context", {})
    return built(account(provider, write_key=WRITE_KEY), method, message, context=context)


def fields(body: Json) -> Json:
    """The fields of the only message in a body, each of its context's as one of them."""
    (item,) = body.get("batch", [body])
    context = item.get("context", {})
    return {
        **{name: value for name, value in item.items() if name != "context"},
        **{f"context.{name}": value for name, value in context.items()},
    }


def differences(sdk: Json, our: Json) -> Iterator[Row]:
    """All that one sends and the other does not, or with another value."""
    for who, these, others in (("sdk", sdk, our), ("ours", our, sdk)):
        for name, value in these.items():
            if name not in others or others[name] != value:
                yield who, name, value


async def compare(oracle: Oracle, provider: str, method: str, arguments: Json) -> list[Row]:
    """The differences of one call."""
    sent = await oracle.send(provider, method, arguments)
    return [*differences(fields(sent.body), fields(ours(provider, method, arguments).body))]


@pytest.mark.parametrize("provider", ON_PURPOSE)
@pytest.mark.parametrize(
    ("method", "arguments"),
    [pytest.param(*call, id=f"{call[0]}-{len(call[1])}") for call in CALLS],
)
async def test_we_send_what_the_sdk_sends(
    oracle: Oracle, provider: str, method: str, arguments: Json
) -> None:
    """But for what the table lists."""
    listed = [row for row, _ in ON_PURPOSE[provider]]

    found = await compare(oracle, provider, method, arguments)

    assert [row for row in found if row not in listed] == []


@pytest.mark.parametrize("provider", ON_PURPOSE)
async def test_the_table_lists_no_more(oracle: Oracle, provider: str) -> None:
    """Each row of it is met at least once."""
    found = [row for call in CALLS for row in await compare(oracle, provider, *call)]

    assert [row for row, _ in ON_PURPOSE[provider] if row not in found] == []


@pytest.mark.parametrize(
    ("provider", "path", "envelope"),
    [
        # The SDK sends a batch, and its key a second time in the body.
        ("segment", "/v1/track", None),
        ("journy", "/backend/v1/batch", {"writeKey"}),
    ],
)
async def test_the_envelope(
    oracle: Oracle, provider: str, path: str, envelope: set[str] | None
) -> None:
    """The same credentials in the same header; journy.io gets the same batch at the same path."""
    track = {**_LEAST, "user_id": "u-1", "event": "E"}
    sdk, our = await oracle.send(provider, "track", track), ours(provider, "track", track)

    authorization = account(provider, write_key=WRITE_KEY).authorization("track")
    assert authorization == {"Authorization": sdk.headers["authorization"]}
    assert (sdk.method, sdk.headers["content-type"]) == (our.method, "application/json")
    assert urlsplit(our.url).path == path
    assert sdk.path == f"{PATHS[provider]}/v1/batch"
    assert set(sdk.body) == {"batch", "sentAt", "writeKey"}
    if envelope is not None:
        assert sdk.path == path
        assert set(sdk.body) - set(our.body) == envelope
        assert set(our.body) - set(sdk.body) == set()
