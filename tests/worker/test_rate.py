"""`max_requests_per_second`: the rate of all processes together, for singles and batches alike."""

import asyncio
import signal
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import PendingActivityState as State
from temporalio.client import Client

from activities.http import Pace
from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import until_attempt
from tests.worker.processes import worker_process
from worker import Settings

pytestmark = pytest.mark.slow

FIVE = {
    "ANALYTICS_INTEGRATIONS__SEGMENT__MAX_REQUESTS_PER_SECOND": "5",
    "ANALYTICS_INTEGRATIONS__TROPHY__MAX_REQUESTS_PER_SECOND": "5",
}
IMPATIENT: Json = {
    "request": {"single_attempt_timeout": "PT1S", "retry_policy": {"maximum_attempts": 1}}
}
"""An attempt whose timeout or number would not allow to wait for a turn."""


def words(count: int) -> list[Json]:
    """Messages that Trophy gets one by one."""
    return [
        {"type": "metric", "key": "words", "user": {"id": f"u-{number}"}, "value": 1}
        for number in range(count)
    ]


async def start_batch(client: Client, task_queue: str, messages: list[Json], **input: Any) -> Any:
    """Start a batch."""
    return await client.start_workflow(
        "Batch",
        {"policies": IMPATIENT, **input, "messages": messages},
        id=f"{task_queue}-batch",
        task_queue=task_queue,
    )


def seconds_taken(standin: StandIn) -> float:
    """The time from the first request to the last."""
    times = sorted(datetime.fromisoformat(request["received_at"]) for request in standin.requests)
    return (times[-1] - times[0]).total_seconds()


