"""Runs lines of shell with a program in them that only records how it was called."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import run_program

_PROGRAM = """#!/bin/sh
{ printf '%s\\n' "$TEMPORAL_WORKER_BUILD_ID" "$@"; printf '\\036'; } >>"$0.calls"
cat "$0.prints"
"""


@dataclass(frozen=True)
class Call:
    """A call of the program.

    Args:
        build: The build id of the worker in its environment; empty without one.
        words: Its arguments.
    """

    build: str
    words: list[str]


async def recorded(lines: str, program: str, folder: Path, prints: str = "") -> list[Call]:
    """Run lines of shell, and return the calls of a program in them.

    Args:
        lines: The lines; the first that fails ends them.
        program: The name of the program, which need not be installed.
        folder: An empty folder.
        prints: What the program prints.
    """
    path = folder / program
    path.write_text(_PROGRAM)
    path.chmod(0o755)
    calls, printed = (path.with_name(f"{program}.{end}") for end in ("calls", "prints"))
    printed.write_text(prints)
    await run_program("bash", "-euc", f'PATH="{folder}:$PATH"\n{lines}', cwd=folder)
    found = [call.split("\n")[:-1] for call in calls.read_text().split("\036")[:-1]]
    return [Call(build, words) for build, *words in found]
