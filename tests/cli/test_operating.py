"""The recipes of docs/operating.md: each of these commands is run as it is written there."""

import json
import shlex
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics import AnalyticsClient
from durable_analytics.testing import StandIn
from tests.support.command import Command
from tests.support.programs import TEMPORAL, run_program
from tests.support.visible import until_closed
from worker import Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"
OURS = {
    *("setup", "status", "pause", "resume", "find", "tail", "report", "test", "explain", "cancel"),
}
MESSAGE_ID = "0199a1f0-7c1e-7cc3-98c4-dc0c0c07398f"


def recipes(program: str) -> list[list[str]]:
    """The commands on the page, without the program."""
    lines = [line[2:] for line in PAGE.read_text().splitlines() if line.startswith("$ ")]
    return [words[1:] for line in lines if (words := shlex.split(line))[0] == program]


COMMANDS = [words for words in recipes("durable-analytics") if words[0] in OURS]
QUERIES = recipes("temporal")


def test_every_command_has_a_recipe() -> None:
    """And none is on the page that does not exist."""
    assert {words[0] for words in COMMANDS} == OURS


@pytest.fixture
async def history(
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A delivered message, a failed one, an input in a file, and the settings of the worker."""
    analytics = AnalyticsClient(
        temporal, integration="segment", task_queue=running_worker.task_queue
    )
    delivered = await analytics.track(user_id="u-9", event="Hi", message_id=MESSAGE_ID)
    await delivered.result()
    standin.script("segment", {"status": 401})
    failed = await analytics.track(user_id="u-9", event="Hi")
    await failed.outcome()
    for handle in (delivered, failed):
        await until_closed(temporal, handle.workflow_id)
    order = {"track": {"user_id": "u-1", "event": "Order Completed"}}
    (tmp_path / "order.json").write_text(json.dumps(order))
    monkeypatch.chdir(tmp_path)
    for name, value in {"WRITE_KEY": "a-key", "BASE_URL": standin.base_url("segment")}.items():
        monkeypatch.setenv(f"ANALYTICS_INTEGRATIONS__SEGMENT__{name}", value)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
async def test_a_recipe_works(command: Command, words: list[str]) -> None:
    """With the exit status 0, something on standard output, and at most 80 columns."""
    if words[0] == "tail" and "--since" not in words:  # something has to close
        words = [*words, "--since", "1m"]

    ended = await command(*words)

    assert ended.status == 0, ended.err
    assert ended.out
    if words == ["status"]:
        assert all(len(line) <= 80 for line in ended.out.splitlines())


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("words", QUERIES, ids=" ".join)
async def test_a_query_works(temporal: Client, words: list[str]) -> None:
    """Temporal's command line takes it."""
    address = temporal.service_client.config.target_host
    out = await run_program(TEMPORAL, *words, "--address", address)

    assert "AnalyticsRejected" in words[-1] or "segment:track:" in out
