"""The activities, called by somebody else's workflow or by a client."""

import uuid
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.request import Request
from activities.validation import Validation
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.json_objects import Json
from tests.support.raw_payloads import raw
from tests.support.refusals import PLAN_REFUSED
from worker import Settings
from worker.http_clients import http_clients

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "E"}}


async def refusal(activity: Any, *arguments: Any) -> str:
    """What an activity says of these arguments."""
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(activity.__call__, *arguments)
    assert failed.value.type == "ValidationError"
    assert failed.value.non_retryable
    return failed.value.message


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({}, PLAN_REFUSED),
        ([], PLAN_REFUSED),
        ("plan", PLAN_REFUSED),
        ({"integration": "segment", "message": {}}, PLAN_REFUSED),
        ({"integration": "segment", "message": {"message_id": None}}, PLAN_REFUSED),
        (raw(b"nope"), "plan is not valid JSON: expected ident at column 2"),
    ],
)
async def test_a_wrong_plan_is_told(running_worker: Settings, plan: Any, message: str) -> None:
    """Rather than delivering without an id."""
    clients = http_clients(running_worker, {})
    request = Request(METHODS["track"], running_worker.deliverable(), clients, lambda _: None)

    assert await refusal(request, TRACK, plan) == message
    for client in clients.values():
        await client.aclose()


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ([], 'origin must be an object like {"started_at": …}, or null'),
        (5, 'origin must be an object like {"started_at": …}, or null'),
        (
            {"started_at": "yesterday"},
            'origin.started_at must be ISO 8601, like "2026-01-31T09:30:00Z"',
        ),
        (
            {"started_at": "0001-01-01T00:00:00+14:00"},
            (
                "origin.started_at must be a day and a time that exist, "
                "in the years 1 to 9999 in UTC, with seconds from 0 to 59"
            ),
        ),
        (raw(b"{"), "origin is not valid JSON: EOF while parsing an object at column 1"),
    ],
)
async def test_a_wrong_origin_is_told(running_worker: Settings, origin: Any, message: str) -> None:
    """It would make up a wrong time."""
    validation = Validation(METHODS["track"], running_worker.deliverable())

    assert await refusal(validation, TRACK, origin) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([raw(b"nope")], "the input is not valid JSON: expected ident at column 2"),
        (
            [raw(b"x", b"foreign")],
            "the input must be JSON (json/plain), not a payload with encoding 'foreign'",
        ),
        ([TRACK, None, 1], "the activity was called with 3 arguments; the limit is 2"),
    ],
)
async def test_wrong_arguments_are_final(
    temporal: Client, running_worker: Settings, arguments: list[Any], message: str
) -> None:
    """Under Temporal's default policy anything else would be retried for ever."""
    handle = await temporal.start_activity(
        "Track.Validation",
        args=arguments,
        id=f"alone-{uuid.uuid4()}",
        task_queue=running_worker.task_queue,
        start_to_close_timeout=running_worker.graceful_shutdown_timeout,
    )
    with pytest.raises(Exception) as failed:  # noqa: PT011  # the cause is what matters
        await handle.result()

    cause = failed.value.__cause__
    assert isinstance(cause, ApplicationError)
    assert (cause.type, cause.message) == ("ValidationError", message)


async def test_request_alone_keeps_one_id(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Without a workflow, over its attempts."""
    standin.script("segment", {"status": 500})

    result = await temporal.execute_activity(
        "Track.Request",
        TRACK,
        id=f"alone-{uuid.uuid4()}",
        task_queue=running_worker.task_queue,
        start_to_close_timeout=running_worker.graceful_shutdown_timeout,
        retry_policy=RetryPolicy(maximum_attempts=2),
    )

    assert result["response"]["status_code"] == 200
    assert [attempt["status_code"] for attempt in result["attempts"]] == [500, 200]
    assert len({request["body"]["messageId"] for request in standin.requests}) == 1
    assert len(standin.requests) == 2
