"""The `attempts` of an output: one record for each attempt, the oldest first."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment

from activities.http import HttpClient
from activities.request import Request
from activities.responses import cut_detail, json_size
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.activities import SETTINGS, raw
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import QUICK_RETRIES

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}


def limited(attempts: int) -> Json:
    """A track with so many attempts."""
    return {**TRACK, "policies": {"request": {"retry_policy": {"maximum_attempts": attempts}}}}


async def test_success_lists_every_attempt(execute: Execute, standin: StandIn) -> None:
    """With the status code, or null if the provider did not respond."""
    standin.script("segment", {"status": 503}, {"drop": True}, {"status": 200})

    output = await execute("Track", TRACK)

    attempts = output["attempts"]
    assert [(a["attempt"], a["status_code"], a["error"]) for a in attempts] == [
        (1, 503, "Unavailable"),
        (2, None, "Unavailable"),
        (3, 200, None),
    ]
    times = [datetime.fromisoformat(attempt["at"]) for attempt in attempts]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta(0)}
    assert all(0 <= attempt["milliseconds"] < 10_000 for attempt in attempts)
    assert list(output)[-2:] == ["attempts", "policies"]


async def test_failure_lists_every_attempt(execute: Execute, standin: StandIn) -> None:
    """The last attempt is among them."""
    standin.script("segment", {"status": 500}, {"status": 429})

    output = await execute("Track", limited(2))

    assert output["status"] == "failure"
    assert [(a["attempt"], a["status_code"], a["error"]) for a in output["attempts"]] == [
        (1, 500, "Unavailable"),
        (2, 429, "RateLimited"),
    ]


async def test_invalid_message_has_no_attempts(execute: Execute) -> None:
    """Nothing was sent."""
    output = await execute("Track", {"integration": "segment", "track": {"user_id": "u-1"}})

    assert output["error"]["type"] == "ValidationError"
    assert output["attempts"] == []


def record(attempt: int) -> Json:
    """The record of an attempt that failed."""
    return {
        "attempt": attempt,
        "at": "2026-11-21T02:56:38.702Z",
        "milliseconds": 12,
        "status_code": 503,
        "error": "Unavailable",
    }


async def _run_request(workflow_type: str, plan: Json, earlier: list[Json]) -> Json:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        attempt=earlier[-1]["attempt"] + 1 if earlier else 1,
        workflow_type=workflow_type,
        heartbeat_details=[{"attempts": earlier}],
        retry_policy=RetryPolicy(),
        start_to_close_timeout=timedelta(minutes=5),
    )
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"success": True}))
    client = HttpClient(httpx.AsyncClient(transport=transport))
    request: Any = Request(
        METHODS["track"], SETTINGS.deliverable(), {"segment": client}, lambda _: None
    )
    result: Json = await environment.run(request, raw(TRACK), raw(plan))
    await client.aclose()
    return result


PLAN: Json = {
    "integration": "segment",
    "message": {"message_id": "m-1", "timestamp": "2026-11-21T02:56:38.691Z"},
}


async def test_last_twenty_attempts_are_kept() -> None:
    """Of more attempts, the oldest are left out."""
    earlier = [record(attempt) for attempt in range(21, 41)]

    result = await _run_request("Track", {**PLAN, "returns_attempts": True}, earlier)

    assert [attempt["attempt"] for attempt in result["attempts"]] == [*range(22, 42)]


@pytest.mark.parametrize(
    ("workflow_type", "keys"),
    [("Track", {"status_code", "headers", "body", "truncated"}), ("Own", {"response", "attempts"})],
)
async def test_workflow_of_an_earlier_release_gets_the_response_alone(
    workflow_type: str, keys: set[str]
) -> None:
    """Its plan does not ask for the attempts; a caller's own workflow always gets them."""
    result = await _run_request(workflow_type, PLAN, [])

    assert result.keys() == keys


@pytest.mark.parametrize("body", ["é" * 2000, {"error": "x" * 2000}, "short"])
def test_retried_failure_keeps_the_attempts_and_cuts_the_response(body: object) -> None:
    """Temporal keeps 4 KiB of it."""
    response = {"status_code": 503, "headers": {}, "body": body, "truncated": False}
    attempts = [record(attempt) for attempt in range(1, 21)]

    detail = cut_detail({"response": response, "attempts": attempts}, reserved_bytes=100)

    assert detail["attempts"] == attempts
    assert detail["response"]["status_code"] == 503
    assert detail["response"]["truncated"] is (body != "short")
    assert json_size(detail) < 3 * 1024


def test_retried_failure_with_a_long_error_keeps_the_last_attempts() -> None:
    """As many as fit beside the error."""
    attempts = [record(attempt) for attempt in range(1, 21)]

    kept = cut_detail({"response": None, "attempts": attempts}, reserved_bytes=2000)["attempts"]

    assert 0 < len(kept) < 20
    assert kept == attempts[-len(kept) :]


async def test_a_request_of_a_batch_has_its_attempts_if_it_needed_several(
    execute: Execute, standin: StandIn
) -> None:
    """Other requests of the batch have none."""
    standin.script("segment", {}, {"status": 503}, {"status": 429, "headers": {"Retry-After": "0"}})
    messages = [
        {"type": "track", "user_id": "u-1", "event": "E"},
        {"type": "delete", "user_id": "u-1"},
        {"type": "track", "user_id": "u-1", "event": "E"},
    ]

    output = await execute("Batch", {"messages": messages, "policies": QUICK_RETRIES})

    assert output["status"] == "success"
    first, second, third = output["responses"]
    assert "attempts" not in first
    assert "attempts" not in third
    told = [(one["attempt"], one["status_code"], one["error"]) for one in second["attempts"]]
    assert told == [(1, 503, "Unavailable"), (2, 429, "RateLimited"), (3, 200, None)]
    assert [one["at"] for one in second["attempts"]] == sorted(
        one["at"] for one in second["attempts"]
    )


async def test_a_request_of_a_batch_that_fails_has_its_attempts(
    execute: Execute, standin: StandIn
) -> None:
    """Also if nothing was accepted."""
    standin.script("segment", {"status": 503}, {"status": 503})
    retries = {"initial_interval": "PT0.05S", "maximum_attempts": 2}
    messages = [{"type": "track", "user_id": "u-1", "event": "E"}] * 2

    output = await execute(
        "Batch", {"messages": messages, "policies": {"request": {"retry_policy": retries}}}
    )

    assert (output["status"], output["error"]["type"]) == ("failure", "Unavailable")
    (response,) = output["responses"]
    assert [one["status_code"] for one in response["attempts"]] == [503, 503]
