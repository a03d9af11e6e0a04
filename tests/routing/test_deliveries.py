"""Filtered and changed messages through a real worker, as single messages and in batches."""

import hashlib
import hmac
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.request import Request
from durable_analytics.testing import StandIn
from durable_analytics.wire.methods import METHODS
from tests.support.batch_activities import Alone
from tests.support.gateway_messages import client, executions
from tests.support.gateway_messages import outcome as outcome_of
from tests.support.gateway_process import address, gateway_process
from tests.support.json_objects import Execute, Json
from worker import Settings

EMAIL = "a@example.com"
EMAIL_HASH = hmac.new(b"key", EMAIL.encode(), hashlib.sha256).hexdigest()
ORDER: Json = {
    "user_id": "u-1",
    "event": "Order Completed",
    "properties": {"total": 9.5, "card": "4111", "email": EMAIL},
    "message_id": "m-1",
    "timestamp": "2026-01-31T09:30:00Z",
}
SENT_PROPERTIES: Json = {"revenue": 9.5, "email": EMAIL_HASH}
REFUSED = {"consent": {"categoryPreferences": {"Analytics": False}}}


async def test_a_filtered_message_succeeds(deliver: Execute, standin: StandIn) -> None:
    """Nothing is sent, and the output says why."""
    message = {**ORDER, "integrations": {"All": False, "PostHog": True}}

    output = await deliver("Track", "segment", track=message)

    assert standin.requests == []
    assert [*output] == [
        *("status", "integration", "filtered", "track", "response", "attempts", "policies")
    ]
    assert output["status"] == "filtered"
    assert output["filtered"] == {
        "by": "integrations",
        "reason": "its integrations have All: false, and do not name this one",
    }
    assert output["track"] == message
    assert (output["response"], output["attempts"]) == (None, [])
    assert output["policies"]["request"]["total_timeout"] == "P1D"
    assert (await deliver("Track", "posthog", track=message))["status"] == "success"


async def test_consent_in_the_context_of_an_input(deliver: Execute, standin: StandIn) -> None:
    output = await deliver("Track", "posthog", track=ORDER, context=REFUSED)

    assert (output["status"], output["filtered"]["by"]) == ("filtered", "consent")
    assert standin.requests == []
    assert (await deliver("Track", "segment", track=ORDER, context=REFUSED))["status"] == "success"


async def test_consent_in_the_message_of_an_sdk(deliver: Execute) -> None:
    message = {"userId": "u-1", "event": "E", "context": REFUSED}

    output = await deliver("Track", "posthog", track=message, strict=False)

    assert (output["status"], output["filtered"]["by"]) == ("filtered", "consent")


async def test_a_filtered_message_gets_an_id_and_a_time(deliver: Execute) -> None:
    """As a message that is sent; and it is not checked."""
    output = await deliver("Track", "trakio", track={"event": "Signed Up", "colour": "red"})

    assert output["filtered"]["by"] == "routing"
    assert len(output["track"]["message_id"]) == 36
    assert output["track"]["timestamp"].endswith("Z")


async def test_a_message_that_is_not_filtered_is_checked(deliver: Execute) -> None:
    output = await deliver("Track", "trakio", track={"event": "Order Completed", "colour": "red"})

    assert output["error"]["type"] == "ValidationError"


async def test_what_changes_is_in_the_request_and_in_the_output(
    deliver: Execute, standin: StandIn
) -> None:
    output = await deliver("Track", "trakio", track=ORDER)

    (request,) = standin.requests
    body: Any = request["body"]
    assert body["data"]["properties"] == SENT_PROPERTIES
    assert output["status"] == "success"
    assert output["track"] == {**ORDER, "properties": SENT_PROPERTIES}


async def test_a_retry_sends_the_same(deliver: Execute, standin: StandIn) -> None:
    standin.script("trakio", {"status": 500})

    large = {**ORDER, "properties": {**ORDER["properties"], "text": "x" * 20_000}}

    output = await deliver("Track", "trakio", track=large)

    first, second = [request["body"] for request in standin.requests]
    assert first == second
    assert "card" not in str(second)
    assert output["track"]["properties"]["email"] == EMAIL_HASH


async def test_a_value_that_cannot_be_hashed_is_refused(deliver: Execute) -> None:
    wrong = {**ORDER, "properties": {"email": 5}}

    output = await deliver("Track", "trakio", track=wrong)

    assert output["error"]["fields"] == [
        {"path": "track.properties.email", "message": "must be text: the routing hashes it"}
    ]


async def test_a_batch_of_a_thousand(deliver: Execute, standin: StandIn) -> None:
    """Of which 300 are filtered and 20 refused: 680 arrive, and the output names the others."""
    messages: list[Json] = []
    for number in range(1000):
        plan = "free" if number < 300 else "pro"
        properties = {"plan": plan, "card": "4111", "number": number}
        message = {"type": "track", "user_id": "u-1", "event": "E", "properties": properties}
        message["message_id"] = f"m-{number}"
        if number >= 980:
            message["event"] = ""
        messages.append(message)

    output = await deliver("Batch", "amplitude", messages=messages)

    arrived = standin.accepted["amplitude"]
    assert {message.id for message in arrived} == {f"m-{n}" for n in range(300, 980)}
    assert len(arrived) == 680
    assert "4111" not in str(standin.requests)
    assert [*output][:6] == [
        *("status", "integration", "accepted", "rejected", "filtered_count", "filtered")
    ]
    assert (output["status"], output["accepted"]) == ("partial", 680)
    assert [one["index"] for one in output["rejected"]] == [*range(980, 1000)]
    assert output["filtered_count"] == 300
    assert output["filtered"][299] == {
        "index": 299,
        "message_id": "m-299",
        "by": "routing",
        "reason": "the routing requires another value of properties.plan",
    }


