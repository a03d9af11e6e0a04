"""Headers of a caller that servers do not accept are refused: many, long, or one name twice."""

import pytest

from durable_analytics.errors import ValidationError
from durable_analytics.providers.request_options import check_options
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


SPELLINGS: Json = {"X-A": "1", "x-a": "2", "X-B": "3"}
TWICE = "is set twice, as X-A and as x-a: remove one"


@pytest.mark.parametrize("input", [added(SPELLINGS), called(SPELLINGS)])
@pytest.mark.parametrize("target", [{"integration": "trakio"}, {"deliver_to": ["trakio"]}])
async def test_two_spellings_of_one_header_are_refused(
    execute: Execute, standin: StandIn, input: tuple[str, Json], target: Json
) -> None:
    """Both were sent, and servers differ in what they make of it."""
    workflow, data = input

    output = await execute(workflow, {**data, **target})

    error = output["deliveries"]["trakio"]["error"] if "deliver_to" in target else output["error"]
    (field,) = error["fields"]
    assert error["type"] == "ValidationError"
    assert field["path"].endswith("headers.x-a")
    assert field["message"] == TWICE
    assert not standin.requests


@pytest.mark.parametrize("integration", ["segment", "trakio"])
async def test_two_spellings_of_one_header_are_refused_in_a_batch(
    execute: Execute, standin: StandIn, integration: str
) -> None:
    """With batch requests, and without."""
    options = {"headers": SPELLINGS}
    messages = [{"type": "track", **TRACK}] * 2

    output = await execute(
        "Batch", {"integration": integration, "messages": messages, "request_options": options}
    )

    assert TWICE in str(output["error"])
    assert not standin.requests


def test_a_client_refuses_them_too() -> None:
    """Before anything is stored."""
    for path in ("request_options", "call"):
        with pytest.raises(ValidationError) as refused:
            check_options(path, {"headers": SPELLINGS})

        assert str(refused.value) == f"{path}.headers.x-a {TWICE}"


async def test_eighty_headers_are_sent(execute: Execute, standin: StandIn) -> None:
    """Below the limit, they arrive."""
    workflow, input = added({f"X-{n}": "a" for n in range(80)})

    output = await execute(workflow, input)

    assert output["status"] == "success"
    assert standin.requests[0]["headers"]["x-79"] == "a"
