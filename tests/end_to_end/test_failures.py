"""Every failure type, with its output, as the history of an execution shows it."""

from dataclasses import replace

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute
from tests.support.tracks import TRACK, with_policy

ONE_ATTEMPT = with_policy(retry_policy={"maximum_attempts": 1})


@pytest.mark.parametrize(
    ("status", "type_", "message"),
    [
        (301, "Rejected", "Segment answered 301"),
        (400, "Rejected", "Segment answered 400"),
        (401, "Unauthorized", "Segment answered 401; check the integration's credentials"),
        (403, "Unauthorized", "Segment answered 403; check the integration's credentials"),
        (404, "Rejected", "Segment answered 404"),
        (413, "Rejected", "Segment answered 413"),
    ],
)
async def test_final_answers_end_it_at_once(
    execute: Execute, standin: StandIn, status: int, type_: str, message: str
) -> None:
    """One request, whatever the policy; the output holds the provider's answer."""
    standin.script("segment", {"status": status, "body": {"success": False, "message": "no"}})

    output = await execute("Track", TRACK)

    assert output["status"] == "failure"
    assert output["error"] == {"type": type_, "message": message, "fields": []}
    assert output["response"] == {
        "status_code": status,
        "headers": {"content-type": "application/json"},
        "body": {"success": False, "message": "no"},
        "truncated": False,
    }
    assert output["track"]["event"] == "Signed Up"
    assert output["policies"]["request"]["single_attempt_timeout"] == "PT3S"
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("status", "type_"), [(429, "RateLimited"), *((s, "Unavailable") for s in (408, 425, 500, 503))]
)
async def test_passing_answers_are_tried_again_until_the_policy_runs_out(
    execute: Execute, standin: StandIn, status: int, type_: str
) -> None:
    """As many requests as the policy allows, then a failure with the last answer."""
    standin.script("segment", {"status": 500, "body": "first"}, {"status": status, "body": "last"})

    output = await execute("Track", with_policy(retry_policy={"maximum_attempts": 2}))

    assert output["error"]["type"] == type_
    assert output["response"]["status_code"] == status
    assert output["response"]["body"] == "last"
    assert [request["answered"] for request in standin.requests] == [500, status]


async def test_success_false_in_a_200_is_a_refusal(execute: Execute, standin: StandIn) -> None:
    """Segment-compatible providers say so in the body."""
    standin.script("segment", {"status": 200, "body": {"success": False}})

    output = await execute("Track", TRACK)

    assert output["error"]["type"] == "Rejected"
    assert output["response"]["status_code"] == 200


@pytest.mark.parametrize(("code", "type_"), [(400, "Rejected"), (401, "Unauthorized")])
async def test_an_error_in_the_body_of_trakios_200_is_a_failure(
    execute: Execute, standin: StandIn, code: int, type_: str
) -> None:
    """Trak.io's body counts, not its status."""
    body = {"status": "error", "code": code, "exception": "X", "message": "no"}
    standin.script("trakio", {"status": 200, "body": body})

    output = await execute("Track", {**TRACK, "integration": "trakio"})

    assert output["error"]["type"] == type_
    assert output["response"]["body"] == body


async def test_a_dropped_connection_is_tried_again(execute: Execute, standin: StandIn) -> None:
    """And then it arrives, with the same message id."""
    standin.script("segment", {"drop": True})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert [request["answered"] for request in standin.requests] == [None, 200]
    assert len({request["body"]["messageId"] for request in standin.requests}) == 1


async def test_a_dropped_connection_can_be_the_end(execute: Execute, standin: StandIn) -> None:
    """The failure says what broke, and to whom."""
    standin.script("segment", {"drop": True})

    output = await execute("Track", ONE_ATTEMPT)

    assert output["error"]["type"] == "Unavailable"
    assert output["error"]["message"] == "127.0.0.1 closed the connection without a response"


async def test_wrong_credentials_are_unauthorized(execute: Execute, standin: StandIn) -> None:
    """As the provider says it, not by a script."""
    vendor = standin.vendors["trophy"]
    strict = replace(vendor, credentials={"api_key": "other"})
    metric = {"key": "words", "user": {"id": "u-1"}, "value": 1}
    vendors = standin.vendors
    try:
        standin.vendors = {**vendors, "trophy": strict}
        output = await execute("Metric", {"integration": "trophy", "metric": metric})
    finally:
        standin.vendors = vendors

    assert output["error"]["type"] == "Unauthorized"
    assert output["response"]["body"] == {"error": "Invalid API key"}
