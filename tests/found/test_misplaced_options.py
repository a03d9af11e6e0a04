"""An option of the input inside a message is refused with the place where it belongs."""

from typing import Any

import pytest

from tests.support.json_objects import Execute, Json

TRACK: Json = {"user_id": "u-1", "event": "E"}

OPTIONS: Json = {
    "integration": "segment",
    "deliver_to": ["segment"],
    "strict": False,
    "policies": {"request": {"total_timeout": 60}},
    "request_options": {"headers": {"X-A": "b"}},
    "requestOptions": {"headers": {"X-A": "b"}},
}
REASON = "is a key of the input, not of a message: write it beside the message"


@pytest.mark.parametrize(("key", "value"), OPTIONS.items(), ids=OPTIONS)
async def test_option_in_a_message_of_a_batch(execute: Execute, key: str, value: Any) -> None:
    """It would apply to all messages: only that message is refused."""
    output = await execute("Batch", {"messages": [tracked(), tracked({key: value})]})

    (rejection,) = output["rejected"]
    assert output["accepted"] == 1
    assert rejection["index"] == 1
    assert rejection["error"]["fields"] == [{"path": f"messages.1.{key}", "message": REASON}]


@pytest.mark.parametrize(
    ("key", "value"), [*OPTIONS.items(), ("context", {"ip": "192.0.2.1"})], ids=str
)
async def test_option_in_a_single_message(execute: Execute, key: str, value: Any) -> None:
    """Also a context, which has its place beside the message."""
    output = await execute("Track", {"track": {**TRACK, key: value}})

    assert output["error"]["type"] == "ValidationError"
    assert output["error"]["fields"] == [{"path": f"track.{key}", "message": REASON}]


def tracked(more: Json | None = None) -> Json:
    """Return a message of a batch."""
    return {"type": "track", **TRACK, **(more or {})}
