"""Fan-out: one execution that delivers to several integrations, each independently."""

import uuid
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from durable_analytics import AnalyticsClient, BufferingClient
from durable_analytics.errors import ValidationError
from durable_analytics.redrive.filters import Filters
from durable_analytics.redrive.redrive import Redrive
from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.visible import until_closed
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings

TRACK: Json = {
    "user_id": "u-1",
    "event": "Order Completed",
    "message_id": "m-1",
    "timestamp": "2026-01-31T09:30:00Z",
}
ALL = ["segment", "trakio", "trophy"]
"""The last one has no `track`."""


def accepted(standin: StandIn) -> dict[str, list[str | None]]:
    """The ids that each vendor accepted."""
    found = {
        name: [message.id for message in messages] for name, messages in standin.accepted.items()
    }
    return {name: ids for name, ids in found.items() if ids}


async def test_three_integrations(execute: Execute, standin: StandIn) -> None:
    """One at once, one after its retries, one without the method: success."""
    standin.script("trakio", {"status": 500}, {"status": 500})

    output = await execute("Track", {"deliver_to": ALL, "track": TRACK})

    assert [*output] == ["status", "deliveries", "attempts"]
    assert output["status"] == "success"
    deliveries = output["deliveries"]
    assert [*deliveries] == ALL
    assert {name: one["status"] for name, one in deliveries.items()} == {
        "segment": "success",
        "trakio": "success",
        "trophy": "filtered",
    }
    assert deliveries["segment"]["integration"] == "segment"
    assert deliveries["segment"]["track"] == TRACK
    assert len(deliveries["segment"]["attempts"]) == 1
    codes = [attempt["status_code"] for attempt in deliveries["trakio"]["attempts"]]
    assert codes == [500, 500, 200]
    assert deliveries["trophy"]["filtered"]["by"] == "unsupported"
    assert "does not support track" in deliveries["trophy"]["filtered"]["reason"]
    assert [one["integration"] for one in output["attempts"]].count("trakio") == 3
    assert len(standin.accepted["segment"]) == len(standin.accepted["trakio"]) == 1


async def test_one_that_fails_does_not_stop_the_others(execute: Execute, standin: StandIn) -> None:
    standin.script("segment", {"status": 401})

    output = await execute("Track", {"deliver_to": ["segment", "trakio"], "track": TRACK})

    assert output["status"] == "partial"
    assert "error" not in output
    assert output["deliveries"]["segment"]["error"]["type"] == "Unauthorized"
    assert output["deliveries"]["trakio"]["status"] == "success"


async def test_what_one_provider_refuses_concerns_that_one(execute: Execute) -> None:
    """Trak.io has no field for traits of a track."""
    message = {**TRACK, "traits": {"a": "b"}}

    output = await execute("Track", {"deliver_to": ["trakio", "segment"], "track": message})

    assert output["status"] == "partial"
    failed = output["deliveries"]["trakio"]
    assert failed["error"]["fields"][0]["path"] == "track.traits"
    assert (failed["response"], failed["attempts"]) == (None, [])


async def test_nothing_delivered_fails_with_the_first_error(
    temporal: Client, execute: Execute, standin: StandIn
) -> None:
    """Its detail is the output."""
    standin.script("segment", {"status": 400})
    standin.script("journy", {"status": 401})
    workflow_id = f"fanout-{uuid.uuid4()}"

    output = await execute(
        "Track", {"deliver_to": ["trophy", "segment", "journy"], "track": TRACK}, id=workflow_id
    )

    assert [*output] == ["status", "deliveries", "error", "attempts"]
    assert (output["status"], output["error"]["type"]) == ("failure", "Rejected")
    assert output["deliveries"]["journy"]["error"]["type"] == "Unauthorized"
    description = await temporal.get_workflow_handle(workflow_id).describe()
    assert description.status is WorkflowExecutionStatus.FAILED


async def test_all_filtered(execute: Execute) -> None:
    message = {**TRACK, "integrations": {"All": False}}

    output = await execute("Track", {"deliver_to": ["segment", "trakio"], "track": message})

    assert output["status"] == "filtered"


