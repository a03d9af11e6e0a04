"""The commands that pages name in sentences and tables, run as they are written there."""

import json
import shlex
from pathlib import Path

import pytest

from tests.documentation.pages import COMMAND_PAGES, inline_commands
from tests.support.command import Command
from tests.support.programs import run_program

pytestmark = pytest.mark.slow

PROGRAM = "durable-analytics "
COMMANDS = sorted(
    {
        line.removeprefix(PROGRAM)
        for path in COMMAND_PAGES
        for line in inline_commands(path.read_text())
        if line.startswith(PROGRAM)
    }
)
COMPLETION = "--install-completion"
NAMES = {"explain", "failed", "failed redrive", "find", "import", "resume"}
"""The names of commands that need something after them."""


def filled(command: str, workflow_id: str) -> list[str]:
    """The words of a command, with values in the place of its capitals."""
    values = {
        "NAME": "segment",
        "FILE": "messages.ndjson",
        "MESSAGE_ID": workflow_id.rpartition(":")[2],
        "WORKFLOW_ID": workflow_id,
    }
    words = [values.get(word, word) for word in shlex.split(command)]
    if command in NAMES:
        words.append("--help")
    elif words[:2] == ["failed", "redrive"] and "--yes" not in words:
        words.append("--dry-run")  # it would ask
    return words


@pytest.mark.parametrize("line", [line for line in COMMANDS if line != COMPLETION])
async def test_a_command_works(
    command: Command,
    history: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    """Exit status 0, beside a delivered and a failed message, and files for it to read."""
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__TRACKING_PLAN", "plan.json")
    (tmp_path / "plan.json").write_text('{"Hi": {"type": "object"}}')
    message = json.dumps({"type": "track", "user_id": "u-1", "event": "Hi"})
    (tmp_path / "messages.ndjson").write_text(message)
    (tmp_path / "input.json").write_text((tmp_path / "order.json").read_text())

    ended = await command(*filled(line, history[1]))

    assert ended.status == 0, ended.err
    assert ended.out or line.startswith("plan check ")  # which finds nothing wrong


async def test_completion_is_installed(tmp_path: Path) -> None:
    """In the shell that runs the command."""
    line = f"{PROGRAM}{COMPLETION}"
    assert COMPLETION in COMMANDS

    printed = await run_program("bash", "-ec", f"{line}; true", HOME=str(tmp_path))

    assert "completion installed" in printed
    assert (tmp_path / ".bashrc").exists()
