"""Providers that take a batch in part, end to end: what they refuse, and what they throttle."""

from dataclasses import dataclass
from typing import Any

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

PERSON: Json = {"user_id": "u-1"}


@dataclass(frozen=True)
class Case:
    """A provider, and messages of which it refuses the second when it gets them."""

    integration: str
    events: str
    """The key of the events in a body."""

    refuses: Json
    """How the provider answers then."""

    reason: str


CASES = [
    Case(
        "customerio",
        "batch",
        {
            "status": 207,
            "body": {"errors": [{"batch_index": 1, "reason": "invalid", "field": "name"}]},
        },
        "Customer.io refused the message: name invalid",
    ),
    Case(
        "braze",
        "events",
        {
            "status": 201,
            "body": {
                "message": "success",
                "errors": [{"type": "'name' is not valid", "input_array": "events", "index": 1}],
            },
        },
        "Braze refused the message: 'name' is not valid",
    ),
]


def tracks(count: int) -> list[Json]:
    """Events with ids and names of their own."""
    return [
        {"type": "track", **PERSON, "event": f"E{place}", "message_id": f"m-{place}"}
        for place in range(count)
    ]


def names(request: Json, key: str) -> list[str]:
    """The names of the events of a request."""
    return [found["name"] for found in request["body"][key]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.integration)
async def test_the_message_that_was_refused_is_named(
    execute: Execute, standin: StandIn, case: Case
) -> None:
    """By its index in the input; the others are delivered, and none of them twice."""
    standin.script(case.integration, case.refuses)
    messages: list[Any] = [{"type": "track", **PERSON}, *tracks(3)]

    output = await execute("Batch", {"integration": case.integration, "messages": messages})

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert [names(request, case.events) for request in standin.requests] == [["E0", "E1", "E2"]]
    assert [(one["index"], one["error"]["type"]) for one in output["rejected"]] == [
        (0, "ValidationError"),
        (2, "Rejected"),
    ]
    assert output["rejected"][1]["error"]["message"] == case.reason
    assert output["rejected"][1]["message_id"] == "m-1"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.integration)
async def test_a_throttled_batch_is_sent_again(
    execute: Execute, standin: StandIn, case: Case
) -> None:
    """These providers throttle a request as a whole."""
    standin.script(case.integration, {"status": 429, "headers": {"Retry-After": "1"}})

    output = await execute("Batch", {"integration": case.integration, "messages": tracks(2)})

    assert (output["status"], output["accepted"]) == ("success", 2)
    assert [names(request, case.events) for request in standin.requests] == [["E0", "E1"]] * 2
    assert standin.requests[0]["body"] == standin.requests[1]["body"]
    assert len(standin.accepted[case.integration]) == 2


async def test_an_event_that_google_would_ignore_is_named(
    execute: Execute, standin: StandIn
) -> None:
    """Google would answer 204 to it; the others go out one by one, a throttled one again."""
    standin.script("ga4", {"status": 429, "headers": {"Retry-After": "1"}})
    messages = [*tracks(1), {"type": "track", **PERSON, "event": "session_start"}, *tracks(2)[1:]]

    output = await execute("Batch", {"integration": "ga4", "messages": messages})

    assert (output["status"], output["accepted"]) == ("partial", 2)
    (refused,) = output["rejected"]
    assert (refused["index"], refused["error"]["fields"]) == (
        1,
        [
            {
                "path": "messages.1.event",
                "message": "is a reserved name at Google Analytics 4",
            }
        ],
    )
    sent = [names(request, "events") for request in standin.requests]
    assert sent == [["E0"], ["E0"], ["E1"]]
    assert len(standin.accepted["ga4"]) == 2
