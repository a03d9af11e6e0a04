"""Every example, run for real: what it prints, and what the provider receives."""

import re
import shutil
import sys
from collections.abc import Sequence

import pytest

from durable_analytics.testing import StandIn
from tests.documentation.pages import ROOT, inline_commands, page
from tests.support.json_objects import Json
from tests.support.programs import EXAMPLES, TOOLS, TYPESCRIPT, Run

LINES = inline_commands(page("from-other-services"))
"""How the page says that examples are run."""

REVENUE: Json = {"revenue": 19.99, "currency": "USD"}


def deliveries(requests: Sequence[Json]) -> list[tuple[str, str, str, Json | None, int]]:
    """Who was told what, and what was answered."""
    rows = []
    for request in requests:
        assert (request["integration"], request["method"]) == ("segment", "POST")
        assert request["headers"]["authorization"] == "Basic ****"
        body = request["body"]
        answered = request["answered"]
        rows.append(
            (request["path"], body["userId"], body["event"], body.get("properties"), answered)
        )
    return rows


def kept_as(printed: str) -> str:
    """The message id of the delivery that an example told about."""
    (message_id,) = re.findall(r"segment:track:(\S+)$", printed, flags=re.MULTILINE)
    return str(message_id)


async def test_python(run: Run, standin: StandIn) -> None:
    """The client starts a delivery and waits for it."""
    (line,) = (line for line in LINES if "deliver.py" in line)

    printed = await run("bash", "-ec", f"cd {ROOT}\n{line.replace('.venv/bin', str(TOOLS))}")

    message_id = kept_as(printed)
    assert printed.splitlines() == [
        f"kept by Temporal as segment:track:{message_id}",
        "delivered, answered 200",
    ]
    assert deliveries(standin.requests) == [
        ("/v1/track", "u-1", "Order Completed", REVENUE, 200),
    ]
    assert standin.requests[0]["body"]["messageId"] == message_id
    assert standin.requests[0]["body"]["context"]["locale"] == "en-US"


async def test_python_when_the_provider_refuses(run: Run, standin: StandIn) -> None:
    """The example tells why."""
    standin.script("segment", {"status": 400, "body": {"message": "no thanks"}})

    printed = await run(sys.executable, EXAMPLES / "deliver.py")

    told = printed.splitlines()[-1]
    assert told.startswith("not delivered: ")
    assert "'type': 'Rejected'" in told
    assert "no thanks" in told


async def test_own_workflow(run: Run, standin: StandIn) -> None:
    """Two child workflows, activities alone and a request alone; the wrong message is not sent."""
    printed = await run(sys.executable, EXAMPLES / "own_workflow.py")

    assert printed.splitlines() == [
        "child workflow: success 200",
        "child workflow: failure track.event is required",
        "abandoned child workflow: success 200",
        "activities: 200 {'success': True}",
        "request alone: 200 {'success': True}",
    ]
    ordered = ("/v1/track", "u-1", "Order Completed", None, 200)
    assert deliveries(standin.requests) == [ordered] * 4
    assert len({request["body"]["messageId"] for request in standin.requests}) == 4


async def test_own_workflow_retries(run: Run, standin: StandIn) -> None:
    """Each way, a provider that is down for a moment gets the same message again."""
    times_down = 4
    standin.script("segment", *[{"status": 503}, {}] * times_down)

    printed = await run(sys.executable, EXAMPLES / "own_workflow.py")

    assert printed.count("200") == times_down
    assert [row["answered"] for row in standin.requests] == [503, 200] * times_down
    ids = [row["body"]["messageId"] for row in standin.requests]
    assert ids[::2] == ids[1::2]
    assert len(set(ids)) == times_down


@pytest.mark.slow
async def test_typescript(run: Run, standin: StandIn) -> None:
    """Delivered once, joined the second time, and a failure that says why."""
    (line,) = (line for line in LINES if "deliver.ts" in line)

    printed = await run("bash", "-ec", f"cd {TYPESCRIPT}\n{line}")

    message_id = kept_as(printed)
    assert printed.splitlines()[-4:] == [
        f"kept by Temporal as segment:track:{message_id}",
        "delivered, answered 200",
        "not delivered twice: true",
        'not delivered: ValidationError [{"path":"track.event","message":"is required"}]',
    ]
    assert deliveries(standin.requests) == [
        ("/v1/track", "u-1", "Order Completed", REVENUE, 200),
    ]
    assert standin.requests[0]["body"]["messageId"] == message_id


async def test_command_line(run: Run, standin: StandIn) -> None:
    """Executed, started and read later, and one that fails."""
    printed = await run("bash", EXAMPLES / "cli.sh")

    message_id = kept_as(printed)
    (result,) = re.findall(r"^ *Result +(\{.*\})$", printed, flags=re.MULTILINE)
    assert '"status":"success"' in result
    assert "\ndelivered, answered 200\n" in printed
    told = printed.splitlines()[-1]
    assert told.startswith("not delivered: ")
    assert "'type': 'ValidationError'" in told
    assert "'path': 'track.event'" in told
    assert deliveries(standin.requests) == [
        ("/v1/track", "u-1", "Signed Up", None, 200),
        ("/v1/track", "u-1", "Order Completed", REVENUE, 200),
    ]
    assert standin.requests[1]["body"]["messageId"] == message_id


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
async def test_go(run: Run, standin: StandIn) -> None:
    """`main.go`: a second start of the same message joins its delivery."""
    (line,) = (line for line in LINES if "go run" in line)
    program = ("bash", "-ec", f"export GOTOOLCHAIN=local\ncd {ROOT}\n{line}")

    first, second = await run(*program), await run(*program)

    assert first == second
    assert first.startswith("delivered: map[")
    assert "status_code:200" in first
    assert deliveries(standin.requests) == [("/v1/track", "u-1", "Order Completed", REVENUE, 200)]
