"""Every failure type, with its output, as the history of an execution shows it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

TRACK: Json = {"integration": "segment", "track": {"user_id": "u-1", "event": "Signed Up"}}


def with_policy(**request: object) -> Json:
    """A track whose request follows this policy."""
    return {**TRACK, "policies": {"request": request}}


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


async def test_a_hanging_provider_is_unavailable(execute: Execute, standin: StandIn) -> None:
    """The HTTP deadline is 90% of the attempt, so that the attempt tells it itself."""
    standin.script("segment", {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 1}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"] == {
        "type": "Unavailable",
        "message": "127.0.0.1 did not respond within 1.8 s",
        "fields": [],
    }
    assert output["response"] is None


async def test_the_last_answer_survives_attempts_without_one(
    execute: Execute, standin: StandIn
) -> None:
    """The first attempt is answered, the second hangs: the first answer is in the output."""
    standin.script("segment", {"status": 503, "body": "maintenance"}, {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 2}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"]["message"] == "127.0.0.1 did not respond within 1.8 s"
    assert output["response"]["body"] == "maintenance"


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


async def test_an_answer_of_5_mb_is_cut(execute: Execute, standin: StandIn) -> None:
    """A success stays one; 64 KiB of its body are kept."""
    standin.script("segment", {"status": 200, "body": "x" * 5_000_000})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert output["response"]["truncated"] is True
    assert output["response"]["body"] == "x" * 64 * 1024


@pytest.mark.parametrize("body", ["é" * 5_000, "\x00" * 5_000, '{"a":"' + "b" * 5_000 + '"}'])
async def test_the_answer_of_an_attempt_between_is_cut_to_what_temporal_keeps(
    execute: Execute, standin: StandIn, body: str
) -> None:
    """The first attempt is answered, the last one hangs."""
    standin.script("segment", {"status": 500, "body": body}, {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 2}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"]["type"] == "Unavailable"
    assert output["response"]["truncated"] is True
    kept = output["response"]["body"]
    assert body.startswith(kept)
    assert 300 < len(kept) <= 2048


@pytest.mark.parametrize("body", ["é" * 5_000, "\x00" * 5_000, '{"a":"' + "b" * 5_000 + '"}'])
@pytest.mark.parametrize(("status", "attempts"), [(500, 2), (400, 1)])
async def test_the_answer_of_the_last_attempt_is_whole(
    execute: Execute, standin: StandIn, body: str, status: int, attempts: int
) -> None:
    """What no attempt follows reaches the workflow as it is."""
    standin.script("segment", *[{"status": status, "body": body}] * attempts)

    output = await execute("Track", with_policy(retry_policy={"maximum_attempts": 2}))

    assert output["response"]["truncated"] is False
    whole = json.loads(body) if body.startswith("{") else body
    assert output["response"]["body"] == whole
    assert len(standin.requests) == attempts


@pytest.mark.parametrize("body", ['{"success": tru', "[1, 2", "{'a': 1}", "NaN", "\ufffd<html>"])
async def test_an_answer_that_is_not_json_is_text(
    execute: Execute, standin: StandIn, body: str
) -> None:
    """The status decides; the body is shown as it came."""
    standin.script("segment", {"status": 200, "body": body})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert output["response"]["body"] == body


async def test_retry_after_in_seconds_is_waited_for(execute: Execute, standin: StandIn) -> None:
    """429 with `Retry-After: 2`: no sooner than two seconds."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "2"}})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    first, second = (datetime.fromisoformat(r["received_at"]) for r in standin.requests)
    assert second - first >= timedelta(seconds=2)


async def test_retry_after_as_a_date_is_waited_for(execute: Execute, standin: StandIn) -> None:
    """HTTP dates have whole seconds, so the date itself is the bound."""
    date = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    header = {"Retry-After": format_datetime(date, usegmt=True)}
    standin.script("segment", {"status": 503, "headers": header})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert datetime.fromisoformat(standin.requests[1]["received_at"]) >= date


async def test_retry_after_beyond_the_total_timeout_ends_it(
    execute: Execute, standin: StandIn
) -> None:
    """At once, and as rate limited."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "3600"}})

    output = await execute("Track", with_policy(total_timeout="PT1M"))

    assert output["error"]["type"] == "RateLimited"
    assert output["response"]["headers"]["retry-after"] == "3600"
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("answer", "type_"),
    [({"status": 429}, "RateLimited"), ({"status": 500}, "Unavailable")],
)
async def test_the_total_timeout_ends_the_retries(
    execute: Execute, standin: StandIn, answer: Json, type_: str
) -> None:
    """The type is the last answer's."""
    standin.script("segment", *[answer] * 20)

    output = await execute("Track", with_policy(total_timeout=2, single_attempt_timeout=1))

    assert output["error"]["type"] == type_
    assert output["response"]["status_code"] == answer["status"]


async def test_credentials_in_an_answer_are_masked(execute: Execute, standin: StandIn) -> None:
    """Raw and as they were sent, in bodies and headers."""
    key = standin.vendors["segment"].credentials["write_key"]
    body = {"echo": [key, f"Basic c2VnbWVudC13cml0ZS1rZXk6 {key}"], key: 1}
    standin.script("segment", {"status": 200, "body": body, "headers": {"X-Request-Id": key}})

    output = await execute("Track", TRACK)

    mask = "[credential]"
    assert output["response"]["body"] == {"echo": [mask, f"Basic {mask} {mask}"], mask: 1}
    assert output["response"]["headers"]["x-request-id"] == mask


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
