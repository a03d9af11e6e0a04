"""Many or long headers of a caller are refused at once: no server accepts them."""

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json

TRACK: Json = {"user_id": "u", "event": "E"}


def added(headers: Json) -> tuple[str, Json]:
    """A message with these headers."""
    return "Track", {"track": TRACK, "request_options": {"headers": headers}}


def called(headers: Json) -> tuple[str, Json]:
    """A call with these headers."""
    return "Call", {"call": {"method": "POST", "path": "/p", "headers": headers}}


@pytest.mark.parametrize("make", [added, called])
@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ({f"X-{n}": "a" for n in range(20_000)}, "has 20000 headers; the limit is 100"),
        ({"X-Long": "a" * 100_000}, "has 100006 bytes; the limit is 8192"),
    ],
)
async def test_too_many_headers_are_refused(
    execute: Execute, standin: StandIn, make: object, headers: Json, problem: str
) -> None:
    """The time for a request grows with the square of their number."""
    workflow, input = make(headers)  # type: ignore[operator]

    output = await execute(workflow, input)

    (field,) = output["error"]["fields"]
    assert output["error"]["type"] == "ValidationError"
    assert field["path"].endswith("headers")
    assert field["message"] == problem
    assert not standin.requests


async def test_eighty_headers_are_sent(execute: Execute, standin: StandIn) -> None:
    """Below the limit, they arrive."""
    workflow, input = added({f"X-{n}": "a" for n in range(80)})

    output = await execute(workflow, input)

    assert output["status"] == "success"
    assert standin.requests[0]["headers"]["x-79"] == "a"