@pytest.mark.parametrize("workflow", ["Track", "Batch"])
@pytest.mark.parametrize(
    ("names", "more", "path", "message"),
    [
        (["segment", "nowhere"], {}, "deliver_to.1", "is not a configured integration"),
        (["segment", "segment"], {}, "deliver_to.1", "names an integration again"),
        (["segment"], {"integration": "segment"}, "deliver_to", "beside integration"),
        ([], {}, "deliver_to", "at least 1"),
        ("segment", {}, "deliver_to", "list"),
        ([1], {}, "deliver_to.0", "must be text"),
    ],
)
async def test_wrong_lists(
    execute: Execute, workflow: str, names: Any, more: Json, path: str, message: str
) -> None:
    own: Json = (
        {"track": TRACK} if workflow == "Track" else {"messages": [{"type": "track", **TRACK}]}
    )

    output = await execute(workflow, {"deliver_to": names, **more, **own})

    assert output["error"]["type"] == "ValidationError"
    (field,) = output["error"]["fields"]
    assert field["path"] == path
    assert message in field["message"]


async def test_a_batch_to_three_integrations(execute: Execute, standin: StandIn) -> None:
    """Each with its own slices, and its own refused and filtered messages."""
    standin.script("trakio", {"status": 500})
    messages: list[Json] = [
        {"type": "track", "user_id": f"u-{n}", "event": "E", "message_id": f"m-{n}"}
        for n in range(20)
    ]
    messages[3] = {"type": "track", "event": "E", "message_id": "m-3"}
    messages[4] = {"type": "identify", "user_id": "u-4", "message_id": "m-4"}

    output = await execute("Batch", {"deliver_to": ALL, "messages": messages})

    assert output["status"] == "partial"
    assert [*output] == ["status", "deliveries"]
    for name in ("segment", "trakio"):
        one = output["deliveries"][name]
        assert (one["status"], one["accepted"]) == ("partial", 19)
        assert [rejection["index"] for rejection in one["rejected"]] == [3]
    trophy = output["deliveries"]["trophy"]
    assert (trophy["status"], trophy["accepted"], trophy["filtered_count"]) == ("success", 1, 19)
    assert {one["by"] for one in trophy["filtered"]} == {"unsupported"}
    ids = {f"m-{n}" for n in range(20) if n != 3}
    assert {message.id for message in standin.accepted["segment"]} == ids


async def test_too_many_deliveries_of_a_batch(execute: Execute) -> None:
    messages = [{"type": "track", **TRACK}] * 2_000

    output = await execute("Batch", {"deliver_to": ALL, "messages": messages})

    assert "2000 for 3 integrations" in output["error"]["message"]


@pytest.mark.parametrize(
    ("size_bytes", "kept"), [(300_000, [True, True]), (600_000, [True, False])]
)
async def test_messages_of_all_deliveries_fit_an_output(
    execute: Execute, size_bytes: int, kept: list[bool]
) -> None:
    """Beyond that, the input has them."""
    message = {**TRACK, "properties": {"text": "x" * size_bytes}}

    output = await execute("Track", {"deliver_to": ["archive", "webhook"], "track": message})

    assert output["status"] == "success"
    assert [one["track"] is not None for one in output["deliveries"].values()] == kept


@pytest.mark.parametrize("workflow", ["Track", "Batch"])
async def test_a_fan_out_that_temporal_could_not_schedule(execute: Execute, workflow: str) -> None:
    """Each activity has the input; together they have a limit."""
    message = {**TRACK, "properties": {"text": "x" * 700_000}}
    own: Json = {"track": message}
    if workflow == "Batch":
        own = {"messages": [{"type": "track", **message}]}

    output = await execute(workflow, {"deliver_to": ["archive", "webhook", "amplitude"], **own})

    assert output["error"]["fields"][0]["path"] == "deliver_to"
    assert "together they are more than 2097152" in output["error"]["message"]


async def test_too_many_integrations(execute: Execute) -> None:
    names = [f"a{number}" for number in range(5_000)]

    output = await execute("Track", {"deliver_to": names, "track": TRACK})

    assert output["error"]["fields"][0]["path"] == "deliver_to"


