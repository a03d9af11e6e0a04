"""What the lists of an operator show of executions that are encrypted with an unknown key."""

import json
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.clients_with_keys import client_with_keys
from tests.support.command import Command
from tests.support.failed_deliveries import closed, fail_track, run, track
from tests.support.worker_settings import settings_for
from worker import register

KEY = new_key("k9")
NAMED = "a payload is encrypted with the key k9, which this process does not have"


@pytest.fixture
async def workflow_ids(temporal: Client, standin: StandIn, task_queue: str) -> tuple[str, str, str]:
    """Of two failures, only the first of which can be read, and of a fan-out with a refusal."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        readable = await fail_track(temporal, standin, task_queue)
    keyed = await client_with_keys(temporal, KEY)
    async with Worker(keyed, task_queue=task_queue, plugins=[register(settings)]):
        unreadable = await fail_track(keyed, standin, task_queue)
        standin.script("amplitude", {"status": 400})
        data = {"deliver_to": ["segment", "amplitude"], "track": track()}
        fan_out = await run(keyed, task_queue, "Track", data)
    await closed(temporal, task_queue, 3)
    return readable.id, unreadable.id, fan_out.id


async def test_what_can_be_read_is_listed_and_the_key_is_named(
    operator: Command, workflow_ids: tuple[str, str, str]
) -> None:
    """One such payload must not hide all other failures."""
    readable, *unreadable = workflow_ids

    listed = await operator("failed", "list", "--json")
    shown = await operator("failed", "show", unreadable[0], "--json")

    types = {row["workflow_id"]: row["type"] for row in listed.json}
    assert types == {readable: "Unauthorized", **dict.fromkeys(unreadable, "UnreadablePayload")}
    assert listed.status == 2
    assert listed.err.startswith(f"2 of them cannot be read: {NAMED}")
    assert (shown.json["type"], shown.json["input"]) == ("UnreadablePayload", None)
    assert (shown.status, shown.err.startswith(NAMED)) == (2, True)


async def test_a_filter_hides_only_what_the_search_attributes_exclude(
    operator: Command, workflow_ids: tuple[str, str, str]
) -> None:
    """Anything else may be what the operator looks for."""
    listed = await operator("failed", "list", "--type", "Rejected", "--json")

    assert [row["workflow_id"] for row in listed.json] == [workflow_ids[2]]
    assert listed.status == 2


async def test_a_redrive_sends_the_others(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    operator: Command,
    workflow_ids: tuple[str, str, str],
) -> None:
    del workflow_ids
    standin.clear()
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        report = await operator("failed", "redrive", "--yes", "--json")

    assert (report.json["redriven"], report.json["failed"], report.status) == (1, 2, 1)
    assert f"the first that failed: UnreadablePayload: {NAMED}" in report.err
    assert len(standin.accepted["segment"]) == 1


async def test_tail_and_status_go_on(operator: Command, workflow_ids: tuple[str, str, str]) -> None:
    tailed = await operator("tail", "--since", "1h", "--limit", "3", "--json")
    status = await operator("status", "--json")

    outcomes = {
        one["workflow_id"]: one["outcome"] for one in map(json.loads, tailed.out.splitlines())
    }
    assert [outcomes[one] for one in workflow_ids] == [
        "Unauthorized",
        "UnreadablePayload",
        "UnreadablePayload",
    ]
    rows = {row["integration"]: row for row in status.json}
    assert rows["segment"]["refused"] is None
    assert status.status == 0


async def test_an_input_without_a_key_that_timed_out_is_listed(
    temporal: Client, standin: StandIn, task_queue: str, operator: Command
) -> None:
    """A worker without the key tries again until the time that the caller allows is over."""
    keyed = await client_with_keys(temporal, KEY)
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(temporal, task_queue=task_queue, plugins=[register(settings)]):
        handle = await keyed.start_workflow(
            "Track",
            {"track": track()},
            id=f"waits-{task_queue}",
            task_queue=task_queue,
            execution_timeout=timedelta(seconds=2),
        )
        await closed(temporal, task_queue, 1)

    listed = await operator("failed", "list", "--json")

    (row,) = listed.json
    assert (row["workflow_id"], row["type"]) == (handle.id, "Unavailable")
