"""The transform of an integration, and suppressed users, through a real worker."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pydantic
import pytest
from temporalio.client import Client

from durable_analytics.settings.integrations import IntegrationSettings
from durable_analytics.testing import StandIn
from durable_analytics.wire.search_attributes import hash_user
from tests.routing.transforms import RELEASED
from tests.support.json_objects import Execute, Json
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import outcome, own_worker
from worker import Settings

TRACK: Json = {"user_id": "u-1", "event": "E", "properties": {"card": "4111", "plan": "pro"}}
CONTEXT: Json = {"ip": "192.0.2.7", "locale": "en-US"}
TRANSFORMS = "tests.routing.transforms"


@pytest.fixture
def settings(standin: StandIn, task_queue: str, tmp_path: Path) -> Settings:
    """Integrations at the stand-in, each with a transform, or with suppressed users."""
    suppressed = tmp_path / "suppressed"
    hashes = [hash_user("u-gone", "new"), hash_user("a-gone", "old").upper()]
    suppressed.write_text("\n".join([*hashes, ""]))
    more: dict[str, Json] = {
        "segment": {"transform": f"{TRANSFORMS}:scrub", "routing": {"drop": ["properties.plan"]}},
        "trakio": {"transform": f"{TRANSFORMS}:scrub"},
        "journy": {"transform": f"{TRANSFORMS}:fail"},
        "rudderstack": {"transform": f"{TRANSFORMS}:wrong"},
        "posthog": {"transform": f"{TRANSFORMS}:mutate"},
        "customerio": {"transform": f"{TRANSFORMS}:leave"},
        "braze": {"transform": f"{TRANSFORMS}:hang"},
        "amplitude": {"suppressed_users_file": str(suppressed)},
    }
    integrations = {
        name: {
            "provider": name,
            "policies": QUICK_RETRIES,
            **standin.vendors[name].integration_settings(standin.base_url(name)),
            **own,
        }
        for name, own in more.items()
    }
    return settings_for(
        standin, integrations=integrations, task_queue=task_queue, user_hash_keys=("new", "old")
    )


@pytest.fixture
async def deliver(temporal: Client, settings: Settings) -> AsyncIterator[Execute]:
    """Run a workflow; returns its output, of a failure too."""

    async def run(workflow: str, **input: Any) -> Json:
        handle = await temporal.start_workflow(
            workflow, input, id=f"transformed-{uuid.uuid4()}", task_queue=settings.task_queue
        )
        return await outcome(handle)

    async with own_worker(temporal, settings):
        yield run


async def test_a_transformed_message(deliver: Execute, standin: StandIn) -> None:
    """It sees the context, and the routing comes after it."""
    output = await deliver("Track", integration="segment", track=TRACK, context=CONTEXT)

    (request,) = standin.requests
    body: Any = request["body"]
    assert body["properties"] == {"via": "segment"}
    assert "ip" not in body["context"]
    assert body["context"]["locale"] == "en-US"
    assert output["status"] == "success"
    assert output["track"]["properties"] == {"via": "segment"}
    assert output["track"]["user_id"] == "u-1"


async def test_a_retry_sends_what_was_recorded(deliver: Execute, standin: StandIn) -> None:
    standin.script("trakio", {"status": 500})

    await deliver("Track", integration="trakio", track=TRACK)

    first, second = [request["body"] for request in standin.requests]
    assert first == second
    assert "4111" not in str(first)


@pytest.mark.parametrize("strict", [True, False])
async def test_a_batch(deliver: Execute, standin: StandIn, strict: bool) -> None:
    """It runs again for the request: a context that it removed does not come back."""
    messages = [
        {"type": "track", **TRACK},
        {"type": "track", **TRACK, "event": "Internal"},
        {"type": "track", "userId": "u-2", "event": "F", "context": {"timezone": "Europe/Oslo"}},
    ]
    for name in ("segment", "trakio"):
        standin.script(name, {"status": 500})

    outputs = [
        await deliver(
            "Batch",
            integration=name,
            messages=messages,
            strict=strict,
            **({"context": CONTEXT} if name == "segment" else {}),
        )
        for name in ("segment", "trakio")
    ]

    for name, output in zip(("segment", "trakio"), outputs, strict=True):
        assert (output["status"], output["accepted"]) == ("success", 2)
        assert output["filtered"][0] == {
            "index": 1,
            "message_id": output["filtered"][0]["message_id"],
            "by": "transform",
            "reason": f"the transform of {name} returned None",
        }
    sent = str(standin.requests)
    assert "4111" not in sent
    assert "192.0.2.7" not in sent
    batches: list[Any] = [r["body"] for r in standin.requests if r["integration"] == "segment"]
    second = batches[-1]["batch"][1]
    assert second["context"]["timezone"] == "Europe/Oslo"
    assert second["context"]["locale"] == "en-US"


async def test_a_transform_that_raises(
    deliver: Execute, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not retried; the log says where, without the message."""
    caplog.set_level(logging.ERROR)

    output = await deliver("Track", integration="journy", track=TRACK)
    batch = await deliver("Batch", integration="journy", messages=[{"type": "track", **TRACK}])

    message = "the transform of journy raised KeyError; the worker's log has the location"
    assert output["error"] == {"type": "TransformationError", "message": message, "fields": []}
    assert batch["rejected"][0]["error"]["message"] == message
    assert batch["error"]["type"] == "TransformationError"
    assert standin.requests == []
    records = [record for record in caplog.records if record.message == "transform failed"]
    assert len(records) == 2
    assert "transforms.py" in str(vars(records[0])["where"])
    assert "4111" not in str([vars(record) for record in records])


