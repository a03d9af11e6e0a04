"""`AnalyticsClient.batch`: what it starts, what it refuses, and what its handle returns."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, assert_type

import pytest
from temporalio.client import Client
from temporalio.service import RPCStatusCode

from durable_analytics import (
    AnalyticsClient,
    BatchOutput,
    NotAccepted,
    Rejected,
    ValidationError,
)
from durable_analytics.testing import StandIn
from durable_analytics.version import __version__
from durable_analytics.wire.limits import MOST_MESSAGES
from tests.support.buffering import Gate, refusal
from tests.support.json_objects import Json
from tests.support.noted_starts import Starts

TRACK: Json = {"type": "track", "user_id": "u-1", "event": "E"}


async def test_messages_of_several_methods_are_one_execution(
    analytics: AnalyticsClient, starts: Starts, standin: StandIn
) -> None:
    """One start, one request, and the output of a batch."""
    handle = await analytics.batch(
        [
            {"type": "identify", "user_id": 7, "traits": {"plan": "pro"}},
            {"type": "track", "userId": "u-1", "event": "E", "message_id": "mine"},
        ]
    )
    output = await handle.result()

    assert_type(output, BatchOutput)
    (start,) = starts.noted
    assert (start.workflow, start.id) == ("Batch", handle.workflow_id)
    assert handle.workflow_id.startswith("segment:batch:")
    assert (output["status"], output["accepted"], output["rejected"]) == ("success", 2, [])
    (request,) = standin.requests
    sent = request["body"]["batch"]
    assert [message["userId"] for message in sent] == ["7", "u-1"]
    assert tuple(message["messageId"] for message in sent) == handle.message_ids
    assert handle.message_ids[1] == "mine"


async def test_python_values_and_options_are_converted(
    analytics: AnalyticsClient, starts: Starts, standin: StandIn
) -> None:
    """As in the other methods, and each option has its place beside the messages."""
    handle = await analytics.batch(
        [
            {
                **TRACK,
                "properties": {"price": Decimal("19.90"), "ids": {uuid.UUID(int=7)}},
                "timestamp": datetime(2026, 1, 31, 9, 30, tzinfo=UTC),
                "context": {"ip": "192.0.2.1"},
            }
        ],
        integration="rudderstack",
        policies={"request": {"single_attempt_timeout": 2}},
        context={"locale": "en-US"},
        request_options={"headers": {"X-Shop": "4"}},
    )
    output = await handle.result()

    (start,) = starts.noted
    assert start.id.startswith("rudderstack:batch:")
    assert output["integration"] == "rudderstack"
    assert output["policies"]
    assert output["policies"]["request"]["single_attempt_timeout"] == "PT2S"
    (request,) = standin.requests
    assert request["headers"]["x-shop"] == "4"
    (sent,) = request["body"]["batch"]
    assert sent["properties"] == {"price": 19.9, "ids": [str(uuid.UUID(int=7))]}
    assert sent["timestamp"] == "2026-01-31T09:30:00+00:00"
    assert (sent["context"]["ip"], sent["context"]["locale"]) == ("192.0.2.1", "en-US")
    assert sent["context"]["library"] == {"name": "durable-analytics", "version": __version__}


CALL: Json = {"type": "call", "method": "GET", "path": "/"}


@pytest.mark.parametrize(
    ("message", "field", "problem"),
    [
        ({"type": "track", "user_id": "u-1"}, "event", "is required"),
        ({**CALL, "headers": {"x": 1}}, "headers.x", "must be text"),
    ],
)
async def test_a_message_that_breaks_the_contract_does_not_stop_the_others(
    analytics: AnalyticsClient, message: Json, field: str, problem: str
) -> None:
    """It is in the output, with its index."""
    handle = await analytics.batch([TRACK, message, TRACK])
    output = await handle.result()

    assert (output["status"], output["accepted"]) == ("partial", 2)
    (rejected,) = output["rejected"]
    assert (rejected["index"], rejected["message_id"]) == (1, handle.message_ids[1])
    assert rejected["error"]["fields"] == [{"path": f"messages.1.{field}", "message": problem}]


async def test_a_failed_batch_is_raised_as_its_type(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """And `outcome` returns its output."""
    standin.script("segment", {"status": 400, "body": {"message": "no"}})
    handle = await analytics.batch([TRACK])

    with pytest.raises(Rejected):
        await handle.result()
    output = await handle.outcome()
    assert (output["status"], output["accepted"]) == ("failure", 0)


async def test_the_same_batch_id_joins_the_first_delivery(
    analytics: AnalyticsClient, standin: StandIn
) -> None:
    """Also after it has completed: nothing is sent twice."""
    batch_id = uuid.uuid4()
    first = await analytics.batch([TRACK, TRACK], batch_id=batch_id)
    await first.result()

    second = await analytics.batch([TRACK, TRACK], batch_id=str(batch_id))
    await second.result()

    assert first.workflow_id == second.workflow_id == f"segment:batch:{batch_id}"
    assert first.message_ids == second.message_ids
    assert len(set(first.message_ids)) == 2
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("messages", "options", "problem"),
    [
        ([], {}, "messages is required: a list of messages"),
        (TRACK, {}, "messages must be a list of messages"),
        ("track", {}, "messages must be a list of messages"),
        ([TRACK, "track"], {}, "messages.1 must be an object, like"),
        ([{"user_id": "u-1"}], {}, "messages.0.type must be one of identify, track"),
        ([{**TRACK, "type": "trak"}], {}, "messages.0.type must be one of identify, track"),
        ([{**TRACK, "properties": {"at": b""}}], {}, "messages.0.properties.at has the type bytes"),
        ([{**TRACK, "userId": "u-2"}], {}, "messages.0.user_id is set twice"),
        (
            [{"type": "call", "method": "GET", "path": "/", "headers": {"Authorization": "x"}}],
            {},
            "messages.0.headers.Authorization ",
        ),
        ([TRACK] * (MOST_MESSAGES + 1), {}, "messages has 5001 messages; the limit is 5000"),
        ([{**TRACK, "properties": {"x": "x" * 500_000}}] * 4, {}, "the batch has "),
        ([TRACK], {"integration": 7}, "integration must be text"),
        ([TRACK], {"context": "a"}, "context must be an object"),
        ([TRACK], {"context": {"ip": b""}}, "context.ip has the type bytes"),
        ([TRACK], {"policies": {"request": {"total_timeout": -1}}}, "total_timeout must be longer"),
        ([TRACK], {"request_options": {"headers": {"Authorization": "x"}}}, "Authorization "),
    ],
)
async def test_what_can_be_no_batch_is_refused_before_it_starts(
    analytics: AnalyticsClient, starts: Starts, messages: Any, options: Json, problem: str
) -> None:
    """The error names the field."""
    with pytest.raises(ValidationError) as refused:
        await analytics.batch(messages, **options)
    assert problem in str(refused.value)
    assert starts.noted == []


@pytest.mark.parametrize(("batch_id", "kind"), [("monday", ValueError), (7, TypeError)])
async def test_a_batch_id_is_a_uuid(
    analytics: AnalyticsClient, batch_id: Any, kind: type[Exception]
) -> None:
    """The error says what to write."""
    with pytest.raises(kind, match="batch_id must be a UUID"):
        await analytics.batch([TRACK], batch_id=batch_id)


async def test_without_temporal_the_error_says_how_to_repeat() -> None:
    """With the same id, so that the batch starts once."""
    gate = Gate(away=refusal(RPCStatusCode.UNAVAILABLE))
    analytics = AnalyticsClient(
        await Client.connect("127.0.0.1:1", lazy=True, interceptors=[gate]), start_timeout=0.2
    )
    batch_id = str(uuid.uuid4())
    with pytest.raises(NotAccepted, match=f"call again with batch_id='{batch_id}'"):
        await analytics.batch([TRACK], batch_id=batch_id)
