"""A batch beyond one request: slice by slice, in order, within what Temporal and vendors take."""

import json
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import CancelledError

from durable_analytics.testing import StandIn
from durable_analytics.wire.limits import BATCH_LIMIT_BYTES
from tests.support.batches import BAD, DELETE, TRACK, ids, numbered, start_batch, told
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings


def size(value: Any) -> int:
    """The bytes of it as Temporal's SDK writes it."""
    return len(json.dumps(value, separators=(",", ":")))


def filled(data: Json, total: int) -> Json:
    """An input of so many bytes, its messages each near what Segment takes of one."""
    messages: list[Json] = data["messages"]
    message = {**TRACK, "properties": {"x": "y" * 14_000}}
    while size(data) + 2 * size(message) < total:
        messages.append(message)
    messages.append({**TRACK, "properties": {"x": ""}})
    messages[-1]["properties"]["x"] = "y" * (total - size(data))
    assert size(data) == total
    return data


async def test_slices_in_order(execute: Execute, standin: StandIn) -> None:
    """Each within 500 KB and 2500 messages, none lost, none twice, the bad ones told."""
    messages = numbered(80, properties={"x": "y" * 20_000})
    messages[40:40] = [BAD, *numbered(2600)[80:]]

    output = await execute("Batch", {"messages": messages})

    good = [message["message_id"] for message in messages if "message_id" in message]
    sent = [ids(request) for request in standin.requests]
    assert [name for names in sent for name in names] == good
    assert [request["answered"] for request in standin.requests] == [200] * len(sent)
    assert all(len(names) <= 2500 for names in sent)
    assert all(int(r["headers"]["content-length"]) <= 500_000 for r in standin.requests)
    assert output["accepted"] == 2600
    assert told(output).keys() == {40}
    assert len(output["responses"]) == len(sent) > 3


async def test_what_no_batch_takes_goes_in_its_place(execute: Execute, standin: StandIn) -> None:
    """A deletion and a call between others, each with its own credentials."""
    call = {"type": "call", "method": "POST", "path": "v1/other", "body": {"writeKey2": "x"}}
    first, second, third = numbered(3)

    output = await execute("Batch", {"messages": [first, DELETE, second, call, third]})

    assert (output["status"], output["accepted"]) == ("success", 5)
    assert [request["path"] for request in standin.requests] == [
        *("/v1/batch", "/regulations", "/v1/batch", "/v1/other", "/v1/batch")
    ]
    assert [request["answered"] for request in standin.requests] == [200] * 5


@pytest.mark.parametrize("integration", ["segment", "rudderstack", "trakio"])
@pytest.mark.parametrize("bad", [0, 4800])
async def test_the_largest_input(
    execute: Execute, standin: StandIn, integration: str, bad: int
) -> None:
    """What Validation lets in, Temporal takes with the plan beside it."""
    odd = {"type": "trücks", "message_id": "ö" * 3}
    data = filled({"integration": integration, "messages": [odd] * bad}, BATCH_LIMIT_BYTES)

    output = await execute("Batch", data)

    good = len(data["messages"]) - bad
    assert (output["accepted"], len(output["rejected"])) == (good, bad)
    assert [request["answered"] for request in standin.requests] == [200] * len(standin.requests)


async def test_a_larger_input(execute: Execute, standin: StandIn) -> None:
    """It is refused, in words."""
    output = await execute("Batch", filled({"messages": []}, BATCH_LIMIT_BYTES + 1))

    assert f"the limit is {BATCH_LIMIT_BYTES} bytes" in output["error"]["message"]
    assert standin.requests == []


@pytest.mark.parametrize(
    ("integration", "message", "title"),
    [("segment", DELETE, "Segment"), ("trakio", TRACK, "Trak.io")],
)
async def test_more_requests_than_an_execution_takes(
    execute: Execute, standin: StandIn, integration: str, message: Json, title: str
) -> None:
    """Nothing is sent: the caller is told to send fewer."""
    output = await execute("Batch", {"integration": integration, "messages": [message] * 1001})

    assert output["error"]["message"] == (
        f"messages need 1001 requests to {title}; the limit is 1000 for one execution: "
        "send fewer messages"
    )
    assert standin.requests == []