async def test_a_batch_with_filtered_messages_succeeds(deliver: Execute) -> None:
    messages = [{"type": "track", **ORDER, "event": event} for event in ("Order 1", "Other")]

    output = await deliver("Batch", "trakio", messages=messages)

    assert (output["status"], output["accepted"], output["rejected"]) == ("success", 1, [])
    assert output["filtered_count"] == 1


async def test_a_batch_that_is_filtered_completely(deliver: Execute, standin: StandIn) -> None:
    """It does not fail; one with a refused message does."""
    other = {"type": "track", **ORDER, "event": "Other"}
    wrong = {"type": "track", "event": "Order 1"}

    output = await deliver("Batch", "trakio", messages=[other, other])
    assert (output["status"], output["accepted"]) == ("filtered", 0)
    assert output["filtered_count"] == 2

    output = await deliver("Batch", "trakio", messages=[other, wrong])
    assert (output["status"], output["error"]["type"]) == ("failure", "ValidationError")
    assert [one["index"] for one in output["filtered"]] == [0]
    assert standin.requests == []


async def test_one_by_one_in_a_batch_sends_changed_values(
    deliver: Execute, standin: StandIn
) -> None:
    """In both spellings, and again after a failure."""
    standin.script("trakio", {"status": 500})
    message = {**ORDER, "messageId": "m-1", "userId": "u-1"}
    del message["message_id"], message["user_id"]

    output = await deliver("Batch", "trakio", messages=[{"type": "track", **message}])

    assert output["status"] == "success"
    bodies: list[Any] = [request["body"] for request in standin.requests]
    assert [body["data"]["properties"] for body in bodies] == [SENT_PROPERTIES] * 2


async def test_filtered_messages_of_five_thousand_fit(deliver: Execute) -> None:
    """Without their reasons."""
    message = {"type": "track", "event": "E" * 50, "user_id": "u", "integrations": {"all": False}}

    output = await deliver("Batch", "segment", messages=[message] * 5_000)

    assert (output["status"], output["filtered_count"]) == ("filtered", 5_000)
    assert {one["reason"] for one in output["filtered"]} == {""}
    assert {one["by"] for one in output["filtered"]} == {"integrations"}
    assert len({one["message_id"] for one in output["filtered"]}) == 5_000


async def test_activities_alone_obey_the_filters(settings: Settings) -> None:
    """Without a plan, as a workflow of the caller may call them."""
    filtered = {"by": "routing", "reason": "the routing does not list its event"}
    request = Request(METHODS["track"], settings.deliverable(), {}, lambda _: None)
    track: Any = {"integration": "trakio", "track": {**ORDER, "event": "Other"}}
    assert await ActivityEnvironment().run(request, track) == {"filtered": filtered}

    plan: Any = {"integration": "trakio", "message": {"message_id": "m-1"}, "filtered": filtered}
    assert await ActivityEnvironment().run(request, track, plan) == {"filtered": filtered}

    messages = [{"type": "track", **ORDER, "event": "Other"}]
    alone = Alone(settings, {})
    alone.answering(lambda _: pytest.fail("it was sent"))
    batch = {"integration": "trakio", "messages": messages}
    for result in (await alone.send(batch), await alone.request(batch)):
        assert (result["accepted"], result["rejected"]) == (0, [])
        assert result["filtered"] == [{"index": 0, "message_id": "m-1", **filtered}]


@pytest.mark.usefixtures("deliver")
async def test_details_in_temporal(temporal: Client, settings: Settings) -> None:
    """The list of executions shows what was filtered."""
    other = {**ORDER, "event": "Other"}
    both = [{"type": "track", **ORDER}, {"type": "track", **other}]
    shown = {}
    for workflow, input in (("Track", {"track": other}), ("Batch", {"messages": both})):
        handle = await temporal.start_workflow(
            workflow,
            {"integration": "trakio", **input},
            id=f"{settings.task_queue}-{workflow}",
            task_queue=settings.task_queue,
        )
        await handle.result()
        metadata = await handle.query("__temporal_workflow_metadata")
        shown[workflow] = metadata.current_details

    assert shown == {
        "Track": "not for trakio: filtered by routing",
        "Batch": "1 delivered to trakio, 1 filtered",
    }


@pytest.mark.usefixtures("deliver")
async def test_a_source_of_three_integrations(
    temporal: Client, settings: Settings, standin: StandIn
) -> None:
    """`All: false` with one name, as an SDK sends it to the gateway."""
    variables = {"ANALYTICS_SOURCES__SEGMENT__INTEGRATIONS": "segment,posthog,amplitude"}
    message = {
        "userId": "u-1",
        "event": settings.task_queue,
        "properties": {"plan": "pro"},
        "integrations": {"All": False, "PostHog": True},
    }
    async with (
        gateway_process(address(temporal), settings.task_queue, settings=variables) as gateway,
        client(gateway) as http,
    ):
        response = await http.post("/v1/track", json=message, auth=("segment", ""))
    assert response.status_code == 200
    handles = await executions(temporal, settings.task_queue, 3)
    outputs = [await outcome_of(temporal, handle.id) for handle in handles]

    statuses = {output["integration"]: output["status"] for output in outputs}
    assert statuses == {"segment": "filtered", "posthog": "success", "amplitude": "filtered"}
    # A message of an earlier test may still arrive.
    received = {
        name
        for name, accepted in standin.accepted.items()
        if any(settings.task_queue in str(message.content) for message in accepted)
    }
    assert received == {"posthog"}
