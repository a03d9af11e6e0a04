"""Invalid messages do not affect the valid messages of the same request or execution."""

import asyncio
import json
from typing import Any

import httpx
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.delivered import messages
from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    arrived,
    batch_id,
    client,
    error_message,
    executions,
    good,
    ids,
    inputs,
    outcome,
)
from tests.support.gateway_process import address, gateway_process
from tests.support.worker_settings import settings_for
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
    "150 levels": ({"type": "track", "userId": "u-1", "properties": DEEP}, "nested deeper than"),
    "no person": ({"type": "track", "event": "E"}, "user_id is required"),
    "no event": ({"type": "track", "userId": "u-1"}, "event is required"),
}


async def test_invalid_messages_do_not_affect_valid_ones_in_a_list(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Valid messages are delivered in order; the output lists the invalid ones with reasons."""
    valid = [good() for _ in ITEMS]
    pairs = zip(valid, (item for item, _ in ITEMS.values()), strict=True)
    batch = [message for pair in pairs for message in pair]
    settings = settings_for(standin, task_queue=task_queue)

    async with (
        gateway_process(address(temporal), task_queue) as gateway,
        own_worker(temporal, settings),
        client(gateway) as http,
    ):
        response = await http.post("/v1/batch", json={"batch": batch}, auth=AUTH)
        (execution,) = await executions(temporal, task_queue, 1)
        output = await outcome(temporal, execution.id)

    assert (response.status_code, response.json()) == (200, SUCCESS)
    assert [(item["event"], item["messageId"]) for item in messages(standin)] == [
        ("Good", id_) for id_ in ids(valid)
    ]
    assert output["accepted"] == len(valid)
    errors = {item["index"]: item["error"]["message"] for item in output["rejected"]}
    assert list(errors) == [index * 2 + 1 for index in range(len(ITEMS))]
    assert {
        name: message
        for (name, (_, reason)), message in zip(ITEMS.items(), errors.values(), strict=True)
        if reason not in message
    } == {}


async def test_rejected_message_is_kept_with_its_reason(temporal: Client, task_queue: str) -> None:
    """The input of the execution contains the rejected message, with its id."""
    deep = {"type": "track", "userId": "u-1", "messageId": "m-1", "properties": DEEP}
    call = {"type": "call", "path": "/v1/all", "messageId": "m-2"}

    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        await http.post("/v1/batch", json={"batch": [deep, call]}, auth=AUTH)

    stored = json.loads(await inputs(temporal.get_workflow_handle(batch_id([deep, call]))))
    first, second = stored["messages"]
    assert "nested deeper than" in first["refused"]
    assert json.loads(first["message"]) == deep
    assert second["refused"].startswith("type must be one of identify, track, page, screen")
    assert second["message"] == call
    assert ids([first, second]) == ["m-1", "m-2"]


async def test_invalid_single_messages_do_not_affect_valid_ones(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    """Messages that share an execution with invalid ones are delivered."""
    sent = [good() for _ in range(20)]
    bad = [{**good(), "properties": DEEP}, {"type": 1}, {"userId": {}, "event": []}, {}]
    wrong: tuple[Any, ...] = ("Good", None, 1, [])

    async def post(body: object) -> int:
        return (await http.post("/v1/track", json=body, auth=AUTH)).status_code

    mixed = [body for message in sent for body in (message, *bad, *wrong)]
    statuses = await asyncio.gather(*(post(body) for body in mixed))

    # Like Segment, the gateway accepts an object with any keys; the worker reports what is invalid.
    assert statuses == [200, 400, 200, 200, 200, 400, 400, 400, 400] * len(sent)
    received = await arrived(standin, ids(sent))
    assert {message["event"] for message in received} == {"Good"}


async def test_batch_over_the_message_limit_gets_413(http: httpx.AsyncClient) -> None:
    """The number of messages is limited, even if the body is small."""
    response = await http.post("/v1/batch", content=b'{"batch":[%b1]}' % (b"1," * 2500), auth=AUTH)

    assert response.status_code == 413
    assert (
        error_message(response)
        == "batch has more than 2500 messages: send fewer messages in a request"
    )


async def test_batch_at_the_message_limit_is_accepted(
    http: httpx.AsyncClient, standin: StandIn
) -> None:
    """The valid message among 2,499 invalid ones is delivered."""
    message = good()
    response = await http.post("/v1/batch", json={"batch": [message, *range(2499)]}, auth=AUTH)

    assert response.status_code == 200
    await arrived(standin, ids([message]))


async def test_empty_batch_gets_200(http: httpx.AsyncClient) -> None:
    """An SDK may flush an empty queue."""
    response = await http.post("/v1/batch", json={"batch": []}, auth=AUTH)

    assert (response.status_code, response.json()) == (200, SUCCESS)


async def test_write_key_is_not_stored_in_histories(temporal: Client, task_queue: str) -> None:
    """The key may be in a message, beside a list of messages, or in the authentication."""
    key = "wk-very-secret"
    settings = {"ANALYTICS_SOURCES__SEGMENT__WRITE_KEY": key}
    keys = {"writeKey": key, "write_key": key}

    async with (
        gateway_process(address(temporal), task_queue, settings=settings) as gateway,
        client(gateway) as http,
    ):
        for response in (
            await http.post("/v1/track", json={**good(), **keys}),
            await http.post("/v1/batch", json={"batch": [{**good(), **keys}], **keys}),
            await http.post("/v1/page", json=good(), auth=(key, "")),
            await http.delete("/v1/users/u-1", auth=(key, "")),
        ):
            assert response.status_code == 200
        handles = await executions(temporal, task_queue, 4)

    for handle in handles:
        assert key not in (await handle.fetch_history()).to_json()
        stored = await inputs(handle)
        assert b"u-1" in stored
        assert key.encode() not in stored
