"""Segment's official SDK as an oracle: what it really sends, against what we send."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from requests import Session
from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from durable_analytics.providers import HttpRequest
from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from tests.providers.building import account, added_headers, built
from tests.support.json_objects import Json
from tests.support.segment_sdk_differences import (
    CALLS,
    LEAST,
    ON_PURPOSE,
    OUR_WORDS,
    PATHS,
    WRITE_KEY,
    Row,
    differences,
)


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

    vendor = replace(segment, answers=answers)
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
    track = {**LEAST, "user_id": "u-1", "event": "E"}
    sdk, our = await oracle.send(provider, "track", track), ours(provider, "track", track)

    authorization = added_headers(account(provider, write_key=WRITE_KEY))
    assert authorization == {"Authorization": sdk.headers["authorization"]}
    assert (sdk.method, sdk.headers["content-type"]) == (our.method, "application/json")
    assert urlsplit(our.url).path == path
    assert sdk.path == f"{PATHS[provider]}/v1/batch"
    assert set(sdk.body) == {"batch", "sentAt", "writeKey"}
    if envelope is not None:
        assert sdk.path == path
        assert set(sdk.body) - set(our.body) == envelope
        assert set(our.body) - set(sdk.body) == set()
