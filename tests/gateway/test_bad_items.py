"""A bad message harms none of those that come with it."""

import asyncio
import json
from typing import Any

import httpx
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.client.buffering.delivered import messages
from tests.conftest import settings_for
from tests.gateway.arrivals import (
    AUTH,
    SUCCESS,
    arrived,
    batch_id,
    client,
    executions,
    good,
    ids,
    inputs,
    outcome,
    told,
)
from tests.gateway.processes import address, gateway_process
from tests.worker.deliveries import own_worker

NO_TYPE = "type must be one of "
DEEP = json.loads("[" * 150 + "]" * 150)

ITEMS: dict[str, tuple[Any, str]] = {
    "null": (None, "must be an object"),
    "text": ("track", "must be an object"),
    "a number": (1, "must be an object"),
    "a list": ([{}], "must be an object"),
    "no type": ({"userId": "u-1", "event": "E"}, NO_TYPE),
    "an unknown type": ({"type": "Track", "userId": "u-1", "event": "E"}, NO_TYPE),
    "a list for the type": ({"type": ["track"], "userId": "u-1"}, NO_TYPE),
    "a call": ({"type": "call", "method": "DELETE", "path": "/v1/all"}, NO_TYPE),
    "a deletion": ({"type": "delete", "userId": "u-1"}, NO_TYPE),
    "a metric": ({"type": "metric", "key": "k", "user": {"id": "u-1"}, "value": 1}, NO_TYPE),
    "an annotation": ({"type": "annotate", "event": "E"}, NO_TYPE),
    "150 levels": ({"type": "track", "userId": "u-1", "properties": DEEP}, NO_TYPE),
    "no person": ({"type": "track", "event": "E"}, "user_id is required"),
    "no event": ({"type": "track", "userId": "u-1"}, "event is required"),
}


async def test_bad_items(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """The good ones arrive, in order; an operator finds in the output which did not, and why."""
    between = [good() for _ in ITEMS]
    pairs = zip(between, (item for item, _ in ITEMS.values()), strict=True)
    batch = [one for pair in pairs for one in pair]
    settings = settings_for(standin, task_queue=task_queue)

    async with (
        gateway_process(address(temporal), task_queue) as gateway,
        own_worker(temporal, settings),
        client(gateway) as http,
    ):
        answer = await http.post("/v1/batch", json={"batch": batch}, auth=AUTH)
        (execution,) = await executions(temporal, task_queue, 1)
        output = await outcome(temporal, execution.id)

    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    assert [(one["event"], one["messageId"]) for one in messages(standin)] == [
        ("Good", id_) for id_ in ids(between)
    ]
    assert output["accepted"] == len(between)
    told = {one["index"]: one["error"]["message"] for one in output["rejected"]}
    assert list(told) == [index * 2 + 1 for index in range(len(ITEMS))]
    assert {
        name: message
        for (name, (_, reason)), message in zip(ITEMS.items(), told.values(), strict=True)
        if reason not in message
    } == {}


async def test_a_refused_item_can_be_read(temporal: Client, task_queue: str) -> None:
    """What only the gateway refuses stands in the input, with the reason, under the own id."""
    deep = {"type": "track", "userId": "u-1", "messageId": "m-1", "properties": DEEP}
    call = {"type": "call", "path": "/v1/all", "messageId": "m-2"}

    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        await http.post("/v1/batch", json={"batch": [deep, call]}, auth=AUTH)

    stored = json.loads(await inputs(temporal.get_workflow_handle(batch_id(["m-1", "m-2"]))))
    first, second = stored["messages"]
    assert "nested deeper than" in first["refused"]
    assert json.loads(first["message"]) == deep
    assert second["refused"].startswith("type must be one of identify, track, page, screen")
    assert second["message"] == call
    assert ids([first, second]) == ["m-1", "m-2"]


async def test_bad_ones_among_the_gathered(http: httpx.AsyncClient, standin: StandIn) -> None:
    """Single messages that go into one execution with bad ones arrive, whatever these are."""
    sent = [good() for _ in range(20)]
    bad = [{**good(), "properties": DEEP}, {"type": 1}, {"userId": {}, "event": []}, {}]
    wrong: tuple[Any, ...] = ("Good", None, 1, [])

    async def post(body: object) -> int:
        return (await http.post("/v1/track", json=body, auth=AUTH)).status_code

    mixed = [one for good_one in sent for one in (good_one, *bad, *wrong)]
    statuses = await asyncio.gather(*(post(one) for one in mixed))

    # Segment takes an object whatever stands in it; the worker says what is wrong.
    assert statuses == [200, 400, 200, 200, 200, 400, 400, 400, 400] * len(sent)
    there = await arrived(standin, ids(sent))
    assert {one["event"] for one in there} == {"Good"}


async def test_too_many_items(http: httpx.AsyncClient) -> None:
    """Refused by their number, whatever their size."""
    answer = await http.post("/v1/batch", content=b'{"batch":[%b1]}' % (b"1," * 2500), auth=AUTH)

    assert answer.status_code == 413
    assert told(answer) == "batch holds more than 2500 messages: send fewer at a time"


async def test_as_many_items_as_may_be(http: httpx.AsyncClient, standin: StandIn) -> None:
    """All of them arrive but the bad ones, of which there may be nearly as many."""
    message = good()
    answer = await http.post("/v1/batch", json={"batch": [message, *range(2499)]}, auth=AUTH)

    assert answer.status_code == 200
    await arrived(standin, ids([message]))


async def test_no_item_at_all(http: httpx.AsyncClient) -> None:
    """An SDK that flushes nothing is told that all is well."""
    answer = await http.post("/v1/batch", json={"batch": []}, auth=AUTH)

    assert (answer.status_code, answer.json()) == (200, SUCCESS)


async def test_the_write_key_is_not_stored(temporal: Client, task_queue: str) -> None:
    """Wherever SDKs put it, no execution's history holds it."""
    key = "wk-very-secret"
    settings = {"ANALYTICS_SOURCES__SEGMENT__WRITE_KEY": key}
    keys = {"writeKey": key, "write_key": key}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        for answer in (
            await http.post("/v1/track", json={**good(), **keys}),
            await http.post("/v1/batch", json={"batch": [{**good(), **keys}], **keys}),
            await http.post("/v1/page", json=good(), auth=(key, "")),
            await http.delete("/v1/users/u-1", auth=(key, "")),
        ):
            assert answer.status_code == 200
        handles = await executions(temporal, task_queue, 4)

    for handle in handles:
        assert key not in (await handle.fetch_history()).to_json()
        stored = await inputs(handle)
        assert b"u-1" in stored
        assert key.encode() not in stored
