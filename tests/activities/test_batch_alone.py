"""`Batch.Validation` and `Batch.Request` by themselves: run by others, by hand, between deploys."""

import asyncio
import dataclasses
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.batch_preparing import PreparedBatches
from activities.batch_request import BatchRequest
from activities.batch_validation import BatchValidation
from durable_analytics.testing import StandIn
from tests.activities.test_alone import PLAN_REFUSED
from tests.conftest import Json, settings_for
from tests.end_to_end.test_batch import TRACK, numbered
from tests.end_to_end.test_batch_refusals import BAD, DELETE, ids
from worker import Settings
from worker.http_clients import http_clients

PLAN: Json = {
    "integration": "segment",
    "message": {
        "message_id": "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11",
        "timestamp": "2026-01-31T09:30:00Z",
    },
    "policies": {"request": None},
}

Handler = Callable[[httpx.Request], Any]


@dataclasses.dataclass
class Alone:
    """The activities of one worker, outside of any."""

    settings: Settings
    clients: dict[str, httpx.AsyncClient]
    prepared: PreparedBatches = dataclasses.field(default_factory=PreparedBatches)

    async def validate(self, data: Json) -> Json:
        """Run the Validation."""
        validation = BatchValidation(self.settings.deliverable(), self.prepared)
        return await _run(validation, data)

    async def request(self, data: Json, plan: Any = None) -> Json:
        """Run an attempt that others may follow."""
        integrations = self.settings.deliverable()
        request = BatchRequest(integrations, self.clients, lambda _: None, self.prepared)
        return await _run(request, data, plan)

    def answering(self, handler: Handler) -> None:
        """Let a function answer in Trak.io's place."""
        self.clients["trakio"] = httpx.AsyncClient(transport=httpx.MockTransport(handler))


async def _run(activity: Any, *arguments: Any) -> Json:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        is_local=False,
        retry_policy=RetryPolicy(),
        scheduled_time=datetime.now(UTC),
        start_to_close_timeout=timedelta(seconds=10),
        schedule_to_close_timeout=timedelta(hours=1),
    )
    result: Json = await environment.run(activity.__call__, *arguments)
    return result


@pytest.fixture
async def alone(standin: StandIn) -> AsyncIterator[Alone]:
    """A worker's activities, delivering to the stand-in."""
    settings = settings_for(standin)
    clients = dict(http_clients(settings, {}))
    made = Alone(settings, clients)
    yield made
    for client in {*clients.values(), *made.clients.values()}:
        await client.aclose()


async def test_request_without_a_plan(alone: Alone, standin: StandIn) -> None:
    """It validates by itself, and tells what it rejected."""
    result = await alone.request({"messages": [BAD, *numbered(2)]})

    assert result["accepted"] == 2
    assert [one["index"] for one in result["rejected"]] == [0]
    assert [ids(request) for request in standin.requests] == [["m-0", "m-1"]]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([BAD], "none of 1 messages was accepted: messages.0.event is required"),
        ([TRACK, DELETE], "messages do not fit one request: run the workflow Batch, or send fewer"),
        ([TRACK] * 2501, "messages do not fit one request: run the workflow Batch, or send fewer"),
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


async def test_eight_requests_at_once(alone: Alone) -> None:
    """No more, and no fewer where there are users enough."""
    most, in_flight, full = 0, 0, asyncio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal most, in_flight
        in_flight += 1
        most = max(most, in_flight)
        if in_flight == 8:
            full.set()
        await full.wait()
        in_flight -= 1
        return httpx.Response(200, json={"status": "success"})

    alone.answering(answer)
    result = await alone.request({"integration": "trakio", "messages": numbered(50)})

    assert (result["accepted"], most) == (50, 8)


async def test_the_longest_wait_counts(alone: Alone) -> None:
    """What one message's `Retry-After` asks for is kept, whatever comes of those in flight."""
    both, limited = asyncio.Barrier(2), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        await both.wait()
        if b'"u-0"' in request.content:
            asyncio.get_running_loop().call_later(0.05, limited.set)  # once the other is read
            return httpx.Response(429, headers={"Retry-After": "7"})
        await limited.wait()
        return httpx.Response(500)

    alone.answering(answer)
    with pytest.raises(ApplicationError) as failed:
        await alone.request({"integration": "trakio", "messages": numbered(2)})

    assert failed.value.next_retry_delay == timedelta(seconds=7)
    assert failed.value.type == "RateLimited"


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
