"""Redrives deliver each message once, whatever else has been done with its execution."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client

from durable_analytics.redrive.names import redrive_prefix
from durable_analytics.redrive.redrive import Report
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.delivered import messages
from tests.support.failed_deliveries import (
    accepted_ids,
    closed,
    fail_track,
    redrive,
    redriven,
    reset,
    run,
    track,
    unique,
    visible,
)
from tests.support.json_objects import Json
from tests.worker.processes import clean_environment, running
from workflows import redrive_lock

pytestmark = pytest.mark.slow


async def test_delivers_once_when_it_runs_twice(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    await fail_track(temporal, standin, queue)
    await run(temporal, queue, "Batch", {"messages": [*numbered(1), BAD]})
    await closed(temporal, queue, 2)
    await redrive(temporal, queue, type="Unauthorized")

    assert await redrive(temporal, queue, type="Unauthorized") == redriven(0, skipped=1)

    assert len(accepted_ids(standin)) == 2


async def test_delivers_once_when_the_first_run_was_cut_off(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """Its execution goes on; the second run finds it by its memo."""
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    standin.script("segment", {"delay": 2.0})
    first = asyncio.create_task(redrive(temporal, queue))
    await standin.wait_for(2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await temporal.get_workflow_handle(f"{queue}:redrive").terminate()  # instead of the lease
    await visible(temporal, f"WorkflowId STARTS_WITH '{redrive_prefix(queue)}'", 1)

    assert await redrive(temporal, queue) == redriven(0, skipped=1)

    await standin.wait_for_accepted("segment", 1)
    assert len(accepted_ids(standin)) == 1


async def test_delivers_once_when_the_caller_has_sent_it_again_with_its_own_workflow_id(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    name = unique()
    await fail_track(temporal, standin, queue, id=name)
    await run(temporal, queue, "Track", {"track": track()}, id=name)
    await closed(temporal, queue, 2)

    assert await redrive(temporal, queue) == redriven(0, skipped=1)

    assert len(accepted_ids(standin)) == 1


async def test_delivers_once_when_the_caller_has_failed_twice(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    name = unique()
    await fail_track(temporal, standin, queue, id=name)
    await fail_track(temporal, standin, queue, id=name)
    await closed(temporal, queue, 2)

    assert await redrive(temporal, queue) == redriven(1, skipped=1)
    assert await redrive(temporal, queue) == redriven(0, skipped=2)

    assert len(accepted_ids(standin)) == 1


async def test_other_messages_of_the_same_workflow_id_are_sent(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    name = unique()
    first: Json = {"track": track(1)}
    await fail_track(temporal, standin, queue, first, id=name)
    await run(temporal, queue, "Track", {"track": track(2)}, id=name)
    await closed(temporal, queue, 2)

    assert await redrive(temporal, queue) == redriven(1)

    assert [message["userId"] for message in messages(standin)] == ["u-2", "u-1"]


@pytest.mark.parametrize("is_redriven_first", [False, True])
async def test_delivers_once_when_somebody_has_reset_it(
    temporal: Client, queue: str, standin: StandIn, *, is_redriven_first: bool
) -> None:
    """A reset run that fails again has the same message."""
    handle = await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)
    if is_redriven_first:
        await redrive(temporal, queue)
        standin.script("segment", {"status": 401})
    await reset(temporal, handle.id, handle.result_run_id or "")
    await closed(temporal, queue, 4 if is_redriven_first else 2)

    report = await redrive(temporal, queue)

    assert (report.redriven, report.failed) == (0, 0)
    assert len(accepted_ids(standin)) == 1


async def test_delivers_once_when_a_batch_has_been_reset(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    standin.script("segment", {"status": 401})
    handle = await run(temporal, queue, "Batch", {"messages": numbered(3)})
    await closed(temporal, queue, 1)
    await reset(temporal, handle.id, handle.result_run_id or "")
    await closed(temporal, queue, 2)

    assert await redrive(temporal, queue) == redriven(0, skipped=3)

    assert len(accepted_ids(standin)) == 3


async def test_delivers_once_when_the_command_was_killed(
    temporal: Client, queue: str, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock ends by itself; the second command finds what the first has started."""
    monkeypatch.setattr(redrive_lock, "LEASE", timedelta(seconds=3))
    standin.script("segment", *[{"status": 401}] * 30)
    await asyncio.gather(
        *(run(temporal, queue, "Track", {"track": track(number)}) for number in range(30))
    )
    await closed(temporal, queue, 30)
    environment = clean_environment(
        TEMPORAL_ADDRESS=temporal.service_client.config.target_host, ANALYTICS_TASK_QUEUE=queue
    )
    program = "from durable_analytics.cli.failed import failed_app; failed_app()"
    command = ("-c", program, "redrive", "--yes", "--rate", "10")
    async with running(*command, environment=environment) as process:
        await standin.wait_for_accepted("segment", 1)
        await process.kill()

    report = await redrive(temporal, queue)

    assert report.selected == 30
    assert report.skipped >= 10
    assert report.redriven >= 10
    ids = accepted_ids(standin)
    assert len(set(ids)) == len(ids) == 30


async def test_two_redrives_at_once_deliver_once(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """The second waits for the lock of the first."""
    await fail_track(temporal, standin, queue)
    await closed(temporal, queue, 1)

    reports = await asyncio.gather(redrive(temporal, queue), redrive(temporal, queue))

    assert sorted(report.redriven for report in reports) == [0, 1]
    assert len(accepted_ids(standin)) == 1


async def test_after_a_partial_redrive_only_the_rest_is_sent(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    standin.script("customerio", {"status": 401})
    data = {"integration": "customerio", "messages": numbered(3)}
    await run(temporal, queue, "Batch", data)
    await closed(temporal, queue, 1)
    errors = [{"batch_index": 1, "reason": "invalid", "field": "name"}]
    standin.script("customerio", {"status": 207, "body": {"errors": errors}})
    first = await redrive(temporal, queue)
    standin.clear()

    second = await redrive(temporal, queue)

    assert first == Report(selected=3, redriven=2, failed=1)
    assert second == redriven(1, skipped=2)
    assert len(accepted_ids(standin, "customerio")) == 1
