"""`tail`: deliveries as they close."""

import asyncio
import json

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.json_objects import Execute, Json
from tests.support.visible import until_closed
from worker import Settings


async def test_shows_deliveries_as_they_close(
    command: Command, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Those from now on, each once, with the outcome and the attempts."""
    analytics = AnalyticsClient(temporal, task_queue=running_worker.task_queue)
    before = await analytics.track(integration="journy", user_id="u-1", event="Before")
    await before.result()
    tailing = asyncio.create_task(
        command("tail", "--integration", "journy", "--limit", "2", "--json")
    )
    standin.script("journy", {"status": 500}, {"status": 401})
    handle = await analytics.track(integration="journy", user_id="u-1", event="After")
    await handle.outcome()
    other = await analytics.identify(integration="journy", user_id="u-1")
    await other.result()

    ended = await tailing

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert ended.status == 0
    assert [(row["event"], row["outcome"], row["attempts"]) for row in rows] == [
        ("After", "Unauthorized", 2),
        (None, "success", 1),
    ]
    assert rows[0]["workflow_id"] == handle.workflow_id


async def test_shows_what_has_failed(command: Command, execute: Execute, standin: StandIn) -> None:
    """From a time ago on, filtered, in lines for people."""
    standin.script("segment", {"status": 401})
    name = "Failed Page" + "x" * 10_000
    await execute("Page", {"page": {"user_id": "u-1", "name": name}})

    ended = await command("tail", "--since", "1m", "--method", "page", "--failed", "--limit", "1")

    (line,) = ended.out.splitlines()
    assert line.endswith(" Unauthorized")
    assert f"  {name[:199]}…  " in line


@pytest.mark.parametrize(
    ("input", "workflow_id", "shown"),
    [
        ({"deliver_to": ["segment", "journy"]}, "fanout:track:{}", "segment, journy"),
        ({"integration": "segment"}, "own-{}", "segment"),
        ({"integration": "x" * 100_000}, "own-{}", "x" * 199 + "…"),
        ({"deliver_to": ["x", *"abc" * 1_000]}, "own-{}", ", ".join(["x", *"abc" * 7][:20])),
        ({}, "x" * 300 + ":track:{}", "x" * 199 + "…"),
        ({}, "default:track:{}", None),
    ],
)
async def test_names_the_integrations_of_a_delivery_without_an_output(
    command: Command,
    temporal: Client,
    task_queue: str,
    monkeypatch: pytest.MonkeyPatch,
    input: Json,
    workflow_id: str,
    shown: str | None,
) -> None:
    """Somebody has terminated it, before a worker saw it."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    handle = await temporal.start_workflow(
        "Track",
        {**input, "track": {"user_id": "u-1", "event": "Hi"}},
        id=workflow_id.format(task_queue),
        task_queue=task_queue,
    )
    await handle.terminate()
    await until_closed(temporal, handle.id)

    ended = await command("tail", "--since", "1m", "--limit", "1", "--json")

    row = json.loads(ended.out)
    assert (row["integration"], row["outcome"]) == (shown, "terminated")


async def test_refuses_an_unknown_method(command: Command) -> None:
    """With the known ones."""
    ended = await command("tail", "--method", "tracks")

    assert ended.status == 2
    assert "must be one of identify, track" in ended.err
