"""A worker killed in the middle of a batch: the next one goes on where it was."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from durable_analytics.testing import StandIn
from durable_analytics.wire.indexes import decode_indexes
from durable_analytics.wire.reasons import decode_reasons
from tests.support.batches import DELETE, TRACK, ids, numbered, start_batch, told
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

SOON_LOST = {"request": {"single_attempt_timeout": "PT2S", "heartbeat_timeout": "PT2S"}}
"""Temporal sees after two seconds that an attempt's worker is gone."""

_POLL_SECONDS = 0.05


async def wait_for_progress(client: Client, handle: WorkflowHandle[Any, Any], settled: int) -> None:
    """Wait until the server knows that so many messages are settled."""
    async with asyncio.timeout(30):
        while True:
            if await _settled(client, handle) >= settled:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _settled(client: Client, handle: WorkflowHandle[Any, Any]) -> int:
    for pending in (await handle.describe()).raw_description.pending_activities:
        for details in await client.data_converter.decode(pending.heartbeat_details.payloads):
            rejected = decode_reasons(details["reasons"])
            return len(decode_indexes(details["accepted"])) + len(rejected)
    return 0


async def test_one_by_one(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """Each message arrives; twice only the one in flight, with the same id."""
    standin.script("trophy", *[{}] * 9, {"status": 400}, *[{}] * 10, {"delay": 60})
    message = {"type": "metric", "key": "words", "user": {"id": "u-1"}, "value": 1}
    data = {"integration": "trophy", "policies": SOON_LOST, "messages": [message] * 40}

    async with worker_process(temporal, standin, task_queue) as worker:
        handle = await start_batch(temporal, task_queue, data)
        await standin.wait_for(21)
        await wait_for_progress(temporal, handle, 20)
        worker.process.kill()
        await worker.ended()

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    sent = [request["headers"]["idempotency-key"] for request in standin.requests]
    assert (output["status"], output["accepted"]) == ("partial", 39)
    assert told(output) == {9: ("Rejected", sent[9])}
    assert len(set(sent)) == 40
    assert Counter(sent).most_common(2) == [(sent[20], 2), (sent[0], 1)]
    assert sent[21] == sent[20]


async def test_many_in_flight(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """All that were in flight are sent again, with the same id; those recorded are not."""
    settled, in_flight = 150, 100
    standin.script("trophy", *[{}] * settled, *[{"delay": 60}] * in_flight)
    messages = [
        {"type": "metric", "key": "words", "user": {"id": f"u-{number}"}, "value": 1}
        for number in range(300)
    ]
    data = {"integration": "trophy", "policies": SOON_LOST, "messages": messages}

    async with worker_process(temporal, standin, task_queue) as worker:
        handle = await start_batch(temporal, task_queue, data)
        await standin.wait_for(settled + in_flight)
        await wait_for_progress(temporal, handle, settled)
        worker.process.kill()
        await worker.ended()

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    sent = [request["headers"]["idempotency-key"] for request in standin.requests]
    times = Counter(sent)
    assert (output["status"], output["accepted"]) == ("success", 300)
    assert {key for key, count in times.items() if count == 2} == set(sent[settled:][:in_flight])
    assert len(sent) == 300 + in_flight


async def test_slice_by_slice(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """A slice whose heartbeat is stored is not sent again; the one in flight is, unchanged."""
    standin.script("segment", {}, {}, {"delay": 60})
    messages = [*numbered(2), DELETE, *[TRACK] * 3]
    regulations = {"ANALYTICS_INTEGRATIONS__SEGMENT__PUBLIC_API_URL": standin.base_url("segment")}

    async with worker_process(temporal, standin, task_queue, **regulations) as worker:
        handle = await start_batch(
            temporal, task_queue, {"policies": SOON_LOST, "messages": messages}
        )
        await standin.wait_for(3)
        await wait_for_progress(temporal, handle, 3)
        worker.process.kill()
        await worker.ended()

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(handle)
    sent = [ids(request) for request in standin.requests]
    assert (output["status"], output["accepted"]) == ("success", 6)
    assert sent[:2] == [["m-0", "m-1"], ["/regulations"]]
    assert sent[2] == sent[3]
    assert (len(sent), len(set(sent[2]))) == (4, 3)
