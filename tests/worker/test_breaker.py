"""The breaker pauses an integration whose provider is unavailable, and probes it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, PendingActivityState
from temporalio.client import Client, WorkflowHandle

from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.queue_limits import read_limit
from durable_analytics.testing import StandIn
from durable_analytics.wire.integration_state import control_id
from tests.support.command import Command
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import (
    control_priority,
    is_held,
    pending_activities,
    requests_waiting,
    until_ended,
    until_held,
    until_probe,
    until_state,
)
from worker import Settings, workers

pytestmark = pytest.mark.slow

EACH_SECOND: Json = {"request": {"retry_policy": {"maximum_interval": "PT1S"}}}

OPENS_SECONDS = 30.0
"""The acceptance of the contract."""


def sensitive(standin: StandIn, task_queue: str, open_for: int = 2) -> Settings:
    """Settings with a breaker that opens after five failures, for two seconds."""
    return settings_with(
        standin,
        task_queue,
        base_url=standin.base_url("segment"),
        write_key=standin.vendors["segment"].credentials["write_key"],
        breaker={"minimum": 5, "open_for": open_for},
    )


def to_segment(standin: StandIn) -> Sequence[Json]:
    """The requests to Segment."""
    return [request for request in standin.requests if request["integration"] == "segment"]


async def test_a_provider_that_hangs_opens_its_breaker(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within 30 s of load, with the default settings; the other integration is not affected.

    `status`, the memo and the details of the workflow, which the UI shows, say so.
    """
    standin.script("segment", *[{"delay": 120}] * 500)
    command = Command(capsys, monkeypatch, temporal, {"ANALYTICS_TASK_QUEUE": task_queue})
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handles = [await start(temporal, task_queue) for _ in range(30)]
        async with asyncio.timeout(OPENS_SECONDS):
            await until_held(temporal, task_queue)
        async with asyncio.timeout(OPENS_SECONDS):
            other = await outcome(await start(temporal, task_queue, integration="journy"))
        status = await command("status", "--json")
        workflow = temporal.get_workflow_handle(control_id(task_queue, "segment"))
        memo = await (await workflow.describe()).memo()
        priority = await control_priority(temporal, task_queue)
        details = await workflow.query("__temporal_workflow_metadata")
        standin.clear()  # the provider recovers
        await command("resume", "segment")
        outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)

    assert other["status"] == "success"
    (row,) = [row for row in status.json if row["integration"] == "segment"]
    assert (row["state"], row["by"]) == ("paused", "breaker")
    assert "attempts failed; the last: 127.0.0.1 did not respond within" in row["reason"]
    assert memo["state"] == {key: row[key] for key in memo["state"]}
    assert "segment is paused by breaker until" in str(details)
    assert priority == 1
    assert [output["status"] for output in outputs] == ["success"] * 30
    assert not await is_held(temporal, task_queue)


async def test_up_to_four_messages_probe(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """While they fail, the others wait and the pause doubles; when one succeeds, all arrive."""
    standin.script("segment", *[{"status": 503}] * 5, *[{"status": 503, "delay": 0.7}] * 4)
    async with own_process(temporal, sensitive(standin, task_queue)):
        first = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(5)]
        await until_state(temporal, task_queue, "paused")
        await until_held(temporal, task_queue)
        at_opening = len(to_segment(standin))
        handles = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(30)]
        await until_state(temporal, task_queue, "probing")
        await until_state(temporal, task_queue, "paused")
        after_probes = len(to_segment(standin))
        state = await control.state(temporal, task_queue, "segment")
        outputs = [await outcome(handle) for handle in [*first, *handles]]
        await until_ended(temporal, task_queue)

    assert at_opening == 5
    assert at_opening < after_probes <= at_opening + 4
    assert (state["state"], state["by"]) == ("paused", "breaker")
    assert [output["status"] for output in outputs] == ["success"] * 35
    assert not await is_held(temporal, task_queue)


