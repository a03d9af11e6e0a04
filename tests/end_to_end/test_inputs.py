"""Inputs of every wrong shape fail with a clear message, and leave no execution running."""

import codecs
import json
import uuid

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from durable_analytics.providers import provider_names
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Execute, Json
from tests.support.raw_payloads import raw
from tests.support.refusals import NOT_JSON, NOT_UTF_8
from worker import Settings

LONG_KEY = (
    f"track.{'k' * 193}… is not a known key; the known keys are anonymous_id, channel, company_id, "
    "event, integrations, message_id, properties, timestamp, traits, user_id"
)
NOT_AN_OBJECT = 'the input must be one JSON object, like {"track": {"…": "…"}}'


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], NOT_AN_OBJECT),
        ([None], NOT_AN_OBJECT),
        ([[{"track": {}}]], NOT_AN_OBJECT),
        (["track"], NOT_AN_OBJECT),
        ([7], NOT_AN_OBJECT),
        (
            [{"track": {}}, {"track": {}}],
            "the execution was started with 2 arguments: send one JSON object",
        ),
        ([{"track": {}}, None], "the execution was started with 2 arguments: send one JSON object"),
        ([1, "2", [3]], "the execution was started with 3 arguments: send one JSON object"),
        ([raw(b"")], "the input is empty: it must be one JSON object"),
        ([raw(b" \n")], "the input is empty: it must be one JSON object"),
        ([raw(b'{"track": ')], f"{NOT_JSON}: EOF while parsing a value at column 9"),
        ([raw(b"\xff\xfe")], f"{NOT_UTF_8} it is UTF-16"),
        ([raw(codecs.BOM_UTF8 + b'{"track": {}}')], f"{NOT_UTF_8} it begins with one"),
        ([raw('{"track": {}}'.encode("utf-16-le"))], f"{NOT_UTF_8} it is UTF-16"),
        ([raw('{"track": {}}'.encode("utf-32"))], f"{NOT_UTF_8} it is UTF-32"),
        ([raw(b'{\n"track": \xe9}')], f"{NOT_JSON}: expected value at line 2 column 10"),
        ([raw(b'{"track":{"event":"\xff"}}')], "track contains bytes that are not UTF-8"),
        ([raw(b"{}" * 2)], f"{NOT_JSON}: trailing characters at column 3"),
        ([raw(b"[" * 5000)], f"{NOT_JSON}: a bracket is not closed at column 5001"),
        (
            [raw(b'{"track":{"user_id":"u","event":' + b"9" * 5000 + b"}}")],
            "track.event is a number with more than 4300 digits: send another value",
        ),
        (
            [raw(b"{}"), raw(b"not json")],
            "the execution was started with 2 arguments: send one JSON object",
        ),
        (
            [raw(b"{}"), raw(b"x", b"foreign")],
            "the execution was started with 2 arguments: send one JSON object",
        ),
        (
            [raw(b"garbage", b"binary/zstd")],
            (
                "the input is compressed (binary/zstd) and cannot be decompressed to a payload "
                "of at most 4 MiB"
            ),
        ),
        (
            [raw(b'{"track": {}}' + b" " * 1_100_000)],
            "the input has 1100013 bytes as ASCII JSON; the limit is 1048576 bytes: send less data",
        ),
        (
            [raw(b"{}", b"x" * 1_000_000)],
            f"the input must be JSON (json/plain), not a payload with encoding '{'x' * 40}'",
        ),
        (
            [{"track": {"user_id": "u", "event": "e", "k" * 500_000: 1}}],
            LONG_KEY,
        ),
        (
            [raw(b"x", b"binary/plain")],
            "the input must be JSON (json/plain), not a payload with encoding 'binary/plain'",
        ),
        (
            [raw(b"x", b"foreign")],
            "the input must be JSON (json/plain), not a payload with encoding 'foreign'",
        ),
        (
            [raw(b'{"track":{"user_id":"u","event":"e","properties":{"a":[1e999]}}}')],
            (
                "track.properties.a.0 is not a finite number (JSON has no NaN and no infinity): "
                "send another value"
            ),
        ),
        ([{}], "track is required"),
        ([{"track": None}], "track must be an object"),
        ([{"track": [1]}], "track must be an object"),
        (
            [{"integration": 7, "track": {"user_id": "u", "event": "e"}}],
            "integration must be text",
        ),
    ],
)
async def test_a_wrong_shape_is_a_validation_error(
    execute: Execute, standin: StandIn, inputs: list[object], message: str
) -> None:
    """One failure, with a detail, and nothing sent."""
    output = await execute("Track", *inputs)

    assert output["error"]["type"] == "ValidationError"
    assert output["error"]["message"] == message
    assert output["response"] is None
    assert standin.requests == []


