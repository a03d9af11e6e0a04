"""The activities of a batch by themselves: run by others, by hand, between deploys."""

import json
import tracemalloc
from contextlib import suppress

import pytest
from temporalio.exceptions import ApplicationError

from durable_analytics.testing import StandIn
from durable_analytics.wire.indexes import encode_indexes
from tests.support.batch_activities import Alone
from tests.support.batches import BAD, DELETE, TRACK, ids, numbered
from tests.support.json_objects import Json
from tests.support.refusals import PLAN_REFUSED

PLAN: Json = {
    "integration": "segment",
    "message": {
        "message_id": "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11",
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "policies": {"request": None},
}

RESPONSE: Json = {"status_code": 200, "headers": {}, "body": None, "truncated": False}


async def test_request_without_a_plan(alone: Alone, standin: StandIn) -> None:
    """It validates by itself, and tells what it rejected."""
    result = await alone.request({"messages": [BAD, *numbered(2)]})

    assert result["accepted"] == 2
    assert [one["index"] for one in result["rejected"]] == [0]
    assert [ids(request) for request in standin.requests] == [["m-0", "m-1"]]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        (
            [BAD],
            "none of the 1 messages was accepted; the first reason: messages.0.event is required",
        ),
        (
            [TRACK, DELETE],
            (
                "messages do not fit into one request: "
                "start the workflow Batch, or send fewer messages"
            ),
        ),
        (
            [TRACK] * 2501,
            (
                "messages do not fit into one request: "
                "start the workflow Batch, or send fewer messages"
            ),
        ),
    ],
)
async def test_what_one_request_cannot_carry(
    alone: Alone, standin: StandIn, messages: list[Json], message: str
) -> None:
    """It is refused, rather than sent in part."""
    with pytest.raises(ApplicationError) as failed:
        await alone.request({"messages": messages})

    assert (failed.value.type, failed.value.message) == ("ValidationError", message)
    assert failed.value.non_retryable
    assert standin.requests == []


async def test_a_slice_by_hand(alone: Alone, standin: StandIn) -> None:
    """Its messages keep the ids and the indexes that they have in the whole input."""
    whole = [TRACK, BAD, TRACK, {**BAD, "message_id": "m-3"}, TRACK]
    plan = await alone.validate({"messages": whole})
    await alone.request({"messages": whole}, plan)
    part = {**PLAN, "message": plan["message"], "first": 2, "skipped": [3]}

    result = await alone.request({"messages": [*whole[2:], BAD]}, part)

    assert result["accepted"] == 2
    assert [one["error"]["fields"][0]["path"] for one in result["rejected"]] == ["messages.5.event"]
    all_ids, part_ids = [ids(request) for request in standin.requests]
    assert part_ids == all_ids[1:]


async def test_only_the_slice_of_the_plan_is_sent(alone: Alone, standin: StandIn) -> None:
    """Whatever the same worker has kept of its Validation."""
    messages = numbered(4)
    plan = await alone.validate({"messages": messages})
    half = {**PLAN, "message": plan["message"], "slices": [[2, 4]], "first": 2}

    result = await alone.request({"messages": messages[2:]}, half)
    whole = await alone.request({"messages": messages}, plan)

    assert (result["accepted"], whole["accepted"]) == (2, 4)
    assert [len(ids(request)) for request in standin.requests] == [2, 4]


async def test_attempts_send_the_same(alone: Alone, standin: StandIn) -> None:
    """The first from what Validation kept, another worker's from the input."""
    data = {"messages": [{**TRACK, "timestamp": "2025-01-01T00:00:00Z"}, BAD, TRACK]}
    plan = await alone.validate(data)
    standin.script("segment", {"status": 500})

    with pytest.raises(ApplicationError):
        await alone.request(data, plan)
    await alone.request(data, json.loads(json.dumps(plan)))

    first, second = (request["body"]["batch"] for request in standin.requests)
    assert first == second
    assert len(first) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"integration": None},
        {"policies": 5},
        {"policies": {"request": {"single_attempt_timeout": -1}}},
        {"slices": "all"},
        {"message": {"message_id": "no-uuid", "timestamp": "2026-01-31T09:30:00Z"}},
        {"message": {**PLAN["message"], "timestamp": "0001-01-01T00:00:00+14:00"}},
        {"rejected": [{}]},
        {"rejected": [None]},
    ],
)
async def test_a_wrong_plan_is_told(alone: Alone, standin: StandIn, change: Json) -> None:
    """At once: as a bug of ours it would be tried again for a day."""
    with pytest.raises(ApplicationError) as failed:
        await alone.request({"messages": [TRACK]}, {**PLAN, **change})

    assert (failed.value.type, failed.value.message) == ("ValidationError", PLAN_REFUSED)
    assert standin.requests == []


