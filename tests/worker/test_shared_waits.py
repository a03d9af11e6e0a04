"""A `Retry-After` of a provider holds back all messages for it."""

import json
from datetime import datetime

import pytest
from temporalio.client import Client

from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for, settings_with
from tests.worker.deliveries import UNLIKELY, outcome, own_process, start
from tests.worker.pauses import is_held, until_ended, until_held

pytestmark = pytest.mark.slow

ASKED_SECONDS = 20


def received_at(request: object) -> datetime:
    """When the stand-in received a request."""
    return datetime.fromisoformat(request["received_at"])  # type: ignore[index]


async def test_one_response_holds_back_fifty_messages(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No request later than a second after it, for as long as it asks; then all arrive.

    `status` says why. The other integration is not affected.
    """
    standin.script(
        "segment", {"status": 429, "headers": {"Retry-After": str(ASKED_SECONDS)}, "delay": 0.5}
    )
    settings = settings_with(
        standin,
        task_queue,
        base_url=standin.base_url("segment"),
        max_in_flight=1,
        write_key=standin.vendors["segment"].credentials["write_key"],
    )
    command = Command(capsys, monkeypatch, temporal, {"ANALYTICS_TASK_QUEUE": task_queue})
    async with own_process(temporal, settings):
        handles = [await start(temporal, task_queue) for _ in range(50)]
        await standin.wait_for(1)
        await until_held(temporal, task_queue)
        await outcome(await start(temporal, task_queue, integration="journy"))
        status = await command("status", "--json")
        outputs = [await outcome(handle) for handle in handles]
        await until_ended(temporal, task_queue)

    (row,) = [row for row in status.json if row["integration"] == "segment"]
    assert (row["state"], row["by"]) == ("paused", "retry_after")
    assert row["reason"] == f"Segment answered 429 and asks to wait {ASKED_SECONDS} s"
    times = [received_at(r) for r in standin.requests if r["integration"] == "segment"]
    after = [(time - times[0]).total_seconds() - 0.5 for time in times[1:]]
    assert not [seconds for seconds in after if 1 < seconds < ASKED_SECONDS - 0.5]
    assert [output["status"] for output in outputs] == ["success"] * 50
    assert not await is_held(temporal, task_queue)


@pytest.mark.parametrize("integration", ["segment", "trakio"])
async def test_a_held_message_spends_no_attempt(
    temporal: Client, standin: StandIn, task_queue: str, integration: str
) -> None:
    """Even one that may have a single attempt, single or in a batch."""
    one_attempt = {"request": {"retry_policy": {"maximum_attempts": 1}}}
    standin.script(integration, {"status": 429, "headers": {"Retry-After": "3"}})
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        first = await start(temporal, task_queue, integration=integration)
        await standin.wait_for(1)
        handle = await start(temporal, task_queue, integration=integration, policies=one_attempt)
        messages = [{"type": "track", **UNLIKELY, "user_id": f"u-{n}"} for n in range(5)]
        batch = await temporal.start_workflow(
            "Batch",
            {"integration": integration, "messages": messages, "policies": one_attempt},
            id=task_queue,
            task_queue=task_queue,
        )
        outputs = [await outcome(one) for one in (first, handle, batch)]

    assert [output["status"] for output in outputs] == ["success"] * 3
    assert [attempt["attempt"] for attempt in outputs[1]["attempts"]] == [1]
    times = [received_at(request) for request in standin.requests]
    assert all((time - times[0]).total_seconds() > 2.5 for time in times[1:])


async def test_the_public_api_of_segment_holds_back_nothing_else(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """It has another host and another credential."""
    standin.script("segment", {"status": 429, "headers": {"Retry-After": "20"}})
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        deletion = await temporal.start_workflow(
            "Delete",
            {"integration": "segment", "delete": {"user_id": "u-1"}},
            id=task_queue,
            task_queue=task_queue,
        )
        await standin.wait_for(1)
        output = await outcome(await start(temporal, task_queue))
        state = await control.state(temporal, task_queue, "segment")
        await deletion.cancel()

    assert output["status"] == "success"
    assert state["state"] == "running"


WORDS: list[Json] = [{"type": "metric", "key": "words", "value": 1}] * 30
EVENTS: list[Json] = [{"type": "track", "event": "E"}] * 750


@pytest.mark.parametrize(
    ("integration", "messages", "requests"), [("trophy", WORDS, 30), ("braze", EVENTS, 10)]
)
async def test_batches_under_way_stop_at_once(
    temporal: Client,
    standin: StandIn,
    task_queue: str,
    integration: str,
    messages: list[Json],
    requests: int,
) -> None:
    """Not only the one that got the response; the rest is sent later, and no message twice.

    Trophy gets a request for each message, Braze one for 75 messages.
    """
    answers: list[Json] = [{"delay": 0.2}] * 1000
    answers[requests // 2] = {"status": 429, "headers": {"Retry-After": "6"}}
    standin.script(integration, *answers)
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        handles = [
            await temporal.start_workflow(
                "Batch",
                {"integration": integration, "messages": of_users(messages, batch)},
                id=f"{task_queue}-{batch}",
                task_queue=task_queue,
            )
            for batch in range(3)
        ]
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 3
    assert [output["accepted"] for output in outputs] == [len(messages)] * 3
    refused = received_at(standin.requests[requests // 2])
    later = standin.requests[requests // 2 + 1 :]
    after = [(received_at(request) - refused).total_seconds() for request in later]
    assert not [seconds for seconds in after if 1 < seconds < 5.5]
    assert [seconds for seconds in after if seconds > 5.5]
    accepted = [request for request in standin.requests if request["answered"] != 429]
    assert len({json.dumps(request["body"]) for request in accepted}) == len(accepted)
    assert len(accepted) == 3 * requests


def of_users(messages: list[Json], batch: int) -> list[Json]:
    """The messages, each of another user."""
    users = [f"u-{batch}-{number}" for number in range(len(messages))]
    return [
        {**message, **({"user": {"id": user}} if "value" in message else {"user_id": user})}
        for message, user in zip(messages, users, strict=True)
    ]
