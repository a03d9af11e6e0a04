"""Batches of which a provider refuses or throttles a part, from the input to the output."""

import json
from typing import Any

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import QUICK_RETRIES

MESSAGES: list[Json] = [
    {"type": "track", "user_id": "u-1", "event": "E", "message_id": f"m-{number}"}
    for number in range(4)
]
SOON = {"Retry-After": "0.1"}


def sent_ids(request: Json) -> list[str]:
    """The keys of the events of a request, in their order."""
    body: Any = request["body"]
    if isinstance(body, dict):
        return [event["insert_id"] for event in body["events"]]
    return [event["properties"]["$insert_id"] for event in body]


def told(output: Json) -> dict[int, tuple[str, str]]:
    """The failure type and the id of each message that was not accepted, by its index."""
    return {o["index"]: (o["error"]["type"], o["message_id"]) for o in output["rejected"]}


def at(integration: str) -> Json:
    """The input of a batch there."""
    return {"integration": integration, "messages": MESSAGES, "policies": QUICK_RETRIES}


async def test_amplitude_refuses_one(execute: Execute, standin: StandIn) -> None:
    """It takes none of the request: the others go out again, without the refused one."""
    answer = {"code": 400, "error": "…", "events_with_invalid_fields": {"time": [1]}}
    standin.script("amplitude", {"status": 400, "body": answer})

    output = await execute("Batch", at("amplitude"))

    assert [sent_ids(request) for request in standin.requests] == [
        ["m-0", "m-1", "m-2", "m-3"],
        ["m-0", "m-2", "m-3"],
    ]
    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert told(output) == {1: ("Rejected", "m-1")}
    assert output["rejected"][0]["error"]["message"] == (
        "Amplitude answered 400: the event has a wrong time"
    )
    accepted = [message.id for message in standin.accepted["amplitude"]]
    assert accepted == ["m-0", "m-2", "m-3"]


def naming(*positions: int, **more: Any) -> Json:
    """A refusal because of the events at these positions in the request."""
    body = {"code": 400, "error": "…", "events_with_invalid_fields": {"time": [*positions]}}
    return {"status": 400, "body": body, **more}


ONE_ATTEMPT: Json = {"request": {"retry_policy": {"maximum_attempts": 1}}}


@pytest.mark.parametrize("between", [[], [{"status": 503}]])
async def test_a_rest_that_is_too_large_is_halved(
    execute: Execute, standin: StandIn, between: list[Json]
) -> None:
    """As a whole slice is; a single message that is too large is rejected."""
    standin.script("amplitude", naming(1), *between, {"status": 413}, {"status": 413})

    output = await execute("Batch", at("amplitude"))

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {0: ("Rejected", "m-0"), 1: ("Rejected", "m-1")}
    accepted = [message.id for message in standin.accepted["amplitude"]]
    assert accepted == ["m-2", "m-3"]


async def test_a_request_without_the_refused_is_no_other_attempt(
    execute: Execute, standin: StandIn
) -> None:
    """So the policy allows it, as it allows the halves after a 413."""
    standin.script("amplitude", naming(1), naming(0, 2))

    output = await execute("Batch", {**at("amplitude"), "policies": ONE_ATTEMPT})

    assert [sent_ids(request) for request in standin.requests] == [
        ["m-0", "m-1", "m-2", "m-3"],
        ["m-0", "m-2", "m-3"],
        ["m-2"],
    ]
    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert {i: kind for i, (kind, _) in told(output).items()} == dict.fromkeys(
        (0, 1, 3), "Rejected"
    )
    assert [response["status_code"] for response in output["responses"]] == [200]


async def test_requests_without_the_refused_end(execute: Execute, standin: StandIn) -> None:
    """Each has fewer messages. A refusal that names none of them concerns all."""
    standin.script("amplitude", naming(3), naming(3), naming(0))

    output = await execute("Batch", {**at("amplitude"), "policies": ONE_ATTEMPT})

    assert [len(sent_ids(request)) for request in standin.requests] == [4, 3]
    assert output["status"] == "failure"
    assert told(output) == {i: ("Rejected", f"m-{i}") for i in range(4)}


async def test_a_refusal_that_takes_long(execute: Execute, standin: StandIn) -> None:
    """The attempt has no time for another request: another activity sends what is left."""
    policies = {"request": {**ONE_ATTEMPT["request"], "single_attempt_timeout": "PT1S"}}
    standin.script("amplitude", naming(1, delay=0.4))

    output = await execute("Batch", {**at("amplitude"), "policies": policies})

    assert [sent_ids(request) for request in standin.requests[1:]] == [["m-0"], ["m-2", "m-3"]]
    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert told(output) == {1: ("Rejected", "m-1")}


