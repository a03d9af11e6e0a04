"""Timestamps of SDKs: read in every spelling that Segment reads, written as ISO 8601."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute
from worker import Settings

TIMES = [
    ("2014", "2014-01-01T00:00:00.000Z"),
    ("2014-06", "2014-06-01T00:00:00.000Z"),
    (1_700_000_000, "2023-11-14T22:13:20.000Z"),
    ("1700000000", "2023-11-14T22:13:20.000Z"),
    (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
    ("1700000000123", "2023-11-14T22:13:20.123Z"),
    ("Sat, 31 Jan 2026 09:30:00 +0100", "2026-01-31T08:30:00.000Z"),
    ("Sat, 31 Jan 2026 09:30:00", "2026-01-31T09:30:00.000Z"),
    (
        "Sat Jan 31 2026 09:30:00 GMT+0100 (Central European Standard Time)",
        "2026-01-31T08:30:00.000Z",
    ),
    ("2026-01-31t09:30:00z", "2026-01-31T09:30:00.000Z"),
    ("2026-01-31T09:30:00+01:00", "2026-01-31T09:30:00+01:00"),
    ("1900-01-02T00:00:00+00:19:32", "1900-01-01T23:40:28.000Z"),
    ("1900-01-02 00:00:00.5-00:19:32.25", "1900-01-02T00:19:32.750Z"),
    ("20260131T093000+001932", "2026-01-31T09:10:28.000Z"),
    ("2026-01-31T09Z", "2026-01-31T09:00:00.000Z"),
    ("2026-W05-6", "2026-01-31T00:00:00.000Z"),
]


@pytest.mark.parametrize("integration", ["segment", "trakio"])
@pytest.mark.parametrize(("given", "written"), TIMES)
async def test_written_as_iso_8601(
    execute: Execute, standin: StandIn, integration: str, given: object, written: str
) -> None:
    message = {"user_id": "u", "event": "E", "timestamp": given}

    output = await execute("Track", {"integration": integration, "strict": False, "track": message})

    body = standin.requests[0]["body"]
    assert (body.get("timestamp") or body["data"]["time"]) == written
    assert output["track"]["timestamp"] == written


@pytest.mark.parametrize(
    "given",
    [
        {"at": "noon"},
        "Sat, 31 Jan 2026 09:30:00 XYZ",
        "Sat Jan 31 09:30:00 CEST 2026",
        "Sat Jan 31 2026 09:30:00 GMT+1",
        "2026-01-31x09:30:00",
        "1900-01-02T00:00:00+00:19:32Z",
        "0001-01-01T00:00:00+00:19:32",
    ],
)
async def test_segment_gets_what_cannot_be_read(
    execute: Execute, standin: StandIn, given: object
) -> None:
    """It takes such a message, and so do we. An unknown time zone is not UTC."""
    message = {"user_id": "u", "event": "E", "timestamp": given}

    await execute("Track", {"strict": False, "track": message})

    assert standin.requests[0]["body"]["timestamp"] == given


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("given", ["", "  ", None])
async def test_an_empty_time_is_missing(
    execute: Execute, standin: StandIn, given: str | None, *, strict: bool
) -> None:
    message = {"user_id": "u", "event": "E", "timestamp": given}

    await execute("Track", {"strict": strict, "track": message})

    sent = datetime.fromisoformat(standin.requests[0]["body"]["timestamp"])
    assert abs(datetime.now(UTC) - sent) < timedelta(minutes=1)


async def test_a_strict_input_wants_iso_8601(execute: Execute) -> None:
    output = await execute("Track", {"track": {"user_id": "u", "event": "E", "timestamp": "2014"}})

    assert output["error"]["fields"][0]["path"] == "track.timestamp"


async def test_a_delayed_execution_is_dated_when_it_begins(
    execute: Execute, standin: StandIn
) -> None:
    """`temporal workflow start --start-delay`: not when it was asked for."""
    asked = datetime.now(UTC)

    await execute(
        "Track", {"track": {"user_id": "u", "event": "E"}}, start_delay=timedelta(seconds=2)
    )

    sent = datetime.fromisoformat(standin.requests[0]["body"]["timestamp"])
    assert sent - asked >= timedelta(seconds=1.5)


async def test_a_scheduled_execution_is_dated_when_it_begins(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """`--cron`: not one interval before."""
    asked = datetime.now(UTC)
    handle = await temporal.start_workflow(
        "Track",
        {"track": {"user_id": "u", "event": "E"}},
        id=f"cron-{uuid.uuid4()}",
        task_queue=running_worker.task_queue,
        cron_schedule="@every 2s",
    )
    try:
        (request, *_) = await standin.wait_for(1)
    finally:
        await handle.terminate()

    sent = datetime.fromisoformat(request["body"]["timestamp"])
    assert sent - asked >= timedelta(seconds=1)
