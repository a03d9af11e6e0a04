"""Workers as processes of their own, for the tests that signal and kill them."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from temporalio.client import Client

from durable_analytics.testing import StandIn
from runtime.child_process import ChildProcess, environment_without_settings

ROOT = Path(__file__).parents[2]


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of ours, and these variables."""
    return environment_without_settings(
        **{"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}
    )


def worker_environment(
    client: Client, standin: StandIn, task_queue: str, **more: str
) -> dict[str, str]:
    """What `python -m worker` needs to deliver to the stand-in."""
    settings = {
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "ANALYTICS_TASK_QUEUE": task_queue,
        "ANALYTICS_DEFAULT_INTEGRATION": "segment",
    }
    for name, vendor in standin.vendors.items():
        prefix = f"ANALYTICS_INTEGRATIONS__{name.upper()}__"
        values = vendor.integration_settings(standin.base_url(name))
        settings[f"{prefix}ALLOW_POLICIES_OVERRIDE"] = "true"
        settings |= {prefix + key.upper(): value for key, value in values.items()}
    return clean_environment(**{**settings, **more})


class Running(ChildProcess):
    """A process, whose output can be read after the file that it went to is gone."""

    _kept: list[str] | None = None

    @property
    def lines(self) -> list[str]:
        """All lines so far, of standard output and standard error."""
        return super().lines if self._kept is None else self._kept

    def keep(self) -> None:
        """Remember the lines beyond the life of the file."""
        self._kept = self.lines

    async def ended(self, seconds: float | None = 60.0) -> int:
        """Wait for its end; returns the exit status."""
        return await super().ended(seconds)


@asynccontextmanager
async def running(
    *command: str, environment: Mapping[str, str], cwd: Path = ROOT
) -> AsyncIterator[Running]:
    """Run a Python command, its output collected, and kill it at the end."""
    with NamedTemporaryFile() as output:
        process = await Running.start(
            [sys.executable, *command], environment, folder=cwd, output=Path(output.name)
        )
        try:
            yield process
        finally:
            await process.kill()
            process.keep()


@asynccontextmanager
async def worker_process(
    client: Client, standin: StandIn, task_queue: str, **more: str
) -> AsyncIterator[Running]:
    """`python -m worker`, already polling."""
    environment = worker_environment(client, standin, task_queue, **more)
    async with running("-m", "worker", environment=environment) as worker:
        await worker.line("worker started")
        yield worker
