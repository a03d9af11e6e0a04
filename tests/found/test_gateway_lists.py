"""One wrong message of a list harms no other: it is mended, or refused by its place."""

import json
from typing import Any

import httpx
from temporalio.client import Client

from tests.support.gateway_messages import (
    AUTH,
    SUCCESS,
    client,
    error_message,
    executions,
    good,
    inputs,
)
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Json

DEEP = b"[" * 205 + b"]" * 205
WRONG = {
    "digits": (b"9" * 5000, "is a number with more than 4300 digits"),
    "below zero": (b"-" + b"9" * 5000, "is a number with more than 4300 digits"),
    "exponent": (b"1e999", "is not a finite number"),
    "205 levels": (DEEP, "nested deeper than 100 levels"),
    "101 levels": (b"[" * 101 + b"]" * 101, "nested deeper than 100 levels"),
    "4000 levels": (b'{"a":' * 4000 + b"1" + b"}" * 4000, "nested deeper than 100 levels"),
    "NaN": (b"NaN", "is not a finite number"),
    "infinity": (b"-Infinity", "is not a finite number"),
    "Latin-1": (b'"M\xfcller"', "not UTF-8"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "not UTF-8"),
}
MENDED = {
    "half a pair": (rb'"cut \ud83d"', "cut \ufffd"),
    "the other half": (rb'"\uDE00 cut"', "\ufffd cut"),
    "in a list": (rb'["\ud83d", {"b": "\ud800"}]', ["\ufffd", {"b": "\ufffd"}]),
    "a key": (rb'{"\ud83d": 1}', {"\ufffd": 1}),
    "a pair": (rb'"\ud83d\ude00"', "\N{GRINNING FACE}"),
}


def item(value: bytes, message_id: str) -> bytes:
    """A message with this among its properties."""
    return b'{"type":"track","userId":"u","event":"E","messageId":"%b","properties":{"a":%b}}' % (
        message_id.encode(),
        value,
    )


async def stored(
    temporal: Client, task_queue: str, body: bytes
) -> tuple[httpx.Response, list[Any]]:
    """The answer to a list, and the messages that are stored of it."""
    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        answer = await http.post("/v1/batch", content=body, auth=AUTH)
    (execution,) = await executions(temporal, task_queue, 1)
    messages: list[Any] = json.loads(await inputs(execution))["messages"]
    return answer, messages


def list_of(*items: bytes) -> bytes:
    """A list of messages, a good one before and after each."""
    between = [json.dumps(good()).encode() for _ in range(len(items) + 1)]
    mixed = [between[0]]
    for one, after in zip(items, between[1:], strict=True):
        mixed += [one, after]
    return b'{"batch":[%b],"sentAt":"\\ud83d"}' % b",".join(mixed)


async def test_all_of_them_in_one_list(temporal: Client, task_queue: str) -> None:
    """The good ones are stored as they are, the others mended or with the reason, in order."""
    values = [value for value, _ in (*WRONG.values(), *MENDED.values())]
    items = [item(value, f"m-{index}") for index, value in enumerate(values)]

    answer, messages = await stored(temporal, task_queue, list_of(*items))

    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    assert {one["event"] for one in messages[::2]} == {"Good"}
    between = messages[1::2]
    assert [one["messageId"] for one in between] == [f"m-{index}" for index in range(len(items))]
    refused, mended = between[: len(WRONG)], between[len(WRONG) :]
    reasons = {name: reason for name, (_, reason) in WRONG.items()}
    assert {
        name: one.get("refused")
        for (name, reason), one in zip(reasons.items(), refused, strict=True)
        if reason not in one.get("refused", "")
    } == {}
    assert all(0 < len(one["message"]) < 20_000 for one in refused)
    assert [one["properties"]["a"] for one in mended] == [meant for _, meant in MENDED.values()]


async def test_each_by_itself(temporal: Client, task_queue: str) -> None:
    """A single one is refused with the reason, or mended."""
    async with gateway_process(address(temporal), task_queue) as gateway, client(gateway) as http:
        for name, (value, reason) in WRONG.items():
            answer = await http.post("/v1/track", content=item(value, "m-1"), auth=AUTH)
            assert (name, answer.status_code) == (name, 400)
            assert reason in error_message(answer)
            assert error_message(answer).startswith("properties")
        for value, _ in MENDED.values():
            answer = await http.post("/v1/track", content=item(value, "m-1"), auth=AUTH)
            assert answer.status_code == 200


async def test_a_type_that_no_sdk_sends(temporal: Client, task_queue: str) -> None:
    """The reason names the types that are taken, and `call` is none of them."""
    call: Json = {"type": "call", "messageId": "m-1", "path": "/x" * 20_000}

    answer, (refused,) = await stored(temporal, task_queue, json.dumps({"batch": [call]}).encode())

    assert answer.status_code == 200
    reason = "type must be one of identify, track, page, screen, group, alias"
    assert (refused["messageId"], refused["refused"]) == ("m-1", reason)
    assert len(refused["message"]) < 20_000


async def test_a_message_that_fits_no_execution(temporal: Client, task_queue: str) -> None:
    """It is refused by its place, the one beside it is stored."""
    large = {"ANALYTICS_SOURCES__SEGMENT__BODY_LIMIT_BYTES": str(8 * 1024 * 1024)}
    batch = [good(), good(properties={"text": "x" * 3_000_000})]
    async with (
        gateway_process(address(temporal), task_queue, settings=large) as gateway,
        client(gateway) as http,
    ):
        answer = await http.post("/v1/batch", json={"batch": batch}, auth=AUTH)
    (execution,) = await executions(temporal, task_queue, 1)
    first, second = json.loads(await inputs(execution))["messages"]

    assert answer.status_code == 200
    assert first["event"] == "Good"
    assert second["messageId"] == batch[1]["messageId"]
    assert "larger than" in second["refused"]