async def test_temporal_holds_the_other_messages_while_a_probe_is_in_flight(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Each message that a worker holds back costs the server, and so the other integrations.

    The limit of the task queue is 0, or there is none: another one would replace the workers' own.
    """
    standin.script("segment", *[{"status": 503}] * 5, *[{"delay": 30}] * 200)
    patient = {"request": {**EACH_SECOND["request"], "single_attempt_timeout": "PT10S"}}
    limits: list[float | None] = []
    async with (
        own_process(temporal, sensitive(standin, task_queue)),
        asyncio.TaskGroup() as group,
    ):
        watching = group.create_task(watch_limits(temporal, f"{task_queue}.segment", limits))
        handles = [await start(temporal, task_queue, policies=patient) for _ in range(30)]
        await until_probe(temporal, task_queue)
        state = await control.state(temporal, task_queue, "segment")
        late = await start(temporal, task_queue, policies=patient)
        await requests_waiting([late])
        await until_state(temporal, task_queue, "paused")
        was_late_given_out = await was_given_out(late)
        standin.clear()
        await control.resume(temporal, task_queue, "segment")
        outputs = [await outcome(handle) for handle in [*handles, late]]
        await until_ended(temporal, task_queue)
        watching.cancel()

    assert state["state"] == "probing"
    assert not was_late_given_out
    assert set(limits) == {0, None}
    assert [output["status"] for output in outputs] == ["success"] * 31
    assert not await is_held(temporal, task_queue)


async def watch_limits(client: Client, task_queue: str, seen: list[float | None]) -> None:
    """Keep reading the limit of a task queue."""
    while True:
        limit = await read_limit(client, task_queue)
        seen.append(limit.requests_per_second if limit else None)
        await asyncio.sleep(0.05)  # the server has no event for it


async def was_given_out(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether a worker has got the request of an execution."""
    events = [event.event_type async for event in handle.fetch_history_events()]
    return EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED in events or any(
        pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        for pending in await pending_activities(handle)
    )


async def test_a_process_that_was_idle_probes_with_four_messages(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Although it has seen no failure; the process that has seen them is gone."""
    standin.script("segment", *[{"status": 503}] * 5, *[{"status": 503, "delay": 0.7}] * 80)
    integration = sensitive(standin, task_queue, open_for=8).integrations["segment"]
    settings = Settings(task_queue=task_queue, integrations={"segment": integration})
    target = temporal.service_client.config.target_host
    other = await Client.connect(target, data_converter=temporal.data_converter)
    first, *others = workers(other, settings)
    async with first, AsyncExitStack() as stack:
        async with own_process(temporal, settings):
            handles = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(5)]
            await until_state(temporal, task_queue, "paused")
            await until_held(temporal, task_queue)
        handles += [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(30)]
        for worker in others:
            await stack.enter_async_context(worker)
        await until_state(temporal, task_queue, "probing")
        await until_state(temporal, task_queue, "paused")
        requests = len(to_segment(standin))
        standin.clear()
        await control.resume(temporal, task_queue, "segment")
        outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)

    assert 5 < requests <= 5 + 4
    assert [output["status"] for output in outputs] == ["success"] * 35


async def test_two_workers_that_open_at_once(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """One pause of one length; each process holds back its own, and all arrive."""
    standin.script("segment", *[{"status": 503}] * 40)
    settings = sensitive(standin, task_queue)
    target = temporal.service_client.config.target_host
    other = await Client.connect(target, data_converter=temporal.data_converter)
    async with own_process(temporal, settings), own_process(other, settings):
        handles = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(40)]
        await until_state(temporal, task_queue, "paused")
        standin.clear()
        outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)

    assert [output["status"] for output in outputs] == ["success"] * 40
    assert not await is_held(temporal, task_queue)


async def test_resume_during_an_opening(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Whichever comes last, no queue stays held, and the next message ends the probing."""
    standin.script("segment", *[{"status": 503}] * 8)
    async with own_process(temporal, sensitive(standin, task_queue)):
        handles = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(10)]
        await standin.wait_for(5)
        for _ in range(5):
            await control.resume(temporal, task_queue, "segment")
        outputs = [await outcome(handle) for handle in handles]
        async with asyncio.timeout(60):
            while await is_held(temporal, task_queue):  # noqa: ASYNC110
                await asyncio.sleep(0.2)  # the server has no event for it
        outputs.append(await outcome(await start(temporal, task_queue)))
        await until_state(temporal, task_queue, "running")

    assert [output["status"] for output in outputs] == ["success"] * 11


async def test_false_switches_it_off(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """Failures pause nothing."""
    standin.script("segment", *[{"status": 503}] * 30)
    settings = settings_with(
        standin,
        task_queue,
        base_url=standin.base_url("segment"),
        write_key=standin.vendors["segment"].credentials["write_key"],
        breaker=False,
    )
    async with own_process(temporal, settings):
        handles = [await start(temporal, task_queue, policies=EACH_SECOND) for _ in range(30)]
        outputs = [await outcome(handle) for handle in handles]
        state = await control.state(temporal, task_queue, "segment")

    assert [output["status"] for output in outputs] == ["success"] * 30
    assert state["state"] == "running"