@pytest.mark.parametrize("key", METHODS)
async def test_every_method_takes_its_input_raw(execute: Execute, key: str) -> None:
    """The message's key is the method's."""
    output = await execute(METHODS[key].workflow, "text")

    assert output["error"]["type"] == "ValidationError"
    assert key in output
    assert f'{{"{key}": ' in output["error"]["message"]


async def test_no_execution_is_left_running(
    execute: Execute, temporal: Client, running_worker: Settings
) -> None:
    """Each wrong start has ended as failed."""
    workflow_id = f"wrong-{uuid.uuid4()}"
    await execute("Track", "text", id=workflow_id)

    description = await temporal.get_workflow_handle(workflow_id).describe()

    assert description.status is WorkflowExecutionStatus.FAILED
    assert description.task_queue == running_worker.task_queue


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (
            {"integration": "segment", "track": {"user_id": "u-1", "evnt": "E"}},
            {
                "track.event": "is required",
                "track.evnt": "is not a known key: did you mean event?",
            },
        ),
        (
            {"trak": {"user_id": "u-1", "event": "E"}},
            {
                "track": "is required",
                "trak": "is not a known key: did you mean track?",
            },
        ),
        (
            {"track": {"userId": "u-1", "user_id": "u-1", "event": "E"}},
            {"track.user_id": "is set twice, as userId and as user_id: remove one"},
        ),
        (
            {"track": {"anonymous_id": " ", "event": "\t"}},
            {"track.event": "is required"},
        ),
        (
            {"track": {"anonymous_id": " ", "event": "E"}},
            {"track.user_id": "is required if anonymous_id is not set"},
        ),
        (
            {
                "track": {
                    "user_id": "u-1",
                    "event": "E",
                    "properties": {"revenue": "19.99", "currency": "dollars", "value": True},
                }
            },
            {"track.properties.revenue": "must be a number, like 19.99"},
        ),
        (
            {"track": {"user_id": "u-1", "event": "E", "properties": {"currency": "usd"}}},
            {
                "track.properties.currency": (
                    'must be an ISO 4217 code in capital letters, like "USD"'
                )
            },
        ),
        (
            {"track": {"user_id": "u-1", "event": "E", "timestamp": "yesterday"}},
            {"track.timestamp": 'must be ISO 8601, like "2026-01-31T09:30:00Z"'},
        ),
        (
            {"track": {"user_id": "u-1", "event": "E", "message_id": "x" * 100}},
            {"track.message_id": "must have 1 to 99 printable characters"},
        ),
        (
            {"track": {"user_id": "u-1", "event": "E", "message_id": " "}},
            {"track.message_id": "must not be blank: omit it, and the message gets one"},
        ),
        (
            {"track": {"user_id": 5, "event": "E"}, "strict": "no", "context": {"ip": 4}},
            {
                "strict": "must be true or false",
                "context.ip": "must be text",
                "track.user_id": "must be text",
            },
        ),
        (
            {"track": {"user_id": "u", "event": "E" * 33_000}},
            {"track": "is too large: the request has 33151 bytes, and Segment accepts 32768"},
        ),
    ],
)
async def test_what_is_wrong_is_named(
    execute: Execute, standin: StandIn, data: Json, problems: dict[str, str]
) -> None:
    """Each field by its path, with what to write instead, never with its value."""
    output = await execute("Track", data)

    assert output["error"]["type"] == "ValidationError"
    assert {f["path"]: f["message"] for f in output["error"]["fields"]} == problems
    assert standin.requests == []


async def test_what_could_not_be_told_is_refused(execute: Execute, standin: StandIn) -> None:
    """An output over Temporal's 2 MiB would lose what happened to a delivered message."""
    page = {"user_id": "u", "name": "n", "properties": {"text": "é" * 200_000}}

    output = await execute("Page", {"integration": "journy", "page": page})

    assert output["error"]["message"] == (
        "the input has 1200083 bytes as ASCII JSON; the limit is 1048576 bytes: send less data"
    )
    assert standin.requests == []


@pytest.mark.parametrize("status", [200, 400])
async def test_a_large_message_is_told_whole(
    execute: Execute, standin: StandIn, status: int
) -> None:
    """Beside an answer as large as one can be, in an output as in a failure."""
    page = {"user_id": "u", "name": "n", "properties": {"text": "é" * 170_000}}
    standin.script("journy", {"status": status, "body": "\x01" * 64 * 1024})

    output = await execute("Page", {"integration": "journy", "page": page})

    assert output["page"]["properties"] == page["properties"]
    assert output["response"]["status_code"] == status


@pytest.mark.parametrize(
    "data",
    [
        {"group": {"group_id": "g" * 200_000}},
        {"group": {"group_id": "g"}, "context": {"x": [0] * 400_000}},
        {"group": {"group_id": "g", "traits": {"a": "é" * 400_000}}},
        {"group": {"group_id": "g", **{"k" * 80_000 + str(i): 1 for i in range(20)}}},
        {"strict": False, "group": {"group_id": "g", "messageId": "m" * 900_000}},
    ],
)
async def test_nothing_large_is_stuck(execute: Execute, standin: StandIn, data: Json) -> None:
    """Whatever is repeated of it, in a plan, a path or an output, Temporal takes it."""
    text = json.dumps({"integration": "journy", **data}, ensure_ascii=False)

    output = await execute("Group", raw(text.encode()))

    assert output["status"] == "success" or output["error"]["type"] == "ValidationError"
    assert len(standin.requests) == (output["status"] == "success")


