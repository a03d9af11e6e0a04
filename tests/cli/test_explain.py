"""`explain`: the requests that integrations would get, without credentials."""

import json
from pathlib import Path
from typing import Any

import pytest

from durable_analytics.cli._app import run
from durable_analytics.testing import VENDORS, StandIn

ORDER = {
    "track": {
        "user_id": "u-1",
        "event": "Order Completed",
        "properties": {"revenue": 19.99, "currency": "USD"},
        "message_id": "an-id",
        "timestamp": "2026-01-31T09:30:00Z",
    }
}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """All integrations are configured; returns their credentials."""
    for name, vendor in VENDORS.items():
        values = vendor.integration_settings(f"http://127.0.0.1:9/{name}")
        for key, value in values.items():
            monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__{name.upper()}__{key.upper()}", value)
    monkeypatch.setenv("ANALYTICS_LOG_LEVEL", "INFO")
    return {value for vendor in VENDORS.values() for value in vendor.credentials.values()}


@pytest.fixture
def explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `explain` on an input; returns the exit status and what it printed."""

    def of(data: object, *options: str) -> tuple[int, str]:
        file = tmp_path / "input.json"
        file.write_text(json.dumps(data))
        status = run(["explain", str(file), *options])
        return status, capsys.readouterr().out

    return of


def test_shows_what_every_integration_would_get(
    explain: Any, credentials: set[str], standin: StandIn
) -> None:
    """Or why none; nothing is sent, and no credential is shown."""
    status, out = explain(ORDER, "--json")

    explained = {one["integration"]: one for one in json.loads(out)}
    assert (status, explained.keys()) == (0, VENDORS.keys())
    (request,) = explained["segment"]["requests"]
    assert (request["method"], request["url"]) == ("POST", "http://127.0.0.1:9/segment/v1/track")
    assert request["headers"] == {"Content-Type": "application/json"}
    assert request["body"]["event"] == "Order Completed"
    (archived,) = explained["archive"]["requests"]
    assert [line["event"] for line in archived["body"]] == ["Order Completed"]
    assert explained["trophy"]["requests"] == []
    assert explained["trophy"]["error"]["type"] == "UnsupportedMethod"
    assert not [secret for secret in credentials if len(secret) > 6 and secret in out]
    assert standin.requests == []


def test_prints_a_request_as_http_writes_it(explain: Any, credentials: set[str]) -> None:
    """For people."""
    del credentials
    status, out = explain({**ORDER, "integration": "segment"})

    assert status == 0
    assert out.startswith(
        "segment:\n  POST http://127.0.0.1:9/segment/v1/track\n  Content-Type: application/json\n"
    )
    assert '"revenue": 19.99' in out


def test_shows_each_request_of_a_batch(explain: Any, credentials: set[str]) -> None:
    """And the messages that would not be sent."""
    del credentials
    good = {"type": "track", "user_id": "u-1", "event": "Hi"}
    data = {"messages": [good, {"type": "track"}, good]}

    (explained,) = json.loads(explain(data, "--integration", "segment", "--json")[1])

    (request,) = explained["requests"]
    assert len(request["body"]["batch"]) == 2
    assert [one["index"] for one in explained["rejected"]] == [1]


def test_says_why_nothing_would_be_sent(
    explain: Any, credentials: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit status 1."""
    del credentials
    status, out = explain({"track": {"event": "Hi"}}, "--integration", "segment")

    assert status == 1
    assert out.startswith("segment: nothing, ValidationError: ")
    del capsys


@pytest.mark.parametrize("data", [[], {}, {"track": {}, "page": {}}, "text"])
def test_refuses_what_is_no_input(explain: Any, credentials: set[str], data: object) -> None:
    """With the exit status 2."""
    del credentials
    assert explain(data) == (2, "")
