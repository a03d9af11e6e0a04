"""`test`: delivers one message, and shows the request and the response."""

import json
from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.support.command import Command


@pytest.fixture
def segment(standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The integration is configured here too, at the stand-in."""
    prefix = "ANALYTICS_INTEGRATIONS__SEGMENT__"
    monkeypatch.setenv(f"{prefix}WRITE_KEY", "segment-write-key")
    monkeypatch.setenv(f"{prefix}BASE_URL", standin.base_url("segment"))


@pytest.mark.usefixtures("segment")
async def test_delivers_a_test_message(command: Command, standin: StandIn) -> None:
    """To the stand-in without asking; the request is shown without its credentials."""
    ended = await command("test", "segment")

    assert ended.status == 0, ended.err
    (request,) = standin.requests
    assert request["body"]["event"] == "Durable Analytics Test"
    assert request["body"]["userId"] == "durable-analytics-test"
    assert f"POST {standin.base_url('segment')}/v1/track" in ended.out
    assert "HTTP 200" in ended.out
    assert ended.out.endswith("success\n")
    assert "segment-write-key" not in ended.out


@pytest.mark.usefixtures("segment")
async def test_shows_a_failure(command: Command, standin: StandIn) -> None:
    """With the response, and the exit status 1."""
    standin.script("segment", {"status": 401, "body": "wrong key"})

    ended = await command("test", "segment", "--json")

    assert ended.status == 1
    assert ended.json["output"]["response"]["body"] == "wrong key"
    assert ended.err.startswith("durable-analytics: not delivered to segment: Unauthorized")


async def test_asks_before_it_sends_to_a_real_account(command: Command, standin: StandIn) -> None:
    """Off a terminal it needs --yes; the settings of the integration are not here."""
    refused = await command("test", "journy")
    assert refused.status == 2
    assert "--yes" in refused.err
    assert standin.requests == []

    assert (await command("test", "journy", "--yes")).status == 0
    assert len(standin.requests) == 1


async def test_delivers_an_input_from_a_file(
    command: Command, standin: StandIn, tmp_path: Path
) -> None:
    """Also a batch."""
    file = tmp_path / "input.json"
    file.write_text(json.dumps({"messages": [{"type": "identify", "user_id": "u-7"}]}))

    ended = await command("test", "segment", str(file), "--yes")

    assert ended.status == 0, ended.err
    assert [one["body"]["batch"][0]["userId"] for one in standin.requests] == ["u-7"]