async def test_an_unknown_integration_is_told_the_known_ones(
    execute: Execute, standin: StandIn
) -> None:
    """Sorted, in the message."""
    output = await execute(
        "Track", {"integration": "segmnt", "track": {"user_id": "u-1", "event": "E"}}
    )

    assert output["error"]["type"] == "UnknownIntegration"
    known = ", ".join(provider_names())
    assert output["error"]["message"].endswith(f"configured: {known}; did you mean segment?")
    assert standin.requests == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("shop", "shop"),
        ("x" * 100_000, "that the input names"),
        ("a\x1b\n", "that the input names"),
        ("WriteKey1", "that the input names"),
    ],
    ids=["a name", "too long for one", "control characters", "perhaps a credential"],
)
async def test_an_unknown_integration_is_named(execute: Execute, name: str, shown: str) -> None:
    output = await execute(
        "Track", {"integration": name, "track": {"user_id": "u-1", "event": "E"}}
    )

    words = f"the integration {shown} is not configured; configured: "
    assert output["error"]["message"].startswith(words)


async def test_camel_case_is_taken_and_data_is_not_renamed(
    execute: Execute, standin: StandIn
) -> None:
    """The message's own keys have two spellings; keys of data have the caller's."""
    await execute(
        "Track",
        {
            "integration": "segment",
            "context": {"userAgent": "curl", "groupId": "g-1"},
            "requestOptions": {"query": {"debug_mode": True}},
            "track": {
                "anonymousId": "a-1",
                "messageId": "m-1",
                "event": "E",
                "properties": {"order_id": 1, "orderId": 2, "nothing": None},
            },
        },
    )

    (request,) = standin.requests
    assert request["query"] == {"debug_mode": "true"}
    assert request["body"]["messageId"] == "m-1"
    assert request["body"]["anonymousId"] == "a-1"
    assert request["body"]["context"] == {"userAgent": "curl", "groupId": "g-1"}
    assert request["body"]["properties"] == {"order_id": 1, "orderId": 2, "nothing": None}


async def test_null_is_delivered_as_null(execute: Execute, standin: StandIn) -> None:
    """It deletes a trait at journy.io; a key that was not set stays away."""
    await execute(
        "Identify",
        {"integration": "journy", "identify": {"user_id": "u-1", "traits": {"plan": None}}},
    )

    (item,) = standin.requests[0]["body"]["batch"]
    assert item["traits"] == {"plan": None}
    assert "anonymousId" not in item


async def test_lenient_inputs_pass_what_segment_itself_takes(
    execute: Execute, standin: StandIn
) -> None:
    """With `"strict": false`, unknown keys and odd values go through as they are."""
    message = {
        "userId": 42,
        "event": "E",
        "_metadata": {"bundled": []},
        "properties": {"revenue": "12,50"},
        "writtenAt": "now",
    }
    output = await execute("Track", {"strict": False, "track": message, "context": {"ip": None}})

    assert output["status"] == "success"
    body = standin.requests[0]["body"]
    assert body["userId"] == "42"
    assert body["_metadata"] == {"bundled": []}
    assert body["writtenAt"] == "now"
    assert body["properties"] == {"revenue": "12,50"}
    assert body["context"] == {"ip": None}


@pytest.mark.parametrize(
    ("message", "path"), [({"event": "E"}, "track.user_id"), ({"userId": "u"}, "track.event")]
)
async def test_lenient_inputs_are_refused_what_segment_drops(
    execute: Execute, standin: StandIn, message: Json, path: str
) -> None:
    """No id or no event name: Segment answers 200 and drops it."""
    output = await execute("Track", {"strict": False, "track": message})

    assert [field["path"] for field in output["error"]["fields"]] == [path]
    assert standin.requests == []


async def test_a_failure_shows_the_message_as_far_as_it_was_read(
    temporal: Client, running_worker: Settings
) -> None:
    """The failure's type and first detail are what a caller in another language matches on."""
    with pytest.raises(WorkflowFailureError) as failed:
        await temporal.execute_workflow(
            "Group",
            {"group": {"userId": "u-1"}},
            id=f"test-{uuid.uuid4()}",
            task_queue=running_worker.task_queue,
        )

    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.non_retryable) == ("ValidationError", True)
    assert cause.details[0]["group"] == {"user_id": "u-1"}
    assert cause.details[0]["integration"] == "segment"
    assert cause.details[0]["error"]["fields"] == [
        {"path": "group.group_id", "message": "is required"}
    ]
