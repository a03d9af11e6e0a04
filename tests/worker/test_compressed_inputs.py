"""Large compressed inputs stay compressed in workflows; nobody outside can tell."""

import os
import uuid
from typing import Any

import pytest
import zstandard
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue

from durable_analytics.temporal import codecs
from durable_analytics.temporal.encryption_keys import new_key
from durable_analytics.testing import StandIn
from tests.support.json_objects import Json
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import outcome, own_process
from worker import data_converter

TEXTS = [os.urandom(5_000).hex() for _ in range(20)]
"""Together 200 KB, which compress to half of it. That is large."""

ONE_ATTEMPT = {"request": {"retry_policy": {"maximum_attempts": 1}}}


@pytest.fixture(params=[(), (new_key("k1"),)], ids=["clear", "encrypted"])
async def client(request: pytest.FixtureRequest, temporal: Client) -> Client:
    """A client that compresses, and encrypts with a key."""
    converter = data_converter(compress=True, encryption_keys=request.param)
    config = temporal.config()
    config["data_converter"] = converter
    return Client(**config)


async def execute(
    client: Client, standin: StandIn, task_queue: str, workflow: str, input: Json
) -> Json:
    """The output of one execution on the workers of a process."""
    settings = settings_for(standin, task_queue=task_queue, policies=ONE_ATTEMPT)
    async with own_process(client, settings):
        handle: Any = await client.start_workflow(
            workflow, input, id=f"test-{uuid.uuid4()}", task_queue=task_queue
        )
        return await outcome(handle)


def batch(**message: Any) -> Json:
    """A message for each text."""
    track = {"type": "track", "user_id": "u", "event": "E", **message}
    return {
        "messages": [
            {**track, "message_id": f"m-{index}", "properties": {"text": text}}
            for index, text in enumerate(TEXTS)
        ]
    }


async def test_a_batch_is_decompressed_for_its_activities_alone(
    client: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for Validation and once for the request."""
    sizes: list[int] = []
    frame_content_size = zstandard.frame_content_size

    def counted(data: bytes) -> int:
        sizes.append(len(data))
        return frame_content_size(data)

    monkeypatch.setattr(zstandard, "frame_content_size", counted)

    output = await execute(client, standin, task_queue, "Batch", batch())

    assert output["accepted"] == len(TEXTS)
    assert len([size for size in sizes if size > 64 * 1024]) == 2
    items = standin.requests[0]["body"]["batch"]
    assert [item["properties"]["text"] for item in items] == TEXTS


async def test_the_messages_of_a_failed_batch_are_named(
    client: Client, standin: StandIn, task_queue: str
) -> None:
    """The workflow reads their ids in the input."""
    standin.script("segment", {"status": 503})

    output = await execute(client, standin, task_queue, "Batch", batch())

    assert [one["message_id"] for one in output["rejected"]] == [
        f"m-{index}" for index in range(len(TEXTS))
    ]
    assert {one["error"]["type"] for one in output["rejected"]} == {"Unavailable"}


async def test_a_batch_that_is_refused_is_explained(
    client: Client, standin: StandIn, task_queue: str
) -> None:
    """Validation refuses all messages."""
    output = await execute(client, standin, task_queue, "Batch", batch(event=7))

    assert [one["index"] for one in output["rejected"]] == [*range(len(TEXTS))]
    assert "messages.0.event" in output["rejected"][0]["error"]["message"]


async def test_the_output_repeats_a_large_message_that_is_refused(
    client: Client, standin: StandIn, task_queue: str
) -> None:
    """The workflow reads it in the input."""
    message = {"user_id": "u", "event": 7, "properties": {"texts": TEXTS}}

    output = await execute(client, standin, task_queue, "Track", {"track": message})

    assert output["error"]["type"] == "ValidationError"
    assert output["track"]["properties"] == {"texts": TEXTS}


async def test_a_payload_that_is_no_input_is_refused(
    client: Client, standin: StandIn, task_queue: str
) -> None:
    """It is large, and says that it is compressed."""
    raw = RawValue(Payload(metadata={"encoding": codecs.ENCODING}, data=os.urandom(100_000)))

    output = await execute(client, standin, task_queue, "Batch", raw)  # type: ignore[arg-type]

    assert output["error"]["type"] == "ValidationError"
    assert "cannot be decompressed" in output["error"]["message"]