async def test_another_provider_than_planned(alone: Alone, standin: StandIn) -> None:
    """A slice for one request is sent one by one where the account has changed so since."""
    result = await alone.request(
        {"messages": numbered(3)}, {**PLAN, "integration": "trakio", "slices": [[0, 3]]}
    )

    assert result["accepted"] == 3
    assert [request["path"] for request in standin.requests] == ["/track"] * 3


async def test_a_context_for_all_takes_no_more_memory(alone: Alone) -> None:
    """Beside each of many messages, a large one would end the worker, and then the next worker."""
    data = {
        "integration": "journy",
        "context": {"shared": "x" * 450_000},
        "messages": [TRACK] * 300,
    }
    tracemalloc.start()
    try:
        with suppress(ApplicationError):
            await alone.validate(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 100_000_000


SLICES: list[Json] = [*numbered(2), DELETE, *numbered(3)[2:]]
"""Messages in three slices."""


async def test_send_without_a_plan(alone: Alone, standin: StandIn) -> None:
    """It validates by itself, and sends all slices."""
    result = await alone.send({"messages": [BAD, *SLICES]})

    assert (result["accepted"], result["open"]) == (4, [])
    assert [one["index"] for one in result["rejected"]] == [0]
    assert [ids(r) for r in standin.requests] == [["m-0", "m-1"], ["/regulations"], ["m-2"]]


async def test_send_with_the_plan_of_validation(alone: Alone, standin: StandIn) -> None:
    """The result has only what the plan does not reject."""
    data = {"messages": [BAD, *SLICES]}
    result = await alone.send(data, await alone.validate(data))

    assert (result["accepted"], result["rejected"], result["open"]) == (4, [], [])
    assert len(standin.requests) == 3


async def test_a_later_attempt_sends_one_slice(alone: Alone, standin: StandIn) -> None:
    """So that the attempts of the next one begin anew."""
    data = {"messages": SLICES}
    result = await alone.send(data, await alone.validate(data), attempt=2)

    assert (result["accepted"], result["open"]) == (2, [[2, 3], [3, 4]])
    assert len(standin.requests) == 1


async def test_send_goes_on_after_the_stored_heartbeat(alone: Alone, standin: StandIn) -> None:
    """What it settled is in the result, with ids and reasons, and is not sent again."""
    data = {"messages": SLICES}
    error = {"type": "Rejected", "message": "no", "fields": []}
    heartbeat = {
        "accepted": encode_indexes([0]),
        "reasons": [{"error": error, "indexes": encode_indexes([1])}],
        "responses": [RESPONSE],
        "open": [[2, 3], [3, 4]],
        "split": [0, 0],
    }

    result = await alone.send(
        data, await alone.validate(data), attempt=2, heartbeat_details=[heartbeat]
    )

    assert (result["accepted"], result["open"]) == (2, [[3, 4]])
    assert result["rejected"] == [{"index": 1, "message_id": "m-1", "error": error}]
    assert len(result["responses"]) == 2
    assert [ids(request) for request in standin.requests] == [["/regulations"]]


async def test_send_at_a_provider_without_batches(alone: Alone, standin: StandIn) -> None:
    """One by one, whatever slices the plan has: the account may have changed."""
    data = {"messages": numbered(3)}
    plan = {**PLAN, "integration": "trakio", "slices": [[0, 1], [1, 3]]}

    result = await alone.send(data, plan)

    assert (result["accepted"], result["open"]) == (3, [])
    assert [request["path"] for request in standin.requests] == ["/track"] * 3


@pytest.mark.parametrize(
    "slices", [{}, {"slices": [[1, 1]]}, {"slices": [[1, 2], [0, 1]]}, {"slices": [[0, 2], [1, 3]]}]
)
async def test_send_refuses_slices_that_are_not_in_order(
    alone: Alone, standin: StandIn, slices: Json
) -> None:
    with pytest.raises(ApplicationError) as failed:
        await alone.send({"messages": numbered(3)}, {**PLAN, **slices})

    assert (failed.value.type, failed.value.message) == ("ValidationError", PLAN_REFUSED)
    assert standin.requests == []


async def test_an_unknown_integration_keeps_what_was_settled(alone: Alone) -> None:
    """The failure has the progress, because the workflow does not see the heartbeat of it."""
    heartbeat = {"accepted": encode_indexes([0, 1]), "open": [[2, 3], [3, 4]]}
    data = {"messages": SLICES}
    plan = {**await alone.validate(data), "integration": "gone"}

    with pytest.raises(ApplicationError) as failed:
        await alone.send(data, plan, attempt=2, heartbeat_details=[heartbeat])

    (detail,) = failed.value.details
    assert detail["error"]["type"] == "UnknownIntegration"
    assert (detail["accepted"], detail["open"]) == (heartbeat["accepted"], [(2, 3), (3, 4)])