async def test_a_transform_that_takes_long_does_not_delay_other_integrations(
    deliver: Execute, standin: StandIn
) -> None:
    """Its own message is delivered when it ends."""
    slow = asyncio.ensure_future(deliver("Track", integration="braze", track=TRACK))
    try:
        other = await deliver("Track", integration="posthog", track=TRACK)
        delivered = [*standin.accepted["braze"]]
    finally:
        RELEASED.set()
    output = await slow

    assert other["status"] == output["status"] == "success"
    assert delivered == []


async def test_a_transform_that_ends_the_process(deliver: Execute, standin: StandIn) -> None:
    """It fails one message only: the others of the batch are delivered."""
    good = {**TRACK, "event": "Good"}
    messages = [{"type": "track", **one} for one in (good, TRACK)]

    output = await deliver("Track", integration="customerio", track=TRACK)
    batch = await deliver("Batch", integration="customerio", messages=messages)

    message = "the transform of customerio raised SystemExit; the worker's log has the location"
    assert output["error"] == {"type": "TransformationError", "message": message, "fields": []}
    assert [(one["index"], one["error"]["message"]) for one in batch["rejected"]] == [(1, message)]
    assert batch["accepted"] == len(standin.accepted["customerio"]) == 1


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        ("list", "TransformationError", "returned list, not a message or None"),
        ("type", "TransformationError", "changed the type of the message"),
        ("object", "TransformationError", "returned a value that is not JSON"),
        ("large", "ValidationError", "the changed message"),
        ("invalid", "ValidationError", "track.event"),
        ("nan", "TransformationError", "returned a value that is not JSON"),
        ("context", "ValidationError", "track.context must be an object"),
    ],
)
async def test_a_wrong_result(deliver: Execute, event: str, error: str, message: str) -> None:
    output = await deliver("Track", integration="rudderstack", track={**TRACK, "event": event})

    assert output["error"]["type"] == error
    assert message in output["error"]["message"]


async def test_a_transform_may_remove_the_context(deliver: Execute, standin: StandIn) -> None:
    output = await deliver(
        "Track",
        integration="rudderstack",
        track={**TRACK, "event": "no context"},
        context=CONTEXT,
    )

    assert output["status"] == "success"
    body: Any = standin.requests[0]["body"]
    assert "192.0.2.7" not in str(body)


async def test_an_empty_context_of_php(deliver: Execute, standin: StandIn) -> None:
    """The shared one is not lost."""
    message = {"type": "track", **TRACK, "context": []}

    await deliver("Batch", integration="segment", messages=[message], context=CONTEXT, strict=False)

    batch: Any = standin.requests[0]["body"]
    assert batch["batch"][0]["context"]["locale"] == "en-US"


async def test_integrations_do_not_see_what_another_transform_changed(
    deliver: Execute, standin: StandIn
) -> None:
    both = ["posthog", "segment"]

    await deliver("Track", deliver_to=both, track=TRACK)
    await deliver("Batch", deliver_to=both, messages=[{"type": "track", **TRACK}])

    for request in standin.requests:
        mutated = "mutated_by" in str(request["body"])
        assert mutated == (request["integration"] == "posthog")


@pytest.mark.parametrize(
    ("method", "message", "is_sent"),
    [
        ("track", {"user_id": "u-gone", "event": "E"}, False),
        ("track", {"anonymous_id": "a-gone", "event": "E"}, False),
        ("alias", {"previous_user_id": "a-gone", "new_user_id": "u-2"}, False),
        ("track", {"user_id": "u-here", "event": "E"}, True),
        ("delete", {"user_id": "u-gone"}, True),
    ],
)
def test_suppressed_users(settings: Settings, method: str, message: Json, is_sent: bool) -> None:
    """By any of the keys; a deletion is for them too."""
    filters = settings.deliverable().find("amplitude").route.filters

    filtered = filters.check(method, message, {})

    expected = {"by": "suppressed", "reason": "the user is in suppressed_users_file"}
    assert filtered == (None if is_sent else expected)


async def test_a_suppressed_user_in_a_batch(deliver: Execute) -> None:
    messages = [{"type": "track", "userId": user, "event": "E"} for user in ("u-gone", "u-2")]

    output = await deliver("Batch", integration="amplitude", messages=messages)

    assert (output["accepted"], output["filtered_count"]) == (1, 1)
    assert output["filtered"][0]["by"] == "suppressed"


@pytest.mark.parametrize(
    ("own", "there"),
    [
        ({"transform": "nowhere:scrub"}, "nowhere"),
        ({"transform": f"{TRANSFORMS}:nothing"}, "nothing"),
        ({"transform": f"{TRANSFORMS}:waits"}, "must be a function without async"),
        ({"transform": f"{TRANSFORMS}:takes_one"}, "must be a function of two arguments"),
        ({"suppressed_users_file": "/nowhere"}, "must be the path of a text file"),
        ({"suppressed_users_file": __file__}, "line 1 must be an HMAC-SHA256 in hex"),
    ],
)
def test_wrong_settings(own: Json, there: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=there):
        IntegrationSettings.model_validate({"provider": "segment", "write_key": "k", **own})


def test_suppression_needs_a_key(tmp_path: Path) -> None:
    file = tmp_path / "suppressed"
    file.write_text("")
    own = {"write_key": "k", "suppressed_users_file": str(file)}

    with pytest.raises(pydantic.ValidationError, match="suppressed_users_file needs keys"):
        Settings(integrations={"segment": own})
