"""`status`: what waits and what failed, for each integration."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from durable_analytics.wire.integration_state import RUNNING
from tests.support.command import Command
from tests.support.json_objects import Json
from tests.support.visible import until_closed, until_visible
from tests.support.worker_settings import settings_for
from worker import register


@pytest.fixture
def on_queue(command: Command, task_queue: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command on a task queue that no worker polls, with two integrations configured."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    for name in ("segment", "trophy"):
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__{name.upper()}__MAX_IN_FLIGHT", "100")
    return command


async def rows(command: Command) -> dict[str, Json]:
    """The rows by integration."""
    ended = await command("status", "--json")
    assert ended.status == 0
    return {row["integration"]: row for row in ended.json}


async def test_counts_what_waits(on_queue: Command, temporal: Client, task_queue: str) -> None:
    """And since when the oldest waits."""
    before = datetime.now(UTC)
    analytics = AnalyticsClient(temporal, task_queue=task_queue)
    for integration in ("segment", "segment", "journy"):
        await analytics.track(integration=integration, user_id="u-1", event="Hi")
    await analytics.track(user_id="u-1", event="Hi")

    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 4)
    status = await rows(on_queue)

    segment = status["segment"]
    assert segment["waiting"] == 2
    oldest = datetime.fromisoformat(segment["oldest"])
    assert before - timedelta(seconds=1) < oldest <= datetime.now(UTC)
    assert {key: segment[key] for key in ("state", "reason", "by", "since", "until")} == {
        "state": "running",
        "reason": None,
        "by": None,
        "since": None,
        "until": None,
    }
    assert (status["trophy"]["waiting"], status["trophy"]["oldest"]) == (0, None)
    assert status["default"]["waiting"] == 1


async def test_the_oldest_of_many_is_exact(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """With more executions than one page, which Temporal returns unsorted."""
    analytics = AnalyticsClient(temporal, task_queue=task_queue)
    first = await analytics.track(integration="segment", user_id="u-1", event="Hi")
    for _ in range(120):
        await analytics.track(integration="segment", user_id="u-1", event="Hi")
    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 121)

    status = (await rows(on_queue))["segment"]

    started = (await first.workflow.describe()).start_time
    assert status["waiting"] == 121
    assert abs(datetime.fromisoformat(status["oldest"]) - started) < timedelta(milliseconds=2)


async def test_counts_what_failed(
    on_queue: Command, temporal: Client, task_queue: str, standin: StandIn
) -> None:
    """Executions of which nothing was accepted."""
    settings = settings_for(standin, task_queue=task_queue)
    standin.script("segment", {"status": 401})
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        analytics = AnalyticsClient(temporal, task_queue=task_queue)
        for _ in range(2):
            handle = await analytics.track(integration="segment", user_id="u-1", event="Hi")
            await handle.outcome()
            await until_closed(temporal, handle.workflow_id)

    status = (await rows(on_queue))["segment"]

    assert (status["failed"], status["waiting"]) == (1, 0)


async def test_shows_the_state_of_the_control_workflow(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """From its memo, without a worker, and only while it runs."""
    state = {
        "state": "paused",
        "reason": "maintenance at Segment",
        "by": "operator",
        "since": "2026-01-31T09:30:00Z",
        "until": "2026-01-31T10:30:00Z",
    }
    control = await temporal.start_workflow(
        "Integration",
        id=f"{task_queue}:integration:segment",
        task_queue=task_queue,
        memo={"state": state},
    )

    assert (await rows(on_queue))["segment"].items() >= state.items()
    table = (await on_queue("status")).out
    assert all(len(line) <= 80 for line in table.splitlines())
    assert "paused" in table
    why = " ".join(line[45:].strip() for line in table.splitlines() if len(line) > 45)
    assert re.search(
        r"by operator for \d+d, until 2026-01-31T10:30:00Z: maintenance at Segment", why
    )

    await control.terminate()
    assert (await rows(on_queue))["segment"]["state"] == "running"


async def test_says_whether_a_worker_polls(
    command: Command, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one nothing is delivered, although no integration is paused."""
    polled = (await command("status")).out
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    abandoned = (await command("status")).out

    words = "No worker has polled for 90 s, so nothing is delivered. Task queue:\n"
    assert words not in polled
    assert abandoned.endswith(f"{words}  {task_queue}\n")


