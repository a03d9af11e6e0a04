"""A message may have 100 levels of nesting, on whatever path it comes."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from pydantic_core import to_json
from temporalio.common import RawValue

from durable_analytics.buffering._serializer import Serializer
from durable_analytics.client.inputs import as_input, batch_messages
from durable_analytics.errors import ValidationError
from durable_analytics.wire.methods import METHODS
from gateway.normalization import NormalizedMessage, json_problem
from tests.support.json_objects import Execute, Json
from tests.support.raw_payloads import raw

BATCH_ID = UUID(int=1)


def json_payload(data: Json) -> RawValue:
    """An input as another language's SDK writes it."""
    return raw(to_json(data))


def deep(levels: int) -> Json:
    """An object that has as many levels, itself included."""
    value: Json = {"a": 1}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def track(levels: int, key: str = "properties") -> Json:
    """A message that has as many levels, itself included."""
    return {"user_id": "u", "event": "E", key: deep(levels - 1)}


def alone(message: Json) -> Json:
    """The input of a message, whose context stands beside it."""
    message = dict(message)
    context = {"context": message.pop("context")} if "context" in message else {}
    return {"track": message, **context}


async def by_itself(execute: Execute, message: Json) -> str:
    output = await execute("Track", json_payload(alone(message)))
    return str(output["error"]["message"]) if output["status"] == "failure" else ""


async def in_a_batch(execute: Execute, message: Json) -> str:
    output = await execute("Batch", json_payload({"messages": [{"type": "track", **message}]}))
    return str(output["error"]["message"]) if output["status"] == "failure" else ""


async def in_a_lenient_batch(execute: Execute, message: Json) -> str:
    data = {"strict": False, "messages": [{"type": "track", **message}]}
    output = await execute("Batch", json_payload(data))
    return str(output["error"]["message"]) if output["status"] == "failure" else ""


def refusal(check: Callable[[], object]) -> str:
    try:
        check()
    except ValidationError as error:
        return error.message
    return ""


async def by_the_client(execute: Execute, message: Json) -> str:
    del execute
    return refusal(lambda: as_input(METHODS["track"], alone(message)))


async def by_the_client_in_a_batch(execute: Execute, message: Json) -> str:
    del execute
    return refusal(lambda: batch_messages({}, [{"type": "track", **message}], BATCH_ID))


async def by_the_buffering_client(execute: Execute, message: Json) -> str:
    del execute
    serializer = Serializer(strict=True, limit_bytes=10**6)
    return refusal(lambda: serializer.serialize("track", message))


async def by_the_gateway(execute: Execute, message: Json) -> str:
    del execute
    normalized = NormalizedMessage.parse({"type": "track", "messageId": "m", **message})
    problem = json_problem(normalized.fields, normalized.content)
    return f"{problem.path} {problem.message}" if problem else ""


PATHS = [
    by_itself,
    in_a_batch,
    in_a_lenient_batch,
    by_the_client,
    by_the_client_in_a_batch,
    by_the_buffering_client,
    by_the_gateway,
]


KEYS = ("properties", "integrations", "context")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("path", PATHS)
async def test_the_limit_is_the_same(
    execute: Execute, path: Callable[[Execute, Json], Awaitable[str]], key: str
) -> None:
    assert await path(execute, track(100, key)) == ""
    assert "is nested deeper than 100 levels" in await path(execute, track(101, key))


async def test_of_a_batch_only_the_deep_message_is_rejected(execute: Execute) -> None:
    messages = [{"type": "track", **track(levels)} for levels in (100, 101, 3)]

    output = await execute("Batch", json_payload({"messages": messages}))

    assert output["accepted"] == 2
    (rejected,) = output["rejected"]
    words = "messages.1.properties is nested deeper than 100 levels"
    assert (rejected["index"], rejected["error"]["message"]) == (1, words)


@pytest.mark.parametrize(
    ("key", "levels", "path"),
    [("context", 100, "context"), ("request_options", 101, "request_options.a")],
)
async def test_what_messages_share_has_the_same_limit(
    execute: Execute, key: str, levels: int, path: str
) -> None:
    """A context becomes a part of each message."""
    shared = {key: deep(levels)}

    single = await execute("Track", json_payload({"track": track(3), **shared}))
    batch = await execute("Batch", json_payload({"messages": [track(3)], **shared}))

    for output in (single, batch):
        assert output["error"]["type"] == "ValidationError"
        assert output["error"]["message"].startswith(f"{path} is nested deeper than 100 levels")


@pytest.mark.parametrize(
    "data",
    [
        {"track": track(101)},
        {"track": track(250)},
        {"track": {**track(3), "properties": {"text": "t" * 1_100_000}}},
        {"track": {**track(3), "properties": {"text": "é" * 300_000}}},
        {"track": track(3), "policies": 7},
    ],
)
async def test_the_integration_of_a_refused_input_is_known(execute: Execute, data: Json) -> None:
    """So that `failed list` and `status` can say it."""
    named = await execute("Track", json_payload({"integration": "journy", **data}))
    default = await execute("Track", json_payload(data))
    batch = await execute("Batch", json_payload({"integration": "journy", "policies": 7, **data}))

    assert [one["error"]["type"] for one in (named, default, batch)] == ["ValidationError"] * 3
    assert (named["integration"], batch["integration"]) == ("journy", "journy")
    assert default["integration"] == "segment"


@pytest.mark.parametrize("integration", [7, {}, "nope", "9" * 5000])
async def test_an_integration_that_cannot_be_read_is_not_guessed(
    execute: Execute, integration: object
) -> None:
    output = await execute("Track", json_payload({"integration": integration, "track": track(101)}))

    assert output["integration"] is None


async def test_a_text_that_is_no_json_names_no_integration(execute: Execute) -> None:
    output = await execute("Track", raw(b'{"integration": "journy"'))

    assert (output["status"], output["integration"]) == ("failure", None)
