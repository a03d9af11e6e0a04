"""Runs a program whose command line is a line of shell, as a page shows it."""

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
async def typed(
    line: str, environment: Mapping[str, str], ready: str, folder: Path = ROOT
) -> AsyncIterator[Running]:
    """Type a line that starts a program, and Ctrl-C at the end.

    Args:
        line: The line of shell.
        environment: All environment variables.
        ready: What the program prints when it has started.
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
