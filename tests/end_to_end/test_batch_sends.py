"""A batch in one activity: what it stores, and what its attempts and its failures concern."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from durable_analytics.testing import StandIn
from tests.support.batches import BAD, DELETE, ids, numbered, start_batch, told
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings

ONCE: Json = {"retry_policy": {"maximum_attempts": 1}}
TWICE: Json = {"retry_policy": {"maximum_attempts": 2}}

THREE: list[Json] = [*numbered(1), DELETE, *numbered(2)[1:]]
"""A message in each of three slices."""


def with_policy(policy: Json, messages: list[Json]) -> Json:
    """An input with a request policy."""
    return {"policies": {"request": policy}, "messages": messages}


def sent(standin: StandIn) -> list[list[str]]:
    """The ids of each request."""
    return [ids(request) for request in standin.requests]


def scheduled(history: WorkflowHistory) -> list[str]:
    """The types of the activities of a history."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def finished(handle: WorkflowHandle[Any, Any]) -> tuple[Json, WorkflowHistory]:
    """The output and the history of an execution."""
    return await outcome(handle), await handle.fetch_history()


async def test_five_thousand_messages_in_ten_slices_make_fourteen_events(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Temporal's cost goes with the events, whose number does not depend on the slices."""
    context = {"library": {"name": "x" * 750, "version": "1"}}
    data = {"context": context, "messages": numbered(5000)}

    output, history = await finished(await start_batch(temporal, running_worker.task_queue, data))

    assert (output["status"], output["accepted"], len(output["responses"])) == ("success", 5000, 10)
    assert [name for names in sent(standin) for name in names] == [f"m-{n}" for n in range(5000)]
    assert len(standin.requests) == 10
    assert scheduled(history) == ["Batch.Send"]
    assert len(history.events) <= 14


@pytest.mark.parametrize("statuses", [[413], [413, 413], [200, 400, 200]])
async def test_halves_and_refusals_need_no_other_activity(
    temporal: Client, running_worker: Settings, standin: StandIn, statuses: list[int]
) -> None:
    standin.script("segment", *({"status": status} for status in statuses))
    messages = [*numbered(4), DELETE, *numbered(5)[4:]]

    output, history = await finished(
        await start_batch(temporal, running_worker.task_queue, {"messages": messages})
    )

    assert output["accepted"] == (5 if 400 in statuses else 6)
    assert scheduled(history) == ["Batch.Send"]


async def test_each_slice_has_the_attempts_of_the_policy(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """A slice that fails once leaves the next one its attempts; none is sent twice for another."""
    standin.script("segment", *({"status": status} for status in (200, 503, 200, 503, 200)))

    output, history = await finished(
        await start_batch(temporal, running_worker.task_queue, with_policy(TWICE, THREE))
    )

    assert (output["status"], output["accepted"]) == ("success", 3)
    assert sent(standin) == [*(["m-0"], ["/regulations"], ["/regulations"], ["m-1"], ["m-1"])]
    assert len(output["responses"]) == 3
    assert scheduled(history) == ["Batch.Send"] * 2


async def test_a_slice_without_attempts_left_leaves_the_others_alone(
    execute: Execute, standin: StandIn
) -> None:
    """It is told with its own failure, and the slice behind it has attempts of its own."""
    standin.script("segment", *({"status": status} for status in (200, 503, 503, 503, 200)))

    output = await execute("Batch", with_policy(TWICE, THREE))

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {1: ("Unavailable", "m-delete")}
    assert [response["status_code"] for response in output["responses"]] == [200, 503, 200]


async def test_the_limit_of_halvings_counts_each_slice(
    execute: Execute, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One slice that is never small enough does not use up what the next one may need."""
    monkeypatch.setattr("activities.batch_send._MOST_SPLITS", 1)
    too_large = {"status": 413}
    standin.script("segment", *[too_large] * 3, {}, *[too_large], {}, {})
    messages = [*numbered(4), DELETE, *numbered(8)[4:]]

    output = await execute("Batch", {"messages": messages})

    assert told(output) == {index: ("Rejected", f"m-{index}") for index in range(4)}
    assert output["accepted"] == 5
    assert [len(names) for names in sent(standin)] == [4, 2, 2, 1, 4, 2, 2]


async def test_slices_that_take_long_to_be_halved(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """The parts get the time of as many attempts, in an activity of their own."""
    standin.script("segment", {"status": 413, "delay": 0.5})
    data = with_policy({"single_attempt_timeout": "PT1S", **ONCE}, numbered(4))

    output, history = await finished(await start_batch(temporal, running_worker.task_queue, data))

    assert (output["status"], output["accepted"]) == ("success", 4)
    assert sent(standin) == [["m-0", "m-1", "m-2", "m-3"], ["m-0", "m-1"], ["m-2", "m-3"]]
    assert scheduled(history) == ["Batch.Send"] * 2


async def test_a_full_heartbeat_ends_an_activity(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """Each message keeps its own reason."""
    reasons = [{"batch_index": i, "reason": f"wrong {i}", "field": "name"} for i in range(500)]
    standin.script("customerio", *[{"status": 207, "body": {"errors": reasons}}] * 3)
    data = {"integration": "customerio", "messages": numbered(3000)}

    output, history = await finished(await start_batch(temporal, running_worker.task_queue, data))

    assert (output["accepted"], len(output["rejected"])) == (1500, 1500)
    assert len({one["error"]["message"] for one in output["rejected"]}) == 500
    assert scheduled(history) == ["Batch.Send"] * 3


async def test_a_history_does_not_grow_with_the_retries(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After many copies of the input, an activity gets only the slice that it sends."""
    monkeypatch.setattr("workflows.batch_sends._COPIES_LIMIT_BYTES", 100)
    standin.script("segment", {"status": 503})
    messages = [*THREE, DELETE]

    output, history = await finished(
        await start_batch(temporal, running_worker.task_queue, {"messages": messages})
    )

    assert (output["status"], output["accepted"]) == ("success", 4)
    assert scheduled(history) == ["Batch.Send"] * 4
    assert [len(names) for names in sent(standin)] == [1] * 5


async def test_a_timeout_concerns_one_slice(execute: Execute, standin: StandIn) -> None:
    """Whose response did not come in time; the others are sent."""
    standin.script("segment", {}, {"delay": 60}, {})

    output = await execute("Batch", with_policy({"single_attempt_timeout": "PT1S", **ONCE}, THREE))

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {1: ("Unavailable", "m-delete")}


async def test_queue_timeout_rejects_only_the_slice_that_waited(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """What was settled before stays so, and what comes after it is still sent."""
    standin.script("segment", {"status": 400}, {"status": 503})
    settings = settings_for(standin, task_queue=task_queue)
    policy = {"queue_timeout": "PT2S", "retry_policy": {"initial_interval": "PT2S"}}
    data = with_policy(policy, [*THREE, BAD])

    async with own_worker(temporal, settings):
        handle = await start_batch(temporal, task_queue, data)
        await standin.wait_for(2)
    await _wait_for_event(handle, "activity_task_timed_out_event_attributes")
    async with own_worker(temporal, settings):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("partial", 1)
    assert told(output) == {
        0: ("Rejected", "m-0"),
        1: ("Unavailable", "m-delete"),
        3: ("ValidationError", None),
    }
    assert "queue_timeout" in output["rejected"][1]["error"]["message"]
    assert sent(standin) == [["m-0"], ["/regulations"], ["m-1"]]


async def _wait_for_event(handle: WorkflowHandle[Any, Any], attributes: str) -> None:
    async for event in handle.fetch_history_events(wait_new_event=True):
        if event.HasField(attributes):  # type: ignore[arg-type]
            return


async def test_rejections_are_kept_between_attempts(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """With their ids and reasons, also if another worker makes the next attempt."""
    standin.script("segment", {"status": 400}, {"status": 503})
    settings = settings_for(standin, task_queue=task_queue)
    data = with_policy({"retry_policy": {"initial_interval": "PT2S"}}, THREE)

    async with own_worker(temporal, settings):
        handle = await start_batch(temporal, task_queue, data)
        await standin.wait_for(2)
    async with own_worker(temporal, settings):
        output = await outcome(handle)

    assert (output["status"], output["accepted"]) == ("partial", 2)
    assert told(output) == {0: ("Rejected", "m-0")}
    assert [response["status_code"] for response in output["responses"]] == [400, 200, 200]
    assert sent(standin) == [["m-0"], ["/regulations"], ["/regulations"], ["m-1"]]
