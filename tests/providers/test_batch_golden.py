"""The body of a batch: golden at each Segment-compatible provider, and as Segment's SDK has it."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from requests import Session
from segment.analytics.client import Client  # type: ignore[import-untyped]  # it has no types

from durable_analytics.errors import ValidationError
from durable_analytics.providers import provider_class, provider_names
from durable_analytics.providers.segment_compatible import SegmentCompatible
from durable_analytics.testing import VENDORS, Received, Reply, StandIn
from durable_analytics.wire.parsing import batch_message_id
from tests.providers.building import ACCOUNTS, COMMON, SENT, SENT_AT, account
from tests.providers.segment_messages import ROWS, Row
from tests.support.json_objects import Json
from tests.support.prepared_batches import DEFAULTS, body, prepared
from tests.support.segment_compatible import journy_body, rudderstack_body
from tests.support.segment_sdk_differences import (
    CALLS,
    ON_PURPOSE,
    OUR_WORDS,
    PATHS,
    WRITE_KEY,
    differences,
)

BATCH_URLS = {
    "segment": "https://api.segment.io/v1/batch",
    "journy": "https://analyze.journy.io/backend/v1/batch",
    "rudderstack": "https://shop.dataplane.example.com/v1/batch",
}


def rudderstack_item(row: Row) -> Json:
    """As of a request of its own, which tells the time of sending beside it."""
    item = rudderstack_body(row)
    del item["sentAt"]
    return {"type": row.method, **item}


ITEMS = {
    "segment": lambda row: {"type": row.method, **row.item},
    "journy": lambda row: journy_body(row)["batch"][0],
    "rudderstack": rudderstack_item,
}
"""What each row of the table of Segment's messages is in a batch."""


def message_of(row: Row) -> Json:
    """A row as it stands in an input, with the id and the time that the table has."""
    context = {"context": row.context} if row.context else {}
    return {"type": row.method, **COMMON, **row.message, **context}


def test_every_segment_compatible_provider_is_tested() -> None:
    """The test modules of other providers test their batch requests."""
    compatible = {n for n in provider_names() if issubclass(provider_class(n), SegmentCompatible)}

    assert compatible == ITEMS.keys() == BATCH_URLS.keys()
    for name in {n for n in provider_names() if provider_class(n).batch_limits} - compatible:
        modules = Path(__file__).parent.glob(f"test_{name}*.py")
        assert any("def test_a_batch_becomes" in module.read_text() for module in modules), name


@pytest.mark.parametrize("name", ITEMS)
def test_a_batch_becomes_this_request(name: str) -> None:
    """Every method with all fields and with the least, in one body and in order."""
    batch = prepared(ACCOUNTS[name], [message_of(row) for row in ROWS])
    request = batch.request(batch.messages, SENT_AT)

    assert (request.method, request.url) == ("POST", BATCH_URLS[name])
    assert (request.headers, request.query) == ({}, {})
    assert json.loads(request.content() or b"") == {
        "sentAt": SENT,
        "batch": [ITEMS[name](row) for row in ROWS],
    }


@pytest.mark.parametrize("name", ITEMS)
def test_camel_case_and_the_inputs_context_make_the_same(name: str) -> None:
    """Whichever way an input says it."""
    rows = [row for row in ROWS if row.extent == "full"]
    camel = {
        "message_id": "messageId",
        "user_id": "userId",
        "anonymous_id": "anonymousId",
        "group_id": "groupId",
        "company_id": "companyId",
        "previous_user_id": "previousUserId",
        "new_user_id": "newUserId",
    }
    messages = [
        {"type": row.method, **{camel.get(n, n): value for n, value in row.message.items()}}
        for row in rows
    ]

    said_once = body(ACCOUNTS[name], messages, context=rows[0].context)

    assert said_once == body(ACCOUNTS[name], [message_of(row) for row in rows])


