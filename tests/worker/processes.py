"""Workers as processes of their own, for the tests that signal and kill them."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from temporalio.client import Client

from durable_analytics.testing import VENDORS, StandIn

ROOT = Path(__file__).parents[2]

_POLL_SECONDS = 0.05

_OURS = ("ANALYTICS_", "TEMPORAL_", "LOCAL_")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of ours, and these variables."""
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


def worker_environment(
    client: Client, standin: StandIn, task_queue: str, **more: str
) -> dict[str, str]:
    """What `python -m worker` needs to deliver to the stand-in."""
    settings = {
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": task_queue,
        "ANALYTICS_DEFAULT_INTEGRATION": "segment",
        "ANALYTICS_INTEGRATIONS__SEGMENT__PUBLIC_API_URL": standin.base_url("segment"),
    }
    for name, vendor in VENDORS.items():
        prefix = f"ANALYTICS_INTEGRATIONS__{name.upper()}__"
        settings[f"{prefix}BASE_URL"] = standin.base_url(name)
        settings[f"{prefix}ALLOW_POLICIES_OVERRIDE"] = "true"
        settings |= {prefix + key.upper(): value for key, value in vendor.credentials.items()}
    return clean_environment(**{**settings, **more})


@dataclass
class Running:
    """A process, and what it and its children have written so far."""

    process: asyncio.subprocess.Process
    _output: Path
    _kept: str | None = None

    @property
    def lines(self) -> list[str]:
        """All lines so far, of standard output and standard error."""
        text = self._output.read_text() if self._kept is None else self._kept
        return text.splitlines()

    def keep(self) -> None:
        """Remember the lines beyond the life of the file that they are in."""
        self._kept = self._output.read_text()

    async def line(self, part: str, seconds: float = 60.0) -> str:
        """Wait for a line that holds this text.

        Raises:
            TimeoutError: There is none, in time.
        """
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if part in line:
                        return line
                await asyncio.sleep(_POLL_SECONDS)

    async def ended(self, seconds: float = 60.0) -> int:
        """Wait for its end; returns the exit status."""
        return await asyncio.wait_for(self.process.wait(), seconds)


@asynccontextmanager
async def running(
    *command: str, environment: Mapping[str, str], cwd: Path = ROOT
) -> AsyncIterator[Running]:
    """Run a Python command, its output collected, and kill it at the end."""
    with NamedTemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            cwd=cwd,
            env=dict(environment),
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
        started = Running(process, Path(output.name))
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            started.keep()


@asynccontextmanager
async def worker_process(
    client: Client, standin: StandIn, task_queue: str, **more: str
) -> AsyncIterator[Running]:
    """`python -m worker`, already polling."""
    environment = worker_environment(client, standin, task_queue, **more)
    async with running("-m", "worker", environment=environment) as worker:
        await worker.line("worker started")
        yield worker
