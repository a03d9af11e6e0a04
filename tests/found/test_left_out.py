"""What a provider has no field for is left out, and the output says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable_analytics.testing import StandIn
from tests.providers.building import ACCOUNTS
from tests.support.json_objects import Execute, Json
from tests.support.prepared_batches import prepared

OLD = (datetime.now(UTC) - timedelta(minutes=2)).isoformat()
TROPHY: Json = {"key": "words", "user": {"id": "u-1"}, "value": 1}


async def sent(
    execute: Execute, standin: StandIn, integration: str, message: Json, **input: Any
) -> tuple[Json, Json]:
    """The output of one message of a batch, and the body that the provider got."""
    output = await execute(
        "Batch", {"integration": integration, "strict": False, "messages": [message], **input}
    )
    return output, standin.requests[-1]["body"]


@pytest.mark.parametrize(
    ("integration", "message"),
    [
        ("trakio", {"type": "identify", "userId": "u", "traits": {"a": 1}}),
        ("trakio", {"type": "group", "userId": "u", "groupId": "g"}),
        ("trakio", {"type": "alias", "previousUserId": "a", "newUserId": "u"}),
        ("trophy", {"type": "identify", "userId": "u", "traits": {"plan": "pro"}}),
        ("trophy", {"type": "metric", **TROPHY}),
    ],
)
async def test_a_time_that_the_product_set(
    execute: Execute, standin: StandIn, integration: str, message: Json
) -> None:
    """A retry of an SDK, or a buffering client that waited for Temporal, brings an old time."""
    lenient, _ = await sent(execute, standin, integration, {**message, "timestamp": OLD})
    waited, _ = await sent(
        execute, standin, integration, {**message, "default_timestamp": OLD}, strict=True
    )

    for output in (lenient, waited):
        assert (output["status"], output["accepted"]) == ("success", 1)
        assert output["left_out"] == {"timestamp": 1}


async def test_a_time_that_the_caller_of_a_strict_input_set(execute: Execute) -> None:
    """It would be replaced by another one, which the caller has to know."""
    output = await execute(
        "Metric", {"integration": "trophy", "metric": {**TROPHY, "timestamp": OLD}}
    )

    assert output["error"]["type"] == "ValidationError"
    assert [problem["path"] for problem in output["error"]["fields"]] == ["metric.timestamp"]


async def test_a_default_time_is_the_time_where_there_is_a_field(
    execute: Execute, standin: StandIn
) -> None:
    output = await execute(
        "Track", {"track": {"user_id": "u", "event": "E", "default_timestamp": OLD}}
    )

    assert standin.requests[0]["body"]["timestamp"] == OLD
    assert output["track"]["timestamp"] == OLD
    assert "default_timestamp" not in output["track"]
    assert "left_out" not in output


async def test_both_ids_of_a_browser_at_trakio(execute: Execute, standin: StandIn) -> None:
    message = {"type": "track", "userId": "u", "anonymousId": "a", "event": "E"}

    output, body = await sent(execute, standin, "trakio", message)

    assert output["left_out"] == {"anonymous_id": 1}
    assert body["data"]["distinct_id"] == "u"


async def test_fields_are_counted_in_their_messages(execute: Execute) -> None:
    """At most twenty names; the others are counted together."""
    messages: list[Json] = [
        {"type": "identify", "userId": f"u-{number}", "anonymousId": "a"} for number in range(3)
    ]
    messages[0] |= {f"key_{number:02}": number for number in range(30)}

    output = await execute(
        "Batch", {"integration": "trakio", "strict": False, "messages": messages}
    )

    assert list(output["left_out"].items())[:2] == [("anonymous_id", 3), ("key_00", 1)]
    assert len(output["left_out"]) == 21
    assert output["left_out"]["…"] == 11


@pytest.mark.parametrize("value", [{}, [], "soon", True])
async def test_a_time_that_is_none_is_refused_where_it_would_be_sent(
    execute: Execute, value: object
) -> None:
    """With its reason: it is not that there is no field for it."""
    message = {"user_id": "u", "event": "E", "timestamp": value}

    output = await execute("Track", {"integration": "trakio", "strict": False, "track": message})

    (problem,) = output["error"]["fields"]
    assert problem["path"] == "track.timestamp"
    assert "place" not in problem["message"]


async def test_the_keys_of_an_output_come_in_order(execute: Execute) -> None:
    """What matters first."""
    track = {"user_id": "u", "event": "E"}
    done = await execute(
        "Track", {"integration": "trakio", "strict": False, "track": {**track, "x": 1}}
    )
    failed = await execute("Track", {"track": {"user_id": "u"}})
    batch = await execute("Batch", {"messages": [{"type": "track", **track}, {"type": "track"}]})

    last = ["attempts", "policies"]
    assert list(done) == ["status", "integration", "track", "response", "left_out", *last]
    assert list(failed) == ["status", "integration", "error", "track", "response", *last]
    assert list(batch) == ["status", "integration", "accepted", "rejected", "responses", "policies"]


INVALID_IDS = ["é" * 120, "a\nb", 42, True, ["m-1"]]
IDENTIFY: Json = {"type": "identify", "user_id": "u-1", "traits": {"email": "u@example.com"}}


@pytest.mark.parametrize("integration", ["segment", "posthog", "trophy"])
@pytest.mark.parametrize("message_id", INVALID_IDS, ids=repr)
async def test_an_invalid_message_id_is_replaced_and_named(
    execute: Execute, standin: StandIn, integration: str, message_id: Any
) -> None:
    """No provider would take it, and the message is delivered with another one."""
    message = {**IDENTIFY, "message_id": message_id}
    batch, _ = await sent(execute, standin, integration, message)
    del message["type"]
    single = await execute(
        "Identify", {"integration": integration, "strict": False, "identify": message}
    )

    for output in (single, batch):
        assert output["status"] == "success"
        assert output["left_out"]["message_id"] == 1
    assert single["identify"]["message_id"] != message_id


@pytest.mark.parametrize("name", sorted(set(ACCOUNTS) - {"trophy"}))
def test_an_invalid_message_id_is_named_at_every_provider(name: str) -> None:
    """In how many messages of a batch it was."""
    messages = [
        {"type": "track", "user_id": "user-1", "event": "E", "message_id": message_id}
        for message_id in (*INVALID_IDS, "m-1", None)
    ]

    batch = prepared(ACCOUNTS[name], messages, strict=False)

    assert batch.rejected == []
    assert batch.left_out["message_id"] == len(INVALID_IDS)


@pytest.mark.parametrize("message_id", ["", " \n", [], {}, None])
async def test_an_empty_message_id_is_not_set(execute: Execute, message_id: Any) -> None:
    """There is nothing in it to leave out."""
    message = {"user_id": "u-1", "event": "E", "message_id": message_id}
    single = await execute("Track", {"strict": False, "track": message})
    batch = await execute("Batch", {"strict": False, "messages": [{"type": "track", **message}]})

    for output in (single, batch):
        assert output["status"] == "success"
        assert "left_out" not in output
