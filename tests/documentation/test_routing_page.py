"""Runs the examples of docs/routing.md: inputs, a tracking plan, a transform and variables."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from durable_analytics.cli._app import run
from durable_analytics.delivery.routing import Routing
from tests.documentation.pages import blocks, page
from tests.support.json_objects import Execute, Json
from tests.support.programs import run_program
from worker import load

TEXT = page("routing")
SEVERAL, CONSENT, INTEGRATIONS, PLAN = (json.loads(block) for block in blocks(TEXT, "json"))
TRACK: Json = {"user_id": "u-1", "event": "Order Completed"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory; an integration at Segment and one at PostHog are configured."""
    for name in [name for name in os.environ if name.upper().startswith("ANALYTICS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "a-key")
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__POSTHOG__PROJECT_API_KEY", "a-key")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_posthog(monkeypatch: pytest.MonkeyPatch, setting: str, value: str) -> None:
    """Set a setting of the integration at PostHog."""
    monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__POSTHOG__{setting.upper()}", value)


def filtered_by(folder: Path, capsys: pytest.CaptureFixture[str], more: Json) -> dict[str, Any]:
    """Return what would filter the input at each integration; None if it would be sent."""
    (folder / "input.json").write_text(json.dumps({"track": TRACK, **more}))
    run(["explain", "input.json", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert all(row["requests"] or row["filtered"] for row in rows)
    return {row["integration"]: row["filtered"] and row["filtered"]["by"] for row in rows}


async def test_input_is_delivered_to_several_integrations(execute: Execute) -> None:
    """Each integration gets the message."""
    output = await execute("Track", SEVERAL)

    assert output["status"] == "success"
    assert [*output["deliveries"]] == SEVERAL["deliver_to"]


def test_message_needs_consent_to_the_category_of_the_integration(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The person has consented to one of the two categories."""
    sent = {}
    for category in ("Analytics", "Advertising"):
        set_posthog(monkeypatch, "consent_categories", category)
        sent[category] = filtered_by(folder, capsys, CONSENT)["posthog"]

    assert sent == {"Analytics": None, "Advertising": "consent"}


def test_message_names_its_integrations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the integration that is named gets it."""
    assert filtered_by(folder, capsys, {"track": {**TRACK, **INTEGRATIONS}}) == {
        "posthog": None,
        "segment": "integrations",
    }


def test_tracking_plan_finds_an_invalid_message(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan of the page accepts an event with a total, and rejects a trait of a wrong type."""
    (folder / "plan.json").write_text(json.dumps(PLAN))
    (folder / "good.ndjson").write_text(
        json.dumps({"type": "track", **TRACK, "properties": {"total": 9, "currency": "EUR"}})
    )
    (folder / "bad.ndjson").write_text(
        json.dumps({"type": "identify", "user_id": "u-1", "traits": {"email": 5}})
    )

    assert run(["plan", "check", "good.ndjson", "--plan", "plan.json"]) == 0
    assert run(["plan", "check", "bad.ndjson", "--plan", "plan.json"]) == 1
    assert "traits.email" in capsys.readouterr().out


def test_transform_filters_internal_events(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other events are sent."""
    (folder / "our_rules").mkdir()
    (code,) = blocks(TEXT, "python")
    (folder / "our_rules" / "posthog.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    assert 'transform = "our_rules.posthog:scrub"' in TEXT
    set_posthog(monkeypatch, "transform", "our_rules.posthog:scrub")

    internal = {**TRACK, "event": "Internal Test"}
    assert filtered_by(folder, capsys, {})["posthog"] is None
    assert filtered_by(folder, capsys, {"track": internal})["posthog"] == "transform"


async def test_variables_set_the_routing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell reads the variables, as it would read them for a worker."""
    (lines,) = blocks(TEXT, "shell")
    environment = await run_program("bash", "-ec", f"set -a\n{lines}\nenv --null", cwd=folder)
    for variable in environment.split("\0"):
        name, _, value = variable.partition("=")
        if "__ROUTING__" in name:
            monkeypatch.setenv(name, value)

    assert load().integrations["posthog"].routing == Routing(
        events=("Order *", "Signed Up"), where={"properties.plan": "pro"}
    )
