"""The recipes of docs/operating.md: each of these commands is run as it is written there."""

import shlex
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.support.command import Command
from tests.support.programs import TEMPORAL, run_program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operating.md"
OURS = {
    *("setup", "status", "pause", "resume", "find", "tail", "report", "test", "explain", "cancel"),
}


def recipes(program: str) -> list[list[str]]:
    """The commands on the page, without the program."""
    lines = [line[2:] for line in PAGE.read_text().splitlines() if line.startswith("$ ")]
    return [words[1:] for line in lines if (words := shlex.split(line))[0] == program]


COMMANDS = [words for words in recipes("durable-analytics") if words[0] in OURS]
QUERIES = recipes("temporal")


def test_every_command_has_a_recipe() -> None:
    """And none is on the page that does not exist."""
    assert {words[0] for words in COMMANDS} == OURS


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