async def test_sixty_single_messages_with_two_processes(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """12 seconds, within 20 %; no attempt fails for its wait."""
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(worker_process(temporal, standin, task_queue, **FIVE))
        handles = [await start(temporal, task_queue, policies=IMPATIENT) for _ in range(60)]
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 60
    assert {len(output["attempts"]) for output in outputs} == {1}
    assert len(standin.requests) == 60
    assert 10.5 < seconds_taken(standin) < 15


SLICES: list[Json] = [
    {"type": kind, "user_id": f"u-{number}", **({"event": "E"} if kind == "track" else {})}
    for number in range(30)
    for kind in ("track", "delete")
]
"""Messages that Segment gets one by one, too: a deletion is a request of its own."""


@pytest.mark.parametrize(("integration", "messages"), [("trophy", words(60)), ("segment", SLICES)])
async def test_a_batch_of_sixty_with_two_processes(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    integration: str,
    messages: list[Json],
) -> None:
    """One process sends it, and has the whole rate while the other one is idle."""
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(worker_process(temporal, standin, task_queue, **FIVE))
        handle = await start_batch(temporal, task_queue, messages, integration=integration)
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("success", 60)
    assert len(standin.requests) == 60
    assert 10.5 < seconds_taken(standin) < 15


SLOW = 0.8
"""Requests per second: one each 1.25 s."""


def slow_settings(standin: StandIn, task_queue: str) -> Settings:
    """The rate of Segment is limited, and low."""
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    return settings_with(standin, task_queue, max_requests_per_second=SLOW, **account)


async def test_messages_that_wait_for_their_turn_keep_their_attempts(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Longer than an attempt and a heartbeat may take; an earlier attempt is not forgotten."""
    impatient = {"request": {**IMPATIENT["request"], "heartbeat_timeout": "PT1S"}}
    impatient["request"]["retry_policy"] = {"maximum_attempts": 2}
    standin.script("segment", {"status": 503})
    settings = slow_settings(standin, task_queue)

    async with own_process(temporal, settings):
        handles = [await start(temporal, task_queue, policies=impatient) for _ in range(3)]
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 3
    attempts = sorted([one["status_code"] for one in output["attempts"]] for output in outputs)
    assert attempts == [[200], [200], [503, 200]]
    assert seconds_taken(standin) > 3 / SLOW * 0.8


async def test_a_pause_sends_what_waits_for_its_turn_back(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Temporal then holds it, and no attempt is spent."""
    settings = slow_settings(standin, task_queue)

    async with own_process(temporal, settings):
        handles = [await start(temporal, task_queue, policies=IMPATIENT) for _ in range(10)]
        await standin.wait_for(1)
        await control.pause(temporal, task_queue, "segment", reason="in the middle")
        await asyncio.sleep(4)
        held = len(standin.requests)
        await asyncio.sleep(2 / SLOW)
        assert len(standin.requests) == held
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.resume(temporal, task_queue, "segment")
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 10
    assert len(standin.requests) == 10


async def test_a_message_that_was_sent_back_keeps_its_attempts(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has used up stays used up, so the second failure ends the delivery."""
    policies: Json = {"request": {"retry_policy": {"maximum_attempts": 2}}}
    standin.script("segment", *[{"status": 503}] * 2)
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    settings = settings_with(standin, task_queue, max_requests_per_second=100, **account)

    async with own_process(temporal, settings):
        handle = await start(temporal, task_queue, policies=policies)
        await standin.wait_for(1)
        monkeypatch.setattr(Pace, "turn", lambda _: asyncio.Event().wait())
        await until_attempt(handle, 2, State.PENDING_ACTIVITY_STATE_STARTED)
        await control.pause(temporal, task_queue, "segment", reason="in the middle")
        await until_attempt(handle, 1, State.PENDING_ACTIVITY_STATE_SCHEDULED)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.resume(temporal, task_queue, "segment")
        output = await outcome(handle)

    attempts = [(one["attempt"], one["status_code"]) for one in output["attempts"]]
    assert attempts == [(1, 503), (2, 503)]
    assert output["error"]["type"] == "Unavailable"
    assert len(standin.requests) == 2


@pytest.mark.parametrize(
    ("integration", "messages"),
    [("segment", [{"type": "track", "user_id": "u-1", "event": "E"}] * 2), ("trophy", words(2))],
)
async def test_a_batch_that_was_sent_back_keeps_its_attempts(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    integration: str,
    messages: list[Json],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a single message does, in one request or one by one."""
    policies: Json = {"request": {"retry_policy": {"maximum_attempts": 2}}}
    standin.script(integration, *[{"status": 503}] * 4)
    account = standin.vendors[integration].integration_settings(standin.base_url(integration))
    limited = {**account, "allow_policies_override": True, "max_requests_per_second": 100}
    settings = settings_for(
        standin,
        task_queue=task_queue,
        integrations={integration: limited},
        default_integration=integration,
    )

    async with own_process(temporal, settings):
        handle = await start_batch(
            temporal, task_queue, messages, integration=integration, policies=policies
        )
        await standin.wait_for(1 if integration == "segment" else 2)
        monkeypatch.setattr(Pace, "turn", lambda _: asyncio.Event().wait())
        await until_attempt(handle, 2, State.PENDING_ACTIVITY_STATE_STARTED)
        await control.pause(temporal, task_queue, integration, reason="in the middle")
        await until_attempt(handle, 1, State.PENDING_ACTIVITY_STATE_SCHEDULED)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.resume(temporal, task_queue, integration)
        output = await outcome(handle)

    assert [one["error"]["type"] for one in output["rejected"]] == ["Unavailable"] * 2
    assert len(standin.requests) == (2 if integration == "segment" else 4)
    if integration == "segment":
        (response,) = output["responses"]
        attempts = [(one["attempt"], one["status_code"]) for one in response["attempts"]]
        assert attempts == [(1, 503), (2, 503)]


@pytest.mark.parametrize("is_batch", [False, True])
async def test_a_worker_that_ends_leaves_what_waits_for_its_turn(
    temporal: Client, standin: StandIn, task_queue: str, *, is_batch: bool
) -> None:
    """To the next worker, soon, and without an attempt."""
    slow = {"ANALYTICS_INTEGRATIONS__TROPHY__MAX_REQUESTS_PER_SECOND": f"{SLOW}"}

    async with worker_process(temporal, standin, task_queue, **slow) as worker:
        if is_batch:
            handles = [await start_batch(temporal, task_queue, words(20), integration="trophy")]
        else:
            handles = [
                await temporal.start_workflow(
                    "Metric",
                    {
                        "integration": "trophy",
                        "policies": IMPATIENT,
                        "metric": {"key": "words", "user": {"id": "u-1"}, "value": 1},
                    },
                    id=f"{task_queue}-{number}",
                    task_queue=task_queue,
                )
                for number in range(20)
            ]
        await standin.wait_for(1)
        worker.process.send_signal(signal.SIGTERM)
        status = await worker.ended(seconds=8)
        before = len(standin.requests)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        async with asyncio.timeout(timedelta(seconds=20).total_seconds()):
            outputs = [await outcome(handle) for handle in handles]

    assert status == 0
    assert before < 15
    assert {output["status"] for output in outputs} == {"success"}
    assert len(standin.requests) == 20