async def test_responses_of_all_deliveries_share_a_limit(
    execute: Execute, standin: StandIn
) -> None:
    names = ["segment", "journy", "rudderstack", "posthog", "archive", "webhook"]
    for name in names:
        standin.script(name, {"status": 200, "body": "x" * 64 * 1024})

    output = await execute("Track", {"deliver_to": names, "track": TRACK})

    bodies = [one["response"]["body"] for one in output["deliveries"].values()]
    assert bodies[0] == "x" * 64 * 1024
    assert bodies[-1] is None
    assert all(one["response"]["status_code"] == 200 for one in output["deliveries"].values())


async def test_clients(temporal: Client, running_worker: Settings, standin: StandIn) -> None:
    """The id begins with `fanout`; a call can name others than the client."""
    queue = running_worker.task_queue
    client = AnalyticsClient(temporal, deliver_to=["segment", "trakio"], task_queue=queue)
    message_id = str(uuid.uuid4())

    handle = await client.track(user_id="u-1", event="E", message_id=message_id)
    other = await client.track(user_id="u-1", event="E", integration="journy")
    output = await handle.result()

    assert handle.workflow_id == f"fanout:track:{message_id}"
    assert output["status"] == "success"
    assert other.workflow_id.startswith("journy:track:")
    assert (await other.result())["integration"] == "journy"
    assert accepted(standin)["segment"] == [message_id]
    description = await temporal.get_workflow_handle(handle.workflow_id).describe()
    attributes = [
        list(pair.value)
        for pair in description.typed_search_attributes
        if pair.key.name == "AnalyticsIntegration"
    ]
    assert attributes == [["segment", "trakio"]]
    with pytest.raises(ValidationError, match="beside integration"):
        AnalyticsClient(temporal, integration="journy", deliver_to=["segment"])
    with pytest.raises(TypeError, match="deliver_to must be a list of texts"):
        AnalyticsClient(temporal, deliver_to="segment")


async def test_the_buffering_client(
    temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    async with BufferingClient(
        temporal, deliver_to=["segment", "trakio"], task_queue=running_worker.task_queue
    ) as client:
        outcomes: list[Any] = []
        for number in range(10):
            client.track(user_id=f"u-{number}", event="E", callback=outcomes.append)
        await client.aflush()
        workflow_id = outcomes[0].workflow_id
    output = await temporal.get_workflow_handle(workflow_id).result()

    assert workflow_id.startswith("fanout:batch:")
    assert {name: one["accepted"] for name, one in output["deliveries"].items()} == {
        "segment": 10,
        "trakio": 10,
    }
    assert len(standin.accepted["trakio"]) == 10


async def test_what_failed_is_redriven_there_alone(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Of singles and of batches; a second time, nothing is."""
    settings = settings_for(standin, task_queue=task_queue, policies=QUICK_RETRIES)
    standin.script("segment", {"status": 401}, {"status": 401})
    standin.script("amplitude", {"status": 401})
    messages = [{"type": "track", **TRACK, "message_id": f"b-{n}"} for n in range(3)]
    async with own_worker(temporal, settings):
        outputs = []
        for workflow, own in (("Track", {"track": TRACK}), ("Batch", {"messages": messages})):
            handle = await temporal.start_workflow(
                workflow,
                {"deliver_to": ["segment", "amplitude", "journy"], **own},
                id=f"{task_queue}:{workflow}",
                task_queue=task_queue,
            )
            outputs.append(await outcome(handle))
            await until_closed(temporal, handle.id)
        before = accepted(standin)

        filters = Filters(integration=None)
        redriven = await Redrive(temporal, task_queue, filters).run()
        again = await Redrive(temporal, task_queue, filters).run()

    assert [output["status"] for output in outputs] == ["partial", "partial"]
    assert before == {"journy": ["m-1", "b-0", "b-1", "b-2"], "amplitude": ["b-0", "b-1", "b-2"]}
    assert (redriven.selected, redriven.redriven, redriven.failed) == (5, 5, 0)
    assert (again.selected, again.redriven, again.skipped) == (5, 0, 5)
    after = accepted(standin)
    assert sorted(map(str, after["segment"])) == ["b-0", "b-1", "b-2", "m-1"]
    assert sorted(map(str, after["amplitude"])) == ["b-0", "b-1", "b-2", "m-1"]
    assert after["journy"] == before["journy"]