@pytest.mark.parametrize("name", ITEMS)
def test_made_up_ids_follow_from_the_place(name: str) -> None:
    """Each its own, the same whenever it is made up; the time is the batch's."""
    track = {"type": "track", "user_id": "u-1", "event": "E"}

    items = body(ACCOUNTS[name], [track] * 3)["batch"]

    assert [item["messageId"] for item in items] == [
        batch_message_id({}, DEFAULTS.batch_id, place) for place in range(3)
    ]
    assert {item["timestamp"] for item in items} == {SENT}
    assert len({item["messageId"] for item in items}) == 3


@pytest.mark.parametrize("name", ITEMS)
@pytest.mark.parametrize(("surplus", "slices"), [(-1, 1), (1, 2)])
def test_a_slice_is_full_to_the_byte(name: str, surplus: int, slices: int) -> None:
    """What fits the vendor's limit goes out in one request, and what does not in two."""
    provider = ACCOUNTS[name]
    assert provider.batch_limits
    limit = provider.batch_limits["batch"].body_bytes
    message = {"type": "track", **COMMON, "user_id": "u-1", "event": "E", "properties": {"x": ""}}
    count = limit // 30_000
    messages: list[Json] = [{**message, "properties": {"x": ""}} for _ in range(count)]
    smallest = prepared(provider, messages)
    content = smallest.request(smallest.messages, SENT_AT).content() or b""
    left = limit + surplus - len(content)
    for place, one in enumerate(messages):
        one["properties"]["x"] = "x" * (left // count + (place < left % count))

    batch = prepared(provider, messages)

    assert batch.rejected == []
    assert len(list(batch.slices(SENT_AT))) == slices


def test_several_slices_are_no_request() -> None:
    """Rather than a request that the vendor refuses."""
    track = {"type": "track", "user_id": "u-1", "event": "E"}

    batch = prepared(ACCOUNTS["segment"], [track] * 2501)

    with pytest.raises(ValidationError, match="messages do not fit into one request"):
        batch.request(batch.messages, SENT_AT)


async def sdk_batch(provider: str, standin: StandIn, received: list[Received]) -> list[Json]:
    """The items that the SDK sends for all calls, in a batch of its own making."""
    host = standin.base_url("segment") + PATHS[provider]
    # It waits for more until the batch is full.
    client = Client(WRITE_KEY, host=host, upload_size=len(CALLS), upload_interval=1)
    for method, arguments in CALLS:
        given = json.loads(json.dumps(arguments))  # the SDK writes into what it is given
        given["timestamp"] = datetime.fromisoformat(given["timestamp"])
        getattr(client, method)(**given)
    await asyncio.to_thread(client.shutdown)
    return [item for request in received for item in request.body["batch"]]


def fields(item: Json) -> Json:
    """The fields of an item, each of its context's as one of them."""
    context = item.get("context", {})
    return {
        **{name: value for name, value in item.items() if name != "context"},
        **{f"context.{name}": value for name, value in context.items()},
    }


@pytest.mark.parametrize("provider", ON_PURPOSE)
async def test_the_items_are_the_sdks(monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    """But for what the table of single messages lists; here the types are the same, too."""
    segment, received = VENDORS["segment"], list[Received]()

    def answers(request: Received) -> Reply:
        received.append(request)
        return segment.answers(request)

    vendor = replace(segment, answers=answers)
    async with StandIn({"segment": vendor}) as standin:
        with Session() as session:
            session.trust_env = False
            monkeypatch.setattr("segment.analytics.request._session", session)
            theirs = await sdk_batch(provider, standin, received)
    messages = [
        {"type": method} | {OUR_WORDS.get(method, {}).get(n, n): v for n, v in arguments.items()}
        for method, arguments in CALLS
    ]
    ours = body(account(provider, write_key=WRITE_KEY), messages)["batch"]

    own_request = {("sdk", "type"), ("ours", "sentAt")} if provider == "segment" else set()
    listed = [row for row, _ in ON_PURPOSE[provider] if row[:2] not in own_request]
    assert len(theirs) == len(ours) == len(CALLS)
    for sdk, our in zip(theirs, ours, strict=True):
        found = differences(fields(sdk), fields(our))
        assert [row for row in found if row not in listed] == []
