"""`plan check`: messages of a file against a tracking plan."""

import json
from pathlib import Path

import pytest

from tests.support.command import Command
from tests.support.json_objects import Json

ORDER: Json = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}},
    "additionalProperties": False,
}


def order(**properties: object) -> Json:
    """A track of the event in the plan."""
    return {"event": "Order Completed", "user_id": "u-1", "properties": properties}


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A file with the plan."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"Order Completed": ORDER}))
    return file


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Messages, of which two do not match."""
    messages: list[Json] = [
        {"type": "track", **order(total=1)},
        {"type": "track", **order(total="x")},
        {"type": "page", "name": "Home"},
        {"type": "track", **order(total=1, card=1, more=2)},
    ]
    file = tmp_path / "messages.ndjson"
    file.write_text("\n".join([*map(json.dumps, messages), "", ""]))
    return file


async def test_the_command(command: Command, plan_file: Path, lines: Path) -> None:
    ended = await command("plan", "check", str(lines), "--plan", str(plan_file))

    assert ended.status == 1
    assert ended.out.splitlines() == [
        "line 2: track.properties.total",
        "line 4: track.properties.card",
        "line 4: track.properties.more",
    ]
    assert "2 messages do not match the tracking plan" in ended.err
    listed = await command("plan", "check", str(lines), "--plan", str(plan_file), "--json")
    assert listed.json[0] == {
        "line": 2,
        "event": "Order Completed",
        "integration": None,
        "path": "track.properties.total",
    }


async def test_the_command_with_the_plans_of_the_settings(
    command: Command, plan_file: Path, lines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "SHOP__PROVIDER": "segment",
        "SHOP__WRITE_KEY": "k",
        "SHOP__TRACKING_PLAN": str(plan_file),
        "OTHER__PROVIDER": "segment",
        "OTHER__WRITE_KEY": "k",
    }.items():
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__{name}", value)

    ended = await command("plan", "check", str(lines))
    other = await command("plan", "check", str(lines), "--integration", "other")
    unknown = await command("plan", "check", str(lines), "--integration", "shpo")

    assert ended.out.splitlines()[0] == "line 2: track.properties.total (shop)"
    assert other.status == 1
    assert "the integration other has no tracking_plan" in other.err
    assert unknown.status == 1
    assert "the integration shpo is not configured; configured: other, shop" in unknown.err


async def test_a_schema_of_whole_messages(command: Command, tmp_path: Path) -> None:
    """It sees the fields in snake_case, and a context in any case, as in a worker."""
    plan, file = tmp_path / "plan.json", tmp_path / "messages.ndjson"
    schema: Json = {
        "required": ["user_id", "context"],
        "properties": {"properties": {"required": ["total"]}},
    }
    plan.write_text(json.dumps({"Order Completed": schema}))
    message = {"type": "track", "userId": "u-1", "event": "Order Completed"}
    messages = [{**message, "properties": properties} for properties in ({"total": 1}, {})]
    file.write_text("\n".join(map(json.dumps, messages)))

    ended = await command("plan", "check", str(file), "--plan", str(plan))

    assert ended.out.splitlines() == ["line 2: track.properties.total"]


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ('{"type": "track"', "line 1 is not valid JSON: EOF while parsing an object at column 16"),
        ("\n[]", "line 2 must be a message"),
        ('{"type": "tracks"}', "the types are identify"),
        ("[" * 100_000, "line 1 is not valid JSON: a bracket is not closed at column 100001"),
    ],
)
async def test_lines_that_are_no_messages(
    command: Command, plan_file: Path, tmp_path: Path, text: str, there: str
) -> None:
    file = tmp_path / "wrong.ndjson"
    file.write_text(text)

    ended = await command("plan", "check", str(file), "--plan", str(plan_file))

    assert ended.status == 2
    assert there in ended.err
