"""No accident leaves a task queue held although its integration is not paused."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.queue_limits import read_limit
from durable_analytics.testing import StandIn
from durable_analytics.wire.health_reports import REPORT
from durable_analytics.wire.integration_state import CHECK, CONTROL_WORKFLOW, control_id
from tests.support.embedded_server import server
from tests.support.free_ports import free_port
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import (
    is_held,
    requests_waiting,
    set_limit,
    until_ended,
    until_held,
    until_probe,
    until_state,
)
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow


async def test_worker_killed_between_the_limit_and_the_timer(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The next worker finds the workflow, which releases the queue when the time is over."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "4"}})
    async with worker_process(temporal, standin, task_queue) as worker:
        handle = await start(temporal, task_queue)
        await until_held(temporal, task_queue)
        await worker.kill()
    state = await control.state(temporal, task_queue, "segment")
    async with worker_process(temporal, standin, task_queue):
        async with asyncio.timeout(60):
            output = await outcome(handle)
        await until_ended(temporal, task_queue)

    assert (state["state"], state["by"]) == ("paused", "retry_after")
    assert output["status"] == "success"
    assert not await is_held(temporal, task_queue)


async def test_worker_killed_while_it_probes(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The queue is held for a probe that has no result; it is released when its time is over."""
    breaker = {
        "ANALYTICS_INTEGRATIONS__SEGMENT__BREAKER__MINIMUM": "5",
        "ANALYTICS_INTEGRATIONS__SEGMENT__BREAKER__OPEN_FOR": "2",
    }
    standin.script("segment", *[{"status": 503}] * 5, *[{"delay": 600}] * 100)
    async with worker_process(temporal, standin, task_queue, **breaker) as worker:
        handles = [await start(temporal, task_queue) for _ in range(10)]
        await until_probe(temporal, task_queue)
        await worker.kill()
    state = await control.state(temporal, task_queue, "segment")
    standin.clear()
    async with worker_process(temporal, standin, task_queue, **breaker):
        async with asyncio.timeout(60):
            outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)

    assert state["state"] == "probing"
    assert [output["status"] for output in outputs] == ["success"] * 10
    assert not await is_held(temporal, task_queue)


@pytest.mark.parametrize("is_probing", [True, False])
async def test_a_starting_worker_removes_the_rate_of_an_earlier_release(
    temporal: Client, standin: StandIn, task_queue: str, *, is_probing: bool
) -> None:
    """It was set while an integration probed, and another worker may be gone before the result."""
    queue = f"{task_queue}.segment"
    settings = settings_for(standin, task_queue=task_queue)
    if is_probing:
        async with own_process(temporal, settings):
            report = {"by": "breaker", "reason": "503", "seconds": 1}
            await temporal.start_workflow(
                CONTROL_WORKFLOW,
                id=control_id(task_queue, "segment"),
                task_queue=task_queue,
                start_signal=REPORT,
                start_signal_args=[report],
            )
            await until_state(temporal, task_queue, "probing")
    await set_limit(temporal, queue, 2, "durable-analytics: probing")

    async with own_process(temporal, settings), asyncio.timeout(20):
        while await read_limit(temporal, queue):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the server has no event for it
        output = await outcome(await start(temporal, task_queue))

    assert output["status"] == "success"


async def test_server_killed_while_paused(
    standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """The pause is still there, and `resume` ends it."""
    port, file = free_port(), tmp_path / "temporal.db"
    settings = settings_for(standin, task_queue=task_queue)
    async with server(port, file) as client, own_process(client, settings):
        await control.pause(client, task_queue, "segment", reason="maintenance")
        handle = await start(client, task_queue)
        await requests_waiting([handle])
    async with server(port, file) as client:
        state = await control.state(client, task_queue, "segment")
        was_held = await is_held(client, task_queue)
        async with own_process(client, settings):
            await control.resume(client, task_queue, "segment", patience=timedelta(seconds=30))
            async with asyncio.timeout(60):
                output = await outcome(client.get_workflow_handle(handle.id))
            await until_ended(client, task_queue)
        still_held = await is_held(client, task_queue)

    assert (state["state"], was_held, still_held) == ("paused", True, False)
    assert output["status"] == "success"


async def test_settings_of_the_integration_are_gone(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The workflow releases the queue all the same."""
    settings = settings_for(standin, task_queue=task_queue)
    async with own_process(temporal, settings):
        await control.pause(
            temporal, task_queue, "segment", reason="short", for_=timedelta(seconds=3)
        )
    others = {name: one for name, one in settings.integrations.items() if name != "segment"}
    changed = settings_for(
        standin, task_queue=task_queue, integrations=others, default_integration="journy"
    )
    async with own_process(temporal, changed):
        await until_ended(temporal, task_queue)

    assert not await is_held(temporal, task_queue)


async def test_continue_as_new(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run keeps the pause, and what ends it."""
    monkeypatch.setattr(
        workflow.Info,
        "is_continue_as_new_suggested",
        lambda info: info.get_current_history_length() > 40,
    )
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.pause(temporal, task_queue, "segment", reason="long")
        handle = temporal.get_workflow_handle(control_id(task_queue, "segment"))
        first = (await handle.describe()).run_id
        async with asyncio.timeout(60):
            while (await handle.describe()).run_id == first:
                await handle.signal(CHECK)
                await asyncio.sleep(0.1)
        message = await start(temporal, task_queue)
        await requests_waiting([message])
        state = await control.state(temporal, task_queue, "segment")
        await control.resume(temporal, task_queue, "segment")
        output = await outcome(message)
        await until_ended(temporal, task_queue)

    assert (state["state"], state["reason"]) == ("paused", "long")
    assert output["status"] == "success"
    assert not await is_held(temporal, task_queue)


async def test_server_without_limits(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged once; the process itself holds its messages back, and all arrive."""

    async def unimplemented(*_: object, **__: object) -> None:
        raise RPCError("unknown method", RPCStatusCode.UNIMPLEMENTED, b"")

    monkeypatch.setattr(temporal.workflow_service, "update_task_queue_config", unimplemented)
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "5"}})
    caplog.set_level(logging.WARNING, "durable_analytics.integrations")
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        first = await start(temporal, task_queue)
        await standin.wait_for(1)
        handles = [first, *[await start(temporal, task_queue) for _ in range(5)]]
        await asyncio.sleep(2)
        sent = len(standin.requests)
        outputs = [await outcome(handle) for handle in handles]
        await control.pause(temporal, task_queue, "segment", reason="maintenance")
        await control.resume(temporal, task_queue, "segment")

    assert sent == 1
    assert [output["status"] for output in outputs] == ["success"] * 6
    assert [record.message for record in caplog.records].count("task queue not held") == 1
