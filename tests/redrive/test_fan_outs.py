"""Redrive of fan-outs: what failed at one integration is sent to that one, and counted there."""

from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics.redrive.failures import list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.names import Origin, redrive_prefix
from durable_analytics.redrive.redrive import Options, Redrive, Report
from durable_analytics.redrive.redriven_messages import RedrivenMessages, rejected_indexes
from durable_analytics.testing import StandIn
from durable_analytics.wire.outputs import fan_out_output
from tests.support.batches import numbered
from tests.support.failed_deliveries import accepted_ids, closed, redrive, redriven, run, track
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from worker import register

pytestmark = pytest.mark.slow

TWO = ["journy", "segment"]


@pytest.mark.parametrize(
    ("workflow", "own", "count"),
    [
        ("Track", {"track": track(message_id="m-0")}, 1),
        ("Batch", {"messages": [{**one, "message_id": "m-0"} for one in numbered(1)] * 2}, 2),
    ],
)
async def test_a_fan_out_that_timed_out_failed_at_each_integration(
    temporal: Client, task_queue: str, standin: StandIn, workflow: str, own: Json, count: int
) -> None:
    """What one of them refuses again is counted as failed, and sent by the next redrive."""
    limit = timedelta(seconds=1)
    data = {"deliver_to": TWO, **own}
    await run(temporal, task_queue, workflow, data, execution_timeout=limit)
    await closed(temporal, task_queue, 1)
    standin.script("segment", {"status": 401})

    plugin = register(settings_for(standin, task_queue=task_queue))
    async with Worker(temporal, task_queue=task_queue, plugins=[plugin]):
        reports = [await redrive(temporal, task_queue) for _ in range(3)]

    assert reports == [
        Report(selected=2 * count, redriven=count, failed=count),
        redriven(count, skipped=count),
        redriven(0, skipped=2 * count),
    ]
    assert accepted_ids(standin, "segment") == accepted_ids(standin, "journy") == ["m-0"] * count
    redrives = temporal.list_workflows(f"WorkflowId STARTS_WITH '{redrive_prefix(task_queue)}'")
    outputs = [
        await temporal.get_workflow_handle(one.id, run_id=one.run_id).result()
        async for one in redrives
        if one.status and one.status.name == "COMPLETED"
    ]
    assert sorted(output["integration"] for output in outputs) == TWO