async def test_the_input_is_stored_once_more_at_most(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """The start holds it, the requests hold it a second time, and nothing else does."""
    data = filled({"messages": [BAD]}, 1_400_000)

    handle = await start_batch(temporal, running_worker.task_queue, data)
    await handle.result()

    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 2.1 * size(data)
    assert len(standin.requests) == 3


@pytest.mark.parametrize(
    ("shared", "answer"),
    [
        pytest.param({}, {"status": 200, "body": "x" * 65_000}, id="long-answers"),
        pytest.param({"library": {"name": "x" * 1_000_000}}, {}, id="large-context"),
    ],
)
async def test_a_tenth_of_the_requests_takes_a_tenth_of_a_history(
    temporal: Client, running_worker: Settings, standin: StandIn, shared: Json, answer: Json
) -> None:
    """Temporal terminates an execution whose history has 50 MiB, and its output is lost."""
    standin.script("segment", *[answer] * 100)
    data = {"context": shared, "messages": [DELETE] * 100}

    handle = await start_batch(temporal, running_worker.task_queue, data)
    with suppress(WorkflowFailureError):
        await handle.result()

    assert (await handle.describe()).status != WorkflowExecutionStatus.TERMINATED
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 5 * 1024 * 1024


@pytest.mark.slow
async def test_a_batch_that_is_never_small_enough(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """What every request repeats does not fill the history, however often it is halved."""
    standin.script("segment", *[{"status": 413}] * 1200)
    options = {"body": {"extra": "x" * 300_000}}
    data = {"request_options": options, "messages": numbered(600)}

    handle = await start_batch(temporal, running_worker.task_queue, data)
    with suppress(WorkflowFailureError):
        await handle.result()

    assert (await handle.describe()).status == WorkflowExecutionStatus.FAILED


async def test_total_timeout_spans_the_slices(execute: Execute, standin: StandIn) -> None:
    """What it leaves no time for is told as not delivered, and what went before counts."""
    standin.script("segment", {}, *[{"status": 503, "body": "busy"}] * 20)
    policies = {"request": {"total_timeout": "PT1S"}}

    output = await execute("Batch", {"policies": policies, "messages": [TRACK, DELETE, TRACK]})

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert {index: kind for index, (kind, _) in told(output).items()} == {
        1: "Unavailable",
        2: "Unavailable",
    }


@pytest.mark.parametrize("integration", ["segment", "trakio"])
async def test_cancelled_in_the_middle(
    temporal: Client, running_worker: Settings, standin: StandIn, integration: str
) -> None:
    """It ends as cancelled, and nothing more is sent."""
    standin.script(integration, {}, {"delay": 60})
    deletion = DELETE if integration == "segment" else TRACK
    data = {
        "integration": integration,
        "policies": {"request": {"single_attempt_timeout": "PT1M"}},
        "messages": [TRACK, deletion, TRACK],
    }
    handle = await start_batch(temporal, running_worker.task_queue, data)
    await standin.wait_for(2)
    await handle.cancel()

    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert len(standin.requests) == 2


async def test_an_integration_removed_before_the_request(
    temporal: Client, standin: StandIn
) -> None:
    """A worker without it tells so, for each message, and what had been sent counts."""
    standin.script("segment", {}, {"status": 503})
    queue = f"test-{uuid.uuid4()}"
    settings = settings_for(standin, task_queue=queue)
    retry_later = {"initial_interval": "PT2S"}
    data = {
        "integration": "segment",
        "policies": {"request": {"retry_policy": retry_later}},
        "messages": [*numbered(1), BAD, DELETE, *numbered(1)],
    }
    async with own_worker(temporal, settings):
        handle = await start_batch(temporal, queue, data)
        await standin.wait_for(2)
    others = {n: one for n, one in settings.integrations.items() if n != "segment"}
    changed = settings_for(
        standin, task_queue=queue, integrations=others, default_integration="journy"
    )
    async with own_worker(temporal, changed):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert told(output) == {
        1: ("ValidationError", None),
        2: ("UnknownIntegration", "m-delete"),
        3: ("UnknownIntegration", "m-0"),
    }
    assert len(standin.requests) == 2


async def test_timestamps_of_all_slices_are_the_start(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Messages without one get the execution's start, to the millisecond, in every slice."""
    handle = await start_batch(
        temporal, running_worker.task_queue, {"messages": [TRACK, DELETE, TRACK]}
    )
    await handle.result()

    started = (await handle.describe()).start_time
    sent = {i["timestamp"] for r in standin.requests for i in r["body"].get("batch", [])}
    (timestamp,) = sent
    assert abs(datetime.fromisoformat(timestamp) - started.astimezone(UTC)) < timedelta(seconds=1)
