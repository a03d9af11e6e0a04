"""The list of failed deliveries: what it has, what filters leave, with and without attributes."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from durable_analytics.redrive.failures import FailedDelivery, list_failed
from durable_analytics.redrive.filters import Filters
from durable_analytics.testing import StandIn
from tests.support.batches import BAD, numbered
from tests.support.failed_deliveries import ONE_ATTEMPT, closed, fail_track, run, track, unique

pytestmark = pytest.mark.slow


async def listed(client: Client, queue: str, **filters: object) -> list[FailedDelivery]:
    """What the list has."""
    return [one async for one in list_failed(client, Filters(**filters), queue)]  # type: ignore[arg-type]


async def test_a_failed_message_is_listed_with_its_reason(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    handle = await fail_track(temporal, standin, queue)
    await run(temporal, queue, "Track", {"track": track()})
    await closed(temporal, queue, 2)

    (row,) = [one.as_json() for one in await listed(temporal, queue)]

    assert row.pop("run_id") == handle.result_run_id
    assert datetime.fromisoformat(row.pop("closed_at")) > datetime.now(UTC) - timedelta(minutes=1)
    assert row == {
        "workflow_id": handle.id,
        "method": "track",
        "integration": "segment",
        "type": "Unauthorized",
        "message": row["message"],
        "messages": 1,
    }
    assert "401" in row["message"]


async def test_the_refused_messages_of_a_partial_batch_are_listed(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    del standin
    data = {"messages": [*numbered(3), BAD, {"type": "nothing"}]}
    handle = await run(temporal, queue, "Batch", data)
    await run(temporal, queue, "Batch", {"messages": numbered(3)})
    await closed(temporal, queue, 2)

    (failed,) = await listed(temporal, queue)

    assert (failed.workflow_id, failed.indexes) == (handle.id, (3, 4))
    assert (failed.type, failed.integration) == ("ValidationError", "segment")


async def test_a_batch_that_failed_before_its_messages_were_read_counts_all_of_them(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    del standin
    data = {"integration": "nobody", "messages": numbered(3)}
    await run(temporal, queue, "Batch", data)
    await closed(temporal, queue, 1)

    (failed,) = await listed(temporal, queue)

    assert (failed.type, failed.integration, failed.indexes) == (
        "UnknownIntegration",
        "nobody",
        (0, 1, 2),
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {"refused", "unavailable", "wrong"}),
        ({"type": "Unavailable"}, {"unavailable"}),
        ({"integration": "trakio"}, {"wrong"}),
        ({"method": "track"}, {"refused", "unavailable"}),
        ({"method": "batch"}, set()),
        ({"since": datetime.now(UTC) + timedelta(hours=1)}, set()),
        ({"until": datetime.now(UTC) - timedelta(hours=1)}, set()),
    ],
)
async def test_filters_leave_what_they_mean(
    temporal: Client,
    queue: str,
    standin: StandIn,
    filters: dict[str, object],
    expected: set[str],
) -> None:
    await fail_track(temporal, standin, queue, id=unique("refused"))
    standin.script("segment", {"status": 503})
    unavailable = {"track": track(), "policies": ONE_ATTEMPT}
    await run(temporal, queue, "Track", unavailable, id=unique("unavailable"))
    wrong = {"integration": "trakio", "screen": {"user_id": "u-1", "name": "Home"}}
    await run(temporal, queue, "Screen", wrong, id=unique("wrong"))
    await closed(temporal, queue, 3)

    found = await listed(temporal, queue, **filters)

    assert {one.workflow_id.split("-")[0] for one in found} == expected


async def test_a_workflow_id_may_contain_a_quote(
    temporal: Client, queue: str, standin: StandIn
) -> None:
    name = unique("it's")
    await fail_track(temporal, standin, queue, id=name)
    await closed(temporal, queue, 1)

    assert [one.workflow_id for one in await listed(temporal, queue, workflow_ids=(name,))] == [
        name
    ]