async def test_counts_what_names_no_integration(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """Others than our clients start executions without search attributes."""
    await temporal.start_workflow(
        "Track",
        {"integration": "segment", "track": {"user_id": "u-1", "event": "Hi"}},
        id=f"own-{task_queue}",
        task_queue=task_queue,
    )
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")

    status = await rows(on_queue)

    assert (status["unknown"]["waiting"], status["segment"]["waiting"]) == (1, 0)


async def start_paused(
    temporal: Client, task_queue: str, integration: str
) -> WorkflowHandle[Any, Any]:
    """Start the control workflow of an integration that is paused, as any program may."""
    control = await temporal.start_workflow(
        "Integration",
        id=f"{task_queue}:integration:{integration}",
        task_queue=task_queue,
        memo={"state": {**RUNNING, "state": "paused"}},
    )
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")
    return control


async def test_shows_an_integration_that_is_only_paused(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """Although it is not configured here and has no deliveries."""
    control = await start_paused(temporal, task_queue, "journy")

    assert (await rows(on_queue))["journy"]["state"] == "paused"
    await control.terminate()


async def test_a_name_that_is_none_is_cut(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """Any program may start a control workflow."""
    control = await start_paused(temporal, task_queue, "x" * 300)

    assert {"x" * 199 + "…"} < {*await rows(on_queue)}
    await control.terminate()


async def test_a_failure_counts_once(
    command: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the integration that the worker chose, although the settings here name none."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    settings = settings_for(standin, task_queue=task_queue)
    standin.script("segment", {"status": 401})
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        analytics = AnalyticsClient(temporal, task_queue=task_queue)
        handle = await analytics.track(user_id="u-1", event="Hi")
        await handle.outcome()
        await until_closed(temporal, handle.workflow_id)

    status = await rows(command)

    assert status.keys() == {"segment"}
    assert status["segment"]["failed"] == 1


async def test_counts_refused_messages(
    on_queue: Command, temporal: Client, task_queue: str, standin: StandIn
) -> None:
    """Messages, not batches."""
    settings = settings_for(standin, task_queue=task_queue)
    good = {"type": "track", "user_id": "u-1", "event": "Hi"}
    messages = [good, {"type": "track"}, {"type": "page"}]
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        for number in range(2):
            workflow_id = f"segment:batch:{task_queue}-{number}"
            await temporal.execute_workflow(
                "Batch", {"messages": messages}, id=workflow_id, task_queue=task_queue
            )
            await until_closed(temporal, workflow_id)

    status = (await rows(on_queue))["segment"]

    assert (status["failed"], status["refused"]) == (0, 4)


async def test_counts_what_one_integration_of_a_fan_out_refused(
    on_queue: Command,
    temporal: Client,
    task_queue: str,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In its row only; single messages and batches."""
    for name in ("JOURNY", "RUDDERSTACK"):
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__{name}__MAX_IN_FLIGHT", "100")
    settings = settings_for(standin, task_queue=task_queue)
    good = {"user_id": "u-1", "event": "Hi"}
    standin.script("journy", {"status": 400})
    inputs: list[tuple[str, Json]] = [
        ("Track", {"track": good}),
        ("Batch", {"messages": [{"type": "track", **good}, {"type": "delete", "user_id": "u"}]}),
        ("Batch", {"messages": [{"type": "track", **good}, {"type": "track"}]}),
    ]
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        for number, (workflow, data) in enumerate(inputs):
            workflow_id = f"fanout:{workflow}:{task_queue}-{number}"
            await temporal.execute_workflow(
                workflow,
                {"deliver_to": ["segment", "journy", "rudderstack"], **data},
                id=workflow_id,
                task_queue=task_queue,
            )
            await until_closed(temporal, workflow_id)

    status = await rows(on_queue)

    assert {name: row["refused"] for name, row in status.items() if row["refused"]} == {
        "segment": 1,
        "journy": 2,
        "rudderstack": 1,
    }
