"""Runs shell commands, and replaces one program in them by a script that records its calls."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import run_program

_PROGRAM = """#!/bin/sh
{ printf '%s\\n' "$TEMPORAL_WORKER_BUILD_ID" "$@"; printf '\\036'; } >>"$0.calls"
cat "$0.prints"
"""


@dataclass(frozen=True)
class Call:
    """A call of the replaced program.

    Args:
        build_id: The variable `TEMPORAL_WORKER_BUILD_ID` of the call; empty if it is not set.
        arguments: The arguments of the call.
    """

    build_id: str
    arguments: list[str]


async def record_calls(lines: str, program: str, folder: Path, prints: str = "") -> list[Call]:
    """Run shell commands, and return the calls of one program in them.

    Args:
        lines: The commands, in lines. They end at the first one that fails.
        program: The name of the program to replace; it need not be installed.
        folder: An empty folder, for the script that replaces it.
        prints: What the script prints.
    """
    path = folder / program
    path.write_text(_PROGRAM)
    path.chmod(0o755)
    calls, printed = (path.with_name(f"{program}.{end}") for end in ("calls", "prints"))
    printed.write_text(prints)
    await run_program("bash", "-euc", f'PATH="{folder}:$PATH"\n{lines}', cwd=folder)
    found = [call.split("\n")[:-1] for call in calls.read_text().split("\036")[:-1]]
    return [Call(build_id, arguments) for build_id, *arguments in found]
