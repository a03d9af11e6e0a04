"""Runs a program that a shell command starts, as a page of the documentation shows it."""

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.support.programs import TOOLS
from tests.worker.processes import ROOT, Running

_STOPPING_SECONDS = 60


@asynccontextmanager
async def running_command(
    line: str, environment: Mapping[str, str], ready: str, folder: Path = ROOT
) -> AsyncIterator[Running]:
    """Run a program while the context lasts: wait until it is ready; press Ctrl-C at the end.

    Args:
        line: The shell command.
        environment: All environment variables.
        ready: The text that the program prints when it is ready.
        folder: The working directory.
    """
    path = os.pathsep.join((str(TOOLS), os.environ["PATH"]))
    with NamedTemporaryFile() as output:
        process = await Running.start(
            ["bash", "-c", line],
            {**environment, "PATH": path},
            folder=folder,
            output=Path(output.name),
        )
        group = process.process.pid
        try:
            await process.line(ready)
            yield process
            os.killpg(group, signal.SIGINT)
            await process.ended(_STOPPING_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            await process.ended()
            process.keep()
