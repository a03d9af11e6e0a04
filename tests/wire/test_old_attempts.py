"""The attempts of many requests of a batch are limited, the oldest are left out."""

import json

from durable_analytics.wire.activity_results import drop_old_attempts
from durable_analytics.wire.plans import AttemptRecord, Response


def record(attempt: int) -> AttemptRecord:
    """An attempt."""
    at = "2026-01-31T09:30:00.000Z"
    return {
        "attempt": attempt,
        "at": at,
        "milliseconds": 12,
        "status_code": 503,
        "error": "Unavailable",
    }


def response(attempts: int) -> Response:
    """A response to a request with so many attempts."""
    records = [record(number) for number in range(1, attempts + 1)]
    made: Response = {"status_code": 200, "headers": {}, "body": "", "truncated": False}
    if attempts:
        made["attempts"] = records
    return made


def test_few_are_kept() -> None:
    responses = [response(3), response(0), response(2)]

    assert drop_old_attempts(responses) == responses


def test_the_oldest_of_many_are_left_out() -> None:
    responses = [response(20) for _ in range(100)]

    kept = drop_old_attempts(responses)

    assert len(kept) == 100
    assert kept[-1] == response(20)
    assert kept[0] == response(0)
    left = [one for each in kept for one in each.get("attempts", [])]
    assert 60_000 < sum(len(json.dumps(one)) for one in left) <= 64 * 1024
