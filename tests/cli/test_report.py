"""`report`: what was received and how it ended; the sums agree."""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.worker import Worker

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.json_objects import Json
from tests.support.visible import until_closed, until_visible
from tests.support.worker_settings import settings_with
from tests.worker.pauses import requests_waiting
from worker import register

TRACK: Json = {"user_id": "u-1", "event": "Signed Up"}
ITEM: Json = {"type": "track", **TRACK}
PAGE: Json = {"type": "page", "user_id": "u-1", "name": "Home"}

STAGES = ("refused", "filtered", "waiting", "delivered", "failed")


@pytest.fixture
def on_queue(command: Command, task_queue: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command on the task queue of the test."""
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    return command


async def start(
    client: Client, task_queue: str, workflow: str, *inputs: Any
) -> WorkflowHandle[Any, Any]:
    """Start an execution as any program may, with an id that says nothing."""
    return await client.start_workflow(
        workflow, args=list(inputs), id=f"test-{uuid.uuid4()}", task_queue=task_queue
    )


async def ended(client: Client, handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for its end, be it a failure, until it is listed."""
    with contextlib.suppress(WorkflowFailureError):
        await handle.result()
    await until_closed(client, handle.id)


def counts(row: Json) -> dict[str, int]:
    """The numbers of a row that are not 0."""
    return {name: row[name] for name in ("received", *STAGES) if row[name]}


async def test_the_sums_agree_over_mixed_traffic(
    on_queue: Command, temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Singles, batches with refused messages, fan-outs, filtered, failing and waiting ones."""
    account = standin.vendors["segment"].integration_settings(standin.base_url("segment"))
    settings = settings_with(
        standin, task_queue, **account, routing={"methods": ["track", "identify"]}
    )
    segment = {"integration": "segment"}
    batch = [ITEM, ITEM, {"type": "track"}, PAGE]
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        standin.script("segment", {"status": 400})
        handle = await start(temporal, task_queue, "Track", {**segment, "track": TRACK})
        await ended(temporal, handle)
        # Nothing of it is accepted: the provider refuses three, Validation one.
        standin.script("segment", {"status": 401})
        whole = {**segment, "messages": [ITEM, ITEM, ITEM, {"type": "track"}]}
        await ended(temporal, await start(temporal, task_queue, "Batch", whole))
        for workflow, *inputs in (
            ("Track", {**segment, "track": TRACK}),
            ("Track", {**segment, "track": {"user_id": "u-1"}}),
            ("Page", {**segment, "page": PAGE}),
            ("Batch", {**segment, "messages": batch}),
            ("Batch", {**segment, "messages": "none"}),
            ("Batch", {"integration": "no_such", "messages": [ITEM] * 3}),
            ("Track", {"deliver_to": ["segment", "journy"], "track": TRACK}),
            ("Batch", {"deliver_to": ["segment", "journy"], "messages": batch}),
            ("Track", {**segment, "track": TRACK}, {}),
        ):
            await ended(temporal, await start(temporal, task_queue, workflow, *inputs))
        standin.script("segment", *[{"delay": 60}] * 50)  # for each attempt
        waiting = [
            await start(temporal, task_queue, "Track", {**segment, "track": TRACK}),
            await start(temporal, task_queue, "Batch", {**segment, "messages": batch}),
        ]
        stopped = await start(temporal, task_queue, "Track", {**segment, "track": TRACK})
        await requests_waiting([*waiting, stopped])
        await stopped.terminate()
        await until_closed(temporal, stopped.id)
        await until_visible(temporal, f"TaskQueue = '{task_queue}'", 14)

        printed = await on_queue("report", "--since", "1h", "--json")
        for handle in waiting:
            await handle.terminate()

    report = printed.json
    rows = {row["integration"]: row for row in report["integrations"]}
    assert {name: counts(row) for name, row in rows.items()} == {
        "journy": {"received": 5, "refused": 1, "delivered": 4},
        "segment": {
            "received": 24,
            "refused": 5,
            "filtered": 3,
            "waiting": 5,
            "delivered": 6,
            "failed": 5,
        },
        "unknown": {"received": 4, "refused": 4},
    }
    assert rows["segment"]["reasons"] == {
        "refused": {"ValidationError": 5},
        "filtered": {"routing": 3},
        "failed": {"Unauthorized": 3, "Rejected": 1, "Terminated": 1},
    }
    assert rows["unknown"]["reasons"]["refused"] == {
        "UnknownIntegration": 3,
        "ValidationError": 1,
    }
    for row in [*rows.values(), report["total"]]:
        assert row["received"] == sum(row[stage] for stage in STAGES)
        for stage, reasons in row["reasons"].items():
            assert row[stage] == sum(reasons.values())
    for name in ("received", *STAGES):
        assert report["total"][name] == sum(row[name] for row in rows.values())


async def test_what_waits_without_a_worker_is_counted_by_its_input(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """No Validation has read it: the integration is that of the workflow id, or not known."""
    analytics = AnalyticsClient(temporal, task_queue=task_queue)
    await analytics.track(integration="segment", user_id="u-1", event="Hi")
    await temporal.start_workflow(
        "Batch",
        {"integration": "segment", "messages": [ITEM] * 3},
        id=f"segment:batch:{uuid.uuid4()}",
        task_queue=task_queue,
    )
    await start(temporal, task_queue, "Track", {"track": TRACK})
    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 3)

    report = (await on_queue("report", "--json")).json

    assert {row["integration"]: counts(row) for row in report["integrations"]} == {
        "segment": {"received": 4, "waiting": 4},
        "unknown": {"received": 1, "waiting": 1},
    }


async def test_a_name_in_a_workflow_id_is_cut(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """Any program may choose the id."""
    workflow_id = f"{'x' * 300}:track:{task_queue}"
    await temporal.start_workflow("Track", {"track": TRACK}, id=workflow_id, task_queue=task_queue)
    await until_visible(temporal, f"TaskQueue = '{task_queue}'")

    report = (await on_queue("report", "--json")).json

    assert [row["integration"] for row in report["integrations"]] == ["x" * 199 + "…"]


async def test_times_are_those_from_acceptance_to_delivery(
    on_queue: Command, temporal: Client, standin: StandIn, queue: str
) -> None:
    """Each message of a batch counts: the batch that was retried is half of the messages."""
    for _ in range(3):
        handle = await start(temporal, queue, "Track", {"integration": "segment", "track": TRACK})
        await ended(temporal, handle)
    standin.script("segment", {"status": 503})
    handle = await start(
        temporal, queue, "Batch", {"integration": "segment", "messages": [ITEM] * 3}
    )
    await ended(temporal, handle)

    report = (await on_queue("report", "--since", "PT1H", "--json")).json

    (row,) = report["integrations"]
    description = await handle.describe()
    assert description.close_time
    took = (description.close_time - description.start_time).total_seconds()
    # The first retry comes after a second.
    assert took >= 1
    assert row["seconds"]["p95"] == pytest.approx(took, abs=0.002)
    assert 0 < row["seconds"]["p50"] < row["seconds"]["p95"]
    assert report["total"]["seconds"] == row["seconds"]


async def test_the_period_is_that_of_the_start(
    on_queue: Command, temporal: Client, task_queue: str
) -> None:
    """What started before is not counted, nor what started after its end."""
    await start(temporal, task_queue, "Track", {"track": TRACK})
    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 1)
    between = datetime.now(UTC) + timedelta(milliseconds=5)
    await asyncio.sleep(0.02)
    await start(temporal, task_queue, "Track", {"track": TRACK})
    await until_visible(temporal, f"TaskQueue = '{task_queue}'", 2)

    both = (await on_queue("report", "--json")).json
    later = (await on_queue("report", "--since", between.isoformat(), "--json")).json
    earlier = (await on_queue("report", "--until", between.isoformat(), "--json")).json

    assert (both["total"]["received"], later["total"]["received"]) == (2, 1)
    assert earlier["total"]["received"] == 1
    assert datetime.fromisoformat(later["since"]) == between.replace(
        microsecond=between.microsecond // 1000 * 1000
    )


async def test_the_tables_fit_80_columns(
    on_queue: Command, temporal: Client, standin: StandIn, queue: str
) -> None:
    """With the sums, the times and the reasons; each row is one line."""
    standin.script("segment", {"status": 400})
    for _ in range(2):
        handle = await start(temporal, queue, "Track", {"integration": "segment", "track": TRACK})
        await ended(temporal, handle)

    printed = await on_queue("report", "--since", "1h")

    lines = printed.out.splitlines()
    assert printed.status == 0
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("Messages since 20")
    assert [line.split() for line in lines[1:4]] == [
        ["INTEGRATION", "RECEIVED", "REFUSED", "FILTERED", "WAITING", "DELIVERED", "FAILED"],
        ["segment", "2", "0", "0", "0", "1", "1"],
        ["total", "2", "0", "0", "0", "1", "1"],
    ]
    assert [line.split()[0] for line in lines[5:8]] == ["DELIVERED", "segment", "total"]
    assert [line.split() for line in lines[9:]] == [
        ["INTEGRATION", "STAGE", "REASON", "MESSAGES"],
        ["segment", "failed", "Rejected", "1"],
    ]


async def test_nothing_is_a_row_of_zeros(on_queue: Command) -> None:
    printed = await on_queue("report")

    assert printed.status == 0
    assert printed.out.splitlines()[-1].split() == ["total", *["0"] * 6]


async def test_a_wrong_time_is_wrong_use(on_queue: Command) -> None:
    printed = await on_queue("report", "--since", "yesterday")

    assert printed.status == 2
    assert "neither a time nor a duration" in printed.err
