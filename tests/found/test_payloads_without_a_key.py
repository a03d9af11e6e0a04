"""An encrypted payload that no key decrypts is refused at once: waiting for a key would not end."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute
from tests.support.worker_settings import settings_for
from worker import register

REASON = "the input must be JSON (json/plain), not a payload with encoding 'binary/encrypted'"
WHOLE = b"as long as a nonce, a tag and something encrypted"

PAYLOADS = {
    "no id": ({}, b"junk"),
    "no id, but long enough": ({}, WHOLE),
    "an empty id": ({"encryption-key-id": b""}, WHOLE),
    "a blank id": ({"encryption-key-id": b" "}, WHOLE),
    "an id that is not text": ({"encryption-key-id": b"\xff\xfe"}, WHOLE),
    "an id that no key may have": ({"encryption-key-id": b"my key"}, WHOLE),
    "too short for any key": ({"encryption-key-id": b"k1"}, b"junk"),
}


def encrypted(name: str) -> RawValue:
    """One of the payloads."""
    metadata, data = PAYLOADS[name]
    return RawValue(Payload(metadata={"encoding": b"binary/encrypted", **metadata}, data=data))


@workflow.defn(name="OwnDelivery", sandboxed=False)
class OwnDelivery:
    """A team's own workflow, which runs a Request without a Validation.

    Outside of the sandbox, because this module imports what tests need.
    """

    @workflow.run
    async def run(self, input: RawValue) -> Any:
        """Pass the input on."""
        return await workflow.execute_activity(
            "Track.Request", args=[input], start_to_close_timeout=timedelta(seconds=5)
        )


@pytest.mark.parametrize("name", PAYLOADS)
@pytest.mark.parametrize("method", ["Track", "Batch"])
async def test_a_validation_refuses_it(
    execute: Execute, standin: StandIn, method: str, name: str
) -> None:
    """As it refuses any payload of another encoding."""
    output = await execute(method, encrypted(name), execution_timeout=timedelta(seconds=8))

    assert (output["error"]["type"], output["error"]["message"]) == ("ValidationError", REASON)
    assert not standin.requests


async def test_a_request_refuses_it(temporal: Client, standin: StandIn, task_queue: str) -> None:
    """Whatever started it."""
    settings = settings_for(standin, task_queue=task_queue)
    async with Worker(
        temporal, task_queue=task_queue, workflows=[OwnDelivery], plugins=[register(settings)]
    ):
        for name in PAYLOADS:
            with pytest.raises(WorkflowFailureError) as failed:
                await temporal.execute_workflow(
                    "OwnDelivery",
                    encrypted(name),
                    id=f"test-{uuid.uuid4()}",
                    task_queue=task_queue,
                    execution_timeout=timedelta(seconds=8),
                )

            assert isinstance(failed.value.cause, ActivityError)
            cause = failed.value.cause.cause
            assert isinstance(cause, ApplicationError)
            assert (cause.type, cause.message) == ("ValidationError", REASON)
    assert not standin.requests
