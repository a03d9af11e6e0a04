"""A response is cut, however long its body is: it must not repeat what the provider accepted."""

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

TRACK: Json = {"user_id": "u-1", "event": "E"}
INPUTS: list[tuple[str, Json]] = [
    ("Track", {"integration": "segment", "track": TRACK}),
    ("Batch", {"integration": "segment", "messages": [{"type": "track", **TRACK}]}),
]


@pytest.mark.parametrize(("workflow", "input"), INPUTS)
@pytest.mark.parametrize("length", [1_048_577, 5_000_000])
async def test_long_success_is_delivered_once(
    execute: Execute, standin: StandIn, workflow: str, input: Json, length: int
) -> None:
    standin.script("segment", {"status": 200, "body": "x" * length})
    output = await execute(workflow, input)

    assert output["status"] == "success"
    assert len(standin.requests) == 1


@pytest.mark.parametrize(("workflow", "input"), INPUTS)
async def test_long_refusal_keeps_its_status(
    execute: Execute, standin: StandIn, workflow: str, input: Json
) -> None:
    """A 400 is final, and is not sent again because of its length."""
    standin.script("segment", {"status": 400, "body": "x" * 5_000_000})
    output = await execute(workflow, input)

    assert output["error"]["type"] == "Rejected"
    assert len(standin.requests) == 1
