"""An operator pauses an integration: Temporal holds its messages, and no attempt is spent."""

import asyncio
import json
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from durable_analytics.errors import ValidationError
from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.queue_limits import hold, read_limit, release
from durable_analytics.testing import StandIn
from durable_analytics.wire.integration_state import RUNNING, control_id
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process, start
from tests.worker.pauses import (
    control_priority,
    is_held,
    requests_waiting,
    set_limit,
    start_batch,
    until_ended,
    until_held,
)
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

QUICKLY = timedelta(seconds=0.3)
"""The patience of a command while no worker runs."""


async def test_a_pause_outlives_the_worker_and_resume_delivers_all(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """100 single messages and a batch of 100: nothing is sent, and no attempt is spent."""
    async with worker_process(temporal, standin, task_queue) as worker:
        paused = await control.pause(temporal, task_queue, "segment", reason="maintenance")
        handles = [await start(temporal, task_queue) for _ in range(100)]
        handles.append(await start_batch(temporal, task_queue, 100))
        attempts = await requests_waiting(handles)
        await worker.kill()
    async with worker_process(temporal, standin, task_queue):
        await outcome(await start(temporal, task_queue, integration="journy"))
        still = await control.state(temporal, task_queue, "segment")
        arrived = [request["integration"] for request in standin.requests]
        resumed = await control.resume(temporal, task_queue, "segment")
        async with asyncio.timeout(10):
            outputs = [await outcome(handle) for handle in handles]

    assert paused.is_taken
    assert (still["state"], still["by"], still["reason"]) == ("paused", "operator", "maintenance")
    assert attempts == [1] * 101
    assert arrived == ["journy"]
    assert (resumed.state, resumed.is_taken) == (RUNNING, True)
    assert [output["status"] for output in outputs] == ["success"] * 101


async def test_a_pause_ends_by_its_time(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The workflow ends, its query still answers, and the message goes out."""
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await control.pause(
            temporal, task_queue, "segment", reason="short", by="Ann", for_=timedelta(seconds=2)
        )
        state = await control.state(temporal, task_queue, "segment")
        handle = await start(temporal, task_queue)
        await until_ended(temporal, task_queue)
        output = await outcome(handle)
        queried = await temporal.get_workflow_handle(control_id(task_queue, "segment")).query(
            "state"
        )

    assert state["reason"] == "short (Ann)"
    assert state["until"]
    assert output["status"] == "success"
    assert queried == RUNNING
    assert not await is_held(temporal, task_queue)


async def test_without_a_worker_a_pause_holds_at_once(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The command says that the rest follows when a worker starts, and it does."""
    paused = await control.pause(temporal, task_queue, "segment", reason="early", patience=QUICKLY)
    held = await is_held(temporal, task_queue)
    priority = await control_priority(temporal, task_queue)
    shown = await control.state(temporal, task_queue, "segment")

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await start(temporal, task_queue)
        await requests_waiting([handle])
        again = await control.pause(temporal, task_queue, "segment", reason="still")
        sent = list(standin.requests)
        await control.resume(temporal, task_queue, "segment")
        output = await outcome(handle)

    assert (paused.is_taken, held, priority) == (False, True, 1)
    assert (shown["state"], shown["reason"]) == ("paused", "early")
    assert (again.is_taken, again.state["reason"]) == (True, "still")
    assert sent == []
    assert output["status"] == "success"


async def test_resume_without_a_worker_releases_at_once(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The worker that starts later ends the pause, and does not set it again."""
    await control.pause(temporal, task_queue, "segment", reason="early", patience=QUICKLY)

    resumed = await control.resume(temporal, task_queue, "segment", patience=QUICKLY)
    held = await is_held(temporal, task_queue)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        output = await outcome(await start(temporal, task_queue))
        await until_ended(temporal, task_queue)

    assert (resumed.is_taken, held) == (False, False)
    assert output["status"] == "success"
    assert not await is_held(temporal, task_queue)


async def test_resume_where_nothing_is_paused(temporal: Client, task_queue: str) -> None:
    """Nothing happens; no execution is started."""
    resumed = await control.resume(temporal, task_queue, "segment")

    assert (resumed.state, resumed.is_taken, resumed.warning) == (RUNNING, True, None)
    assert await control.state(temporal, task_queue, "segment") == RUNNING


async def test_pauses_and_resumes_at_once_leave_the_queue_as_the_last_one_says(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """An accepted pause is never lost."""
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        for number in range(3):
            await asyncio.gather(
                control.pause(temporal, task_queue, "segment", reason=f"{number}"),
                control.resume(temporal, task_queue, "segment"),
            )
        await control.pause(temporal, task_queue, "segment", reason="last")
        held = await is_held(temporal, task_queue)
        state = await control.state(temporal, task_queue, "segment")
        await control.resume(temporal, task_queue, "segment")
        await until_ended(temporal, task_queue)

    assert (held, state["reason"]) == (True, "last")
    assert not await is_held(temporal, task_queue)


async def test_a_starting_worker_releases_what_a_terminated_workflow_held(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Nobody else would."""
    settings = settings_for(standin, task_queue=task_queue)
    async with own_process(temporal, settings):
        await control.pause(temporal, task_queue, "segment", reason="forgotten")
        handle = temporal.get_workflow_handle(control_id(task_queue, "segment"))
        await handle.terminate()
        held = await is_held(temporal, task_queue)

    async with own_process(temporal, settings):
        output = await outcome(await start(temporal, task_queue))

    assert held
    assert output["status"] == "success"


async def test_a_starting_worker_holds_again_what_is_paused(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """If somebody has removed the limit by hand."""
    settings = settings_for(standin, task_queue=task_queue)
    async with own_process(temporal, settings):
        await control.pause(temporal, task_queue, "segment", reason="long")
        await release(temporal, f"{task_queue}.segment")

    async with own_process(temporal, settings):
        await until_held(temporal, task_queue)
        await control.resume(temporal, task_queue, "segment")


async def test_a_limit_that_was_set_by_hand_is_left_alone(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A pause says that the server does not hold the messages."""
    queue = f"{task_queue}.segment"
    await set_limit(temporal, queue, 50, "by hand")

    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        paused = await control.pause(temporal, task_queue, "segment", reason="maintenance")
        await control.resume(temporal, task_queue, "segment")
        await until_ended(temporal, task_queue)

    assert paused.warning
    assert "50 requests a second" in paused.warning
    limit = await read_limit(temporal, queue)
    assert limit
    assert (limit.requests_per_second, limit.reason) == (50, "by hand")


async def test_an_execution_without_a_command_ends_and_releases(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose starter died: it leaves no queue held."""
    monkeypatch.setattr(
        "workflows.integration_control._FIRST_COMMAND_TIMEOUT", timedelta(seconds=0.5)
    )
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        await hold(temporal, f"{task_queue}.segment", "half a pause")
        handle = await temporal.start_workflow(
            "Integration", id=control_id(task_queue, "segment"), task_queue=task_queue
        )
        ended = await handle.result()
        description = await handle.describe()

    assert ended == RUNNING
    assert description.status is WorkflowExecutionStatus.COMPLETED
    assert not await is_held(temporal, task_queue)


async def test_a_wrong_argument_is_named(temporal: Client, task_queue: str) -> None:
    """Before anything is paused."""
    with pytest.raises(ValidationError, match="reason"):
        await control.pause(temporal, task_queue, "segment", reason="")
    with pytest.raises(ValidationError, match="for"):
        await control.pause(temporal, task_queue, "segment", reason="x", for_=timedelta(seconds=-1))

    assert not await is_held(temporal, task_queue)


PAUSE_HOLDS_SECONDS = 2.0

WORDS = [
    {"type": "metric", "key": "words", "user": {"id": f"u-{number}"}, "value": 1}
    for number in range(500)
]
SLICES = [
    {"type": kind, "user_id": f"u-{number}", **({"event": "E"} if kind == "track" else {})}
    for number in range(20)
    for kind in ("track", "delete")
]


@pytest.mark.parametrize(
    ("integration", "messages", "requests", "delay"),
    # At Trophy, a hundred requests are in flight.
    [("trophy", WORDS, 500, 1.0), ("segment", SLICES, 40, 0.15)],
)
async def test_a_pause_in_the_middle_of_a_batch(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    integration: str,
    messages: list[Json],
    requests: int,
    delay: float,
) -> None:
    """It holds within two seconds, whether messages are sent one by one or in slices.

    After the resume, the rest is sent, and no message twice.
    """
    standin.script(integration, *[{"delay": delay}] * requests)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handle = await temporal.start_workflow(
            "Batch",
            {"integration": integration, "messages": messages},
            id=task_queue,
            task_queue=task_queue,
        )
        await standin.wait_for(10)
        await control.pause(temporal, task_queue, integration, reason="in the middle")
        await asyncio.sleep(PAUSE_HOLDS_SECONDS)
        at_the_limit = len(standin.requests)
        await requests_waiting([handle])
        await asyncio.sleep(PAUSE_HOLDS_SECONDS / 2)
        held = len(standin.requests)
        await control.resume(temporal, task_queue, integration)
        output = await outcome(handle)

    assert at_the_limit == held < requests
    assert (output["status"], output["accepted"]) == ("success", len(messages))
    sent = [(request["path"], json.dumps(request["body"])) for request in standin.requests]
    assert len(sent) == len(set(sent)) == requests
