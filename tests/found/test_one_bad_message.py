"""A message that is not JSON harms no other one of its batch, and its place is named."""

import json

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

GOOD: Json = {"type": "track", "user_id": "u", "event": "E"}


def batch_of(*messages: bytes) -> RawValue:
    """An input as another language's SDK writes it."""
    good = json.dumps(GOOD).encode()
    data = b'{"strict":false,"messages":[%b]}' % b",".join([good, *messages, good])
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


def track(value: bytes) -> bytes:
    """A message with a property."""
    return b'{"type":"track","user_id":"u","event":"E","properties":{"a":%b}}' % value


HALF = track(b'"cut \\ud83d"')
LONG = track(b"9" * 5000).replace(b'"type"', b'"message_id":"m-1","type"')
DEEP = track(b"[" * 205 + b"]" * 205)
LATIN = track(b'"\xe9"')


@pytest.mark.parametrize("others", [[], [LONG], [DEEP], [LONG, DEEP, LATIN]])
async def test_half_an_emoji_is_mended(
    execute: Execute, standin: StandIn, others: list[bytes]
) -> None:
    """Node's `JSON.stringify` writes it, where a text was cut."""
    output = await execute("Batch", batch_of(HALF, *others))

    assert output["accepted"] == 3
    assert [one["index"] for one in output["rejected"]] == [*range(2, 2 + len(others))]
    (request,) = standin.requests
    assert request["body"]["batch"][1]["properties"] == {"a": "cut \ufffd"}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (LONG, "messages.1.properties.a is a number with more than 4300 digits"),
        (DEEP, "messages.1.properties is nested deeper than 100 levels"),
        (LATIN, "messages.1 contains bytes that are not UTF-8"),
        (track(b"1e999"), "messages.1.properties.a is not a finite number"),
    ],
)
async def test_its_place_is_named(execute: Execute, message: bytes, words: str) -> None:
    output = await execute("Batch", batch_of(message))

    assert (output["status"], output["accepted"]) == ("partial", 2)
    (rejected,) = output["rejected"]
    assert rejected["error"]["message"].startswith(words)
    assert rejected["message_id"] == ("m-1" if message is LONG else None)


async def test_where_a_slice_is_split(execute: Execute, standin: StandIn) -> None:
    """The workflow reads the input too, to halve what was too large for the provider."""
    standin.script("segment", {"status": 413})

    output = await execute("Batch", batch_of(HALF, LONG))

    assert (output["accepted"], len(output["rejected"])) == (3, 1)


async def test_half_an_emoji_in_a_message_by_itself(execute: Execute, standin: StandIn) -> None:
    data = b'{"track":%b}' % HALF.replace(b'"type":"track",', b"")
    single = RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))

    output = await execute("Track", single)

    assert output["track"]["properties"] == {"a": "cut \ufffd"}
    assert standin.requests[0]["body"]["properties"] == {"a": "cut \ufffd"}
