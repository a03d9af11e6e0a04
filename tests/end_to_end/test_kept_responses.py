"""How much of a provider's response an output keeps."""

import json

import pytest

from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute
from tests.support.tracks import TRACK, with_policy


async def test_the_last_answer_survives_attempts_without_one(
    execute: Execute, standin: StandIn
) -> None:
    """The first attempt is answered, the second hangs: the first answer is in the output."""
    standin.script("segment", {"status": 503, "body": "maintenance"}, {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 2}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"]["message"] == "127.0.0.1 did not respond within 1.8 s"
    assert output["response"]["body"] == "maintenance"


async def test_an_answer_of_5_mb_is_cut(execute: Execute, standin: StandIn) -> None:
    """A success stays one; 64 KiB of its body are kept."""
    standin.script("segment", {"status": 200, "body": "x" * 5_000_000})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert output["response"]["truncated"] is True
    assert output["response"]["body"] == "x" * 64 * 1024


@pytest.mark.parametrize("body", ["é" * 5_000, "\x00" * 5_000, '{"a":"' + "b" * 5_000 + '"}'])
async def test_the_answer_of_an_attempt_between_is_cut_to_what_temporal_keeps(
    execute: Execute, standin: StandIn, body: str
) -> None:
    """The first attempt is answered, the last one hangs."""
    standin.script("segment", {"status": 500, "body": body}, {"delay": 30})
    policy = {"single_attempt_timeout": 2, "retry_policy": {"maximum_attempts": 2}}

    output = await execute("Track", with_policy(**policy))

    assert output["error"]["type"] == "Unavailable"
    assert output["response"]["truncated"] is True
    kept = output["response"]["body"]
    assert body.startswith(kept)
    assert 300 < len(kept) <= 2048


@pytest.mark.parametrize("body", ["é" * 5_000, "\x00" * 5_000, '{"a":"' + "b" * 5_000 + '"}'])
@pytest.mark.parametrize(("status", "attempts"), [(500, 2), (400, 1)])
async def test_the_answer_of_the_last_attempt_is_whole(
    execute: Execute, standin: StandIn, body: str, status: int, attempts: int
) -> None:
    """What no attempt follows reaches the workflow as it is."""
    standin.script("segment", *[{"status": status, "body": body}] * attempts)

    output = await execute("Track", with_policy(retry_policy={"maximum_attempts": 2}))

    assert output["response"]["truncated"] is False
    whole = json.loads(body) if body.startswith("{") else body
    assert output["response"]["body"] == whole
    assert len(standin.requests) == attempts


@pytest.mark.parametrize("body", ['{"success": tru', "[1, 2", "{'a': 1}", "NaN", "\ufffd<html>"])
async def test_an_answer_that_is_not_json_is_text(
    execute: Execute, standin: StandIn, body: str
) -> None:
    """The status decides; the body is shown as it came."""
    standin.script("segment", {"status": 200, "body": body})

    output = await execute("Track", TRACK)

    assert output["status"] == "success"
    assert output["response"]["body"] == body


async def test_credentials_in_an_answer_are_masked(execute: Execute, standin: StandIn) -> None:
    """Raw and as they were sent, in bodies and headers."""
    key = standin.vendors["segment"].credentials["write_key"]
    body = {"echo": [key, f"Basic c2VnbWVudC13cml0ZS1rZXk6 {key}"], key: 1}
    standin.script("segment", {"status": 200, "body": body, "headers": {"X-Request-Id": key}})

    output = await execute("Track", TRACK)

    mask = "[credential]"
    assert output["response"]["body"] == {"echo": [mask, f"Basic {mask} {mask}"], mask: 1}
    assert output["response"]["headers"]["x-request-id"] == mask