async def test_a_fan_out_that_was_refused_as_a_whole_failed_at_each_integration(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """One of its names is unknown: the other one gets the message."""
    await run(temporal, queue, "Track", {"deliver_to": ["segment", "nowhere"], "track": track()})
    await closed(temporal, queue, 1)

    failed = [one async for one in list_failed(temporal, Filters(), queue)]

    assert [(one.integration, one.type) for one in failed] == [
        ("segment", "ValidationError"),
        ("nowhere", "ValidationError"),
    ]
    assert await redrive(temporal, queue) == Report(selected=2, redriven=1, failed=1)
    assert len(accepted_ids(standin)) == 1


@pytest.mark.parametrize("names", [[], "segment", ["segment", 1]])
async def test_a_wrong_list_of_integrations_is_refused_again(
    temporal: Client, queue: str, standin: StandIn, names: object
) -> None:
    await run(temporal, queue, "Track", {"deliver_to": names, "track": track()})
    await closed(temporal, queue, 1)

    assert await redrive(temporal, queue) == Report(selected=1, failed=1)
    assert standin.requests == []


@pytest.mark.parametrize(
    ("deliveries", "rejected"),
    [
        ({"segment": {"status": "success"}, "journy": {"status": "success"}}, set()),
        (
            {
                "segment": {"status": "partial", "rejected": [{"index": 1}]},
                "journy": {"status": "partial", "rejected": [{"index": 0}]},
            },
            {0, 1},
        ),
        ({"segment": {"status": "success"}, "journy": {"status": "failure"}}, {0, 1, 2}),
    ],
)
async def test_a_message_is_delivered_if_no_integration_rejected_it(
    deliveries: dict[str, Json], rejected: set[int]
) -> None:
    """In a redrive that is itself a fan-out."""
    assert rejected_indexes(fan_out_output(deliveries, None), 3) == rejected


async def test_a_redrive_of_a_whole_fan_out_has_delivered_to_each_integration(
    temporal: Client,
) -> None:
    delivered = RedrivenMessages(temporal)
    delivered.add(Origin("order-1", "r-1", 0))
    delivered.add(Origin("order-2", "r-2", 0, "journy"))

    assert delivered.has(Origin("order-1", "r-1", 0, "segment"))
    assert not delivered.has(Origin("order-2", "r-2", 0, "segment"))


async def test_another_integration_gets_a_message_once(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """Although it failed at two; what one of them has got since is not sent for that one."""
    standin.script("segment", *[{"status": 401}] * 2)
    standin.script("journy", *[{"status": 401}] * 2)
    messages = [{**one, "message_id": f"m-{n}"} for n, one in enumerate(numbered(2))]
    await run(temporal, queue, "Batch", {"deliver_to": TWO, "messages": messages})
    await run(temporal, queue, "Track", {"deliver_to": TWO, "track": track(message_id="m-2")})
    await closed(temporal, queue, 2)

    backup = Redrive(temporal, queue, Filters(), Options(to="rudderstack"))
    preview = await backup.preview()
    first = await Redrive(temporal, queue, Filters(method="track", integration="journy")).run()
    second = await backup.run()
    third = await backup.run()
    fourth = await redrive(temporal, queue)

    assert preview == Report(selected=3, dry_run=True)
    assert first == redriven(1)
    assert second == redriven(3)
    assert third == redriven(0, skipped=3)
    assert fourth == redriven(0, skipped=6)
    assert sorted(map(str, accepted_ids(standin, "rudderstack"))) == ["m-0", "m-1", "m-2"]
    assert accepted_ids(standin, "journy") == ["m-2"]


async def test_what_failed_at_another_integration_is_still_to_be_sent(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """The backup got the message in place of one integration only."""
    standin.script("segment", {"status": 401})
    standin.script("journy", {"status": 401})
    await run(temporal, queue, "Track", {"deliver_to": TWO, "track": track(message_id="m-0")})
    await closed(temporal, queue, 1)

    in_place_of_one = Filters(integration="segment")
    await Redrive(temporal, queue, in_place_of_one, Options(to="rudderstack")).run()

    assert await redrive(temporal, queue) == redriven(1, skipped=1)
    assert accepted_ids(standin, "journy") == ["m-0"]


async def test_another_integration_gets_a_message_once_by_two_redrives(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """One in place of each integration; later, each of them still gets it."""
    standin.script("segment", {"status": 401})
    standin.script("journy", {"status": 401})
    await run(temporal, queue, "Track", {"deliver_to": TWO, "track": track(message_id="m-0")})
    await closed(temporal, queue, 1)
    backup = Options(to="rudderstack")

    reports = [
        await Redrive(temporal, queue, Filters(integration=name), backup).run() for name in TWO
    ]
    own = await redrive(temporal, queue)

    assert reports == [redriven(1), redriven(0, skipped=1)]
    assert accepted_ids(standin, "rudderstack") == ["m-0"]
    assert own == redriven(1, skipped=1)


@pytest.mark.parametrize(
    ("workflow", "own"),
    [("Track", {"track": track(message_id="m-0")}), ("Batch", {"messages": numbered(1)})],
)
async def test_an_integration_of_the_fan_out_gets_a_message_once(
    temporal: Client, queue: str, standin: StandIn, workflow: str, own: Json
) -> None:
    """The fan-out itself has delivered it there, in place of which `--to` names it."""
    standin.script("journy", {"status": 401})
    await run(temporal, queue, workflow, {"deliver_to": TWO, **own})
    await closed(temporal, queue, 1)

    report = await Redrive(temporal, queue, Filters(), Options(to="segment")).run()

    assert report == redriven(0, skipped=1)
    assert len(accepted_ids(standin, "segment")) == 1


async def test_the_integration_that_got_a_message_for_another_one_does_not_get_its_own(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    """It failed at both, and one of them got it in place of the other one."""
    standin.script("segment", {"status": 401})
    standin.script("journy", {"status": 401})
    await run(temporal, queue, "Track", {"deliver_to": TWO, "track": track(message_id="m-0")})
    await closed(temporal, queue, 1)

    for_journy = Filters(integration="journy")
    first = await Redrive(temporal, queue, for_journy, Options(to="segment")).run()
    second = await redrive(temporal, queue)

    assert (first, second) == (redriven(1), redriven(0, skipped=2))
    assert accepted_ids(standin, "segment") == ["m-0"]