async def test_an_unavailable_provider_is_not_asked_again_at_once(
    execute: Execute, standin: StandIn
) -> None:
    """After the request without the refused message, the attempts of the policy count."""
    standin.script("amplitude", naming(1), {"status": 503})

    output = await execute("Batch", {**at("amplitude"), "policies": ONE_ATTEMPT})

    assert len(standin.requests) == 2
    assert {i: kind for i, (kind, _) in told(output).items()} == {
        1: "Rejected",
        **dict.fromkeys((0, 2, 3), "Unavailable"),
    }


async def test_amplitude_throttles_one(execute: Execute, standin: StandIn) -> None:
    """All go out again, and each is taken once."""
    answer = {"code": 429, "throttled_users": {"u-1": 31}, "throttled_events": [2]}
    standin.script("amplitude", {"status": 429, "body": answer, "headers": SOON})

    output = await execute("Batch", at("amplitude"))

    assert (output["status"], output["accepted"], len(standin.requests)) == ("success", 4, 2)
    accepted = [message.id for message in standin.accepted["amplitude"]]
    assert accepted == ["m-0", "m-1", "m-2", "m-3"]


async def test_amplitude_is_over_a_daily_quota(execute: Execute, standin: StandIn) -> None:
    """No attempt within the policy would be taken: the event is refused, the others are not."""
    users = {"u-1": 500_001}
    answer = {
        "code": 429,
        "throttled_users": users,
        "exceeded_daily_quota_users": users,
        "throttled_events": [0],
    }
    standin.script("amplitude", {"status": 429, "body": answer, "headers": SOON})

    output = await execute("Batch", at("amplitude"))

    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert told(output) == {0: ("Rejected", "m-0")}


async def test_mixpanel_refuses_one(execute: Execute, standin: StandIn) -> None:
    """The others are in: nothing goes out again."""
    records = [{"index": 1, "insert_id": "m-1", "field": "properties.time", "message": "…"}]
    answer = {"code": 400, "failed_records": records, "num_records_imported": 3}
    standin.script("mixpanel", {"status": 400, "body": answer})

    output = await execute("Batch", at("mixpanel"))

    assert [sent_ids(request) for request in standin.requests] == [["m-0", "m-1", "m-2", "m-3"]]
    assert (output["status"], output["accepted"]) == ("partial", 3)
    assert told(output) == {1: ("Rejected", "m-1")}
    assert output["rejected"][0]["error"]["message"] == (
        "Mixpanel answered 400: properties.time is invalid"
    )


@pytest.mark.parametrize("integration", ["amplitude", "mixpanel"])
async def test_a_throttled_batch_goes_out_again(
    execute: Execute, standin: StandIn, integration: str
) -> None:
    standin.script(integration, {"status": 429, "headers": SOON})

    output = await execute("Batch", at(integration))

    assert (output["status"], output["accepted"], len(standin.requests)) == ("success", 4, 2)


@pytest.mark.parametrize("integration", ["amplitude", "mixpanel"])
async def test_a_batch_that_is_too_large_is_split(
    execute: Execute, standin: StandIn, integration: str
) -> None:
    standin.script(integration, {"status": 413})

    output = await execute("Batch", at(integration))

    assert (output["status"], output["accepted"]) == ("success", 4)
    assert [sent_ids(request) for request in standin.requests[1:]] == [
        ["m-0", "m-1"],
        ["m-2", "m-3"],
    ]


@pytest.mark.parametrize(
    ("integration", "paths"),
    [
        ("amplitude", ["/batch", "/2/httpapi", "/usermap", "/batch"]),
        ("mixpanel", ["/engage", "/import", "/groups", "/track", "/import"]),
    ],
)
async def test_messages_of_all_kinds_arrive_in_order(
    execute: Execute, standin: StandIn, integration: str, paths: list[str]
) -> None:
    """Each at its endpoint, with its credentials."""
    messages: list[Json] = [
        {"type": "identify", "user_id": "u-1", "traits": {"plan": "pro"}},
        {"type": "track", "user_id": "u-1", "event": "E"},
        {"type": "group", "user_id": "u-1", "group_id": "g-1", "traits": {"name": "Acme"}},
        {"type": "alias", "previous_user_id": "a-1", "new_user_id": "u-1"},
        {"type": "page", "user_id": "u-1", "name": "Pricing"},
    ]

    output = await execute("Batch", {"integration": integration, "messages": messages})

    assert (output["status"], output["accepted"]) == ("success", 5)
    assert [request["path"] for request in standin.requests] == paths


async def test_a_response_with_many_long_reasons_is_read(
    execute: Execute, standin: StandIn
) -> None:
    """It is larger than an output keeps."""
    records = [{"index": index, "message": "m" * 50_000} for index in range(3)]
    answer = {"code": 400, "failed_records": records, "num_records_imported": 1}
    standin.script("mixpanel", {"status": 400, "body": answer})

    output = await execute("Batch", at("mixpanel"))

    assert len(standin.requests) == 1
    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert set(told(output)) == {0, 1, 2}
    assert len(json.dumps(output)) < 100_000
