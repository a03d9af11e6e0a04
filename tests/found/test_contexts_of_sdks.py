"""Contexts: an SDK's passes as it is, a message's is merged into the one that all share."""

from typing import Any
from uuid import UUID

import pytest

from durable_analytics.client.inputs import batch_messages, checked_message
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Execute, Json


async def test_an_sdks_context_passes_as_it_is(execute: Execute, standin: StandIn) -> None:
    """Its keys too: two spellings there are two values."""
    context = {
        "device": {"advertising_id": "a", "advertisingId": "b"},
        "user_agent": "c",
        "userAgent": "d",
        "traits": {"plan": None},
        "empty": None,
    }
    message = {"type": "track", "userId": "u", "event": "E", "context": context}

    await execute("Batch", {"strict": False, "messages": [message]})
    await execute(
        "Track", {"strict": False, "context": context, "track": message | {"context": {}}}
    )
    await execute("Track", {"strict": False, "track": message})

    (batch, *singles) = standin.requests
    assert batch["body"]["batch"][0]["context"] == context
    assert [single["body"]["context"] for single in singles] == [context, context]


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "context",
    [{"group_id": 42}, {"groupId": 42}, {"user_agent": "a"}, {"userAgent": "a", "x": None}, {}],
)
def test_a_client_reads_the_context_of_a_message_alike(context: Json, *, strict: bool) -> None:
    """Alone and in a batch: ids as text, and the keys as the input needs them."""
    values: Json = {"user_id": "u", "event": "E", "message_id": "m-1", "context": context}
    options: Json = {} if strict else {"strict": False}

    (in_batch,) = batch_messages(options, [{"type": "track", **values}], UUID(int=1))
    alone = checked_message(METHODS["track"], values, "", strict=strict)

    assert in_batch == {"type": "track", **alone}


@pytest.mark.parametrize("context", [{"user_agent": "a", "userAgent": "b"}, "x", [1]])
@pytest.mark.parametrize("strict", [True, False])
def test_a_context_that_a_client_cannot_read_stops_no_batch(context: Any, *, strict: bool) -> None:
    """The worker refuses that message alone, or leaves the context out."""
    message: Json = {"type": "track", "user_id": "u", "event": "E", "context": context}
    options: Json = {} if strict else {"strict": False}

    (converted,) = batch_messages(options, [message], UUID(int=1))

    assert converted["context"] == context


async def test_nested_objects_are_merged_key_by_key(execute: Execute, standin: StandIn) -> None:
    shared: Json = {"app": {"name": "shop", "build": {"number": 7, "tag": "a"}}, "ip": "192.0.2.1"}
    own: Json = {"app": {"build": {"tag": "b"}}, "page": {"path": "/"}}
    message = {"type": "track", "user_id": "u", "event": "E", "context": own}
    merged = {
        "app": {"name": "shop", "build": {"number": 7, "tag": "b"}},
        "ip": "192.0.2.1",
        "page": {"path": "/"},
    }

    for strict in (True, False):
        await execute("Batch", {"strict": strict, "context": shared, "messages": [message]})

    assert [r["body"]["batch"][0]["context"] for r in standin.requests] == [merged, merged]


async def test_the_channel_is_at_the_top_for_rudderstack(
    execute: Execute, standin: StandIn
) -> None:
    """Its common field, on every message."""
    messages = [
        {"type": type_, "userId": "u", "channel": "web", **fields}
        for type_, fields in {
            "track": {"event": "E"},
            "identify": {},
            "page": {"name": "Home"},
            "group": {"groupId": "g"},
        }.items()
    ]

    await execute("Batch", {"integration": "rudderstack", "strict": False, "messages": messages})

    for item in standin.requests[0]["body"]["batch"]:
        assert item["channel"] == "web"
        assert "channel" not in item.get("context", {})
