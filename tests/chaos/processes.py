"""The processes of a run, which can be killed, stopped and started again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from durable_analytics.temporal.connection import connect
from durable_analytics.temporal.search_attributes import register
from durable_analytics.testing import VENDORS, StandIn
from runtime.child_process import ChildProcess
from runtime.embedded_server import server_options
from tests.support.free_ports import free_ports
from tests.support.gateway_process import BlockableProxy
from tests.support.programs import TEMPORAL
from tests.worker.processes import ROOT, clean_environment, worker_environment
from worker import data_converter

TASK_QUEUE = "chaos"
INTEGRATION = "segment"
WRITE_KEY = "chaos"

_POLICIES = {
    # The default of 60 s: a run would last longer, and show the same.
    "POLICIES__REQUEST__RETRY_POLICY__MAXIMUM_INTERVAL": "PT5S",
    # The default of 30 s, as well.
    "BREAKER__OPEN_FOR": "PT5S",
    # If Temporal is out of reach for longer than an attempt may take, a response cannot be recorded
    # and the message is sent again. The default is 3 s.
    "POLICIES__REQUEST__SINGLE_ATTEMPT_TIMEOUT": "PT10S",
}
"""What differs from the defaults of an integration."""

_STOP_SECONDS = 30.0
_READY_SECONDS = 90.0


class Program:
    """A program that is started again after each fault, each time with a log of its own.

    Args:
        name: Its name in the logs.
        command: The program and its arguments.
        environment: All its environment variables.
        folder: The folder of the logs.
        ready: A text of its output once it is ready; None if the output does not tell.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        ready: str | None,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._folder = folder
        self._ready = ready
        self._starts = 0
        self._process: ChildProcess | None = None
        self._busy = asyncio.Lock()
        """Held from the beginning of a fault until the program is ready again."""

    async def start(self) -> None:
        """Start the program, and wait until it is ready."""
        self._starts += 1
        output = self._folder / f"{self.name}-{self._starts}.log"
        self._process = await ChildProcess.start(
            self._command, self._environment, folder=ROOT, output=output
        )
        if self._ready:
            await self._process.line(self._ready, _READY_SECONDS)

    async def kill(self) -> None:
        """Kill the program if it runs."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.process.send_signal(signal.SIGCONT)
            await self._process.kill()

    async def kill_for(self, seconds: float) -> None:
        """Kill the program, and start it again after this time."""
        async with self._busy:
            await self.kill()
            await asyncio.sleep(seconds)
            await self.start()

    async def terminate_for(self, seconds: float) -> None:
        """Stop the program as an operator does, and start it again after this time."""
        async with self._busy:
            assert self._process
            await self._process.stop(_STOP_SECONDS)
            await asyncio.sleep(seconds)
            await self.start()

    async def freeze_for(self, seconds: float) -> None:
        """Stop the program's threads for this time."""
        async with self._busy:
            assert self._process
            self._process.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(seconds)
            self._process.process.send_signal(signal.SIGCONT)


@dataclass(frozen=True, slots=True)
class System:
    """All that runs."""

    server: Program
    workers: Sequence[Program]
    gateways: Sequence[Program]
    gateway_urls: Sequence[str]
    to_temporal: BlockableProxy
    """Between Temporal and all others: workers, gateways and clients."""

    to_provider: BlockableProxy
    """Between the workers and the stand-in."""

    standin_url: str
    client: Client
    """A client that reaches Temporal without the proxy."""


@asynccontextmanager
async def system(folder: Path) -> AsyncIterator[System]:
    """Run a server on a file, two workers, two gateways and the stand-in, and kill them at the end.

    Args:
        folder: The folder of the server's file and of all logs.
    """
    ports = free_ports(4)
    server = _server(folder, ports[0])
    standin = _python("standin", folder, "provider stand-in", "durable_analytics.testing", ports[1])
    programs = [server, standin]
    async with (
        BlockableProxy(f"127.0.0.1:{ports[0]}") as to_temporal,
        BlockableProxy(f"127.0.0.1:{ports[1]}") as to_provider,
    ):
        try:
            await asyncio.gather(server.start(), standin.start())
            client = await connect(
                timedelta(seconds=_READY_SECONDS),
                target_host=f"127.0.0.1:{ports[0]}",
                data_converter=data_converter(compress=False),
            )
            await register(client)
            workers = [_worker(n, folder, client, to_temporal, to_provider) for n in (1, 2)]
            gateways = [_gateway(n, folder, to_temporal, ports[1 + n]) for n in (1, 2)]
            programs += [*workers, *gateways]
            await asyncio.gather(*(program.start() for program in (*workers, *gateways)))
            yield System(
                server=server,
                workers=workers,
                gateways=gateways,
                gateway_urls=[f"http://127.0.0.1:{port}" for port in ports[2:]],
                to_temporal=to_temporal,
                to_provider=to_provider,
                standin_url=f"http://127.0.0.1:{ports[1]}",
                client=client,
            )
        finally:
            for program in reversed(programs):
                await program.kill()


def _server(folder: Path, port: int) -> Program:
    command = [
        *(TEMPORAL, "server", "start-dev", "--headless", "--log-level", "error"),
        *("--ip", "127.0.0.1", "--port", str(port), "--db-filename", str(folder / "temporal.db")),
        *server_options(),
    ]
    return Program("server", command, os.environ, folder, None)


def _python(name: str, folder: Path, ready: str, module: str, port: int) -> Program:
    command = [sys.executable, "-m", module, "--port", str(port)]
    return Program(name, command, clean_environment(), folder, ready)


def _worker(
    number: int, folder: Path, client: Client, to_temporal: BlockableProxy, provider: BlockableProxy
) -> Program:
    # Never started: it knows the settings that a worker needs to reach the stand-in.
    port = int(provider.address.rpartition(":")[2])
    standin = StandIn({INTEGRATION: VENDORS[INTEGRATION]}, port=port)
    prefix = f"ANALYTICS_INTEGRATIONS__{INTEGRATION.upper()}__"
    policies = {prefix + key: value for key, value in _POLICIES.items()}
    environment = worker_environment(
        client, standin, TASK_QUEUE, TEMPORAL_ADDRESS=to_temporal.address, **policies
    )
    command = [sys.executable, "-m", "worker"]
    return Program(f"worker{number}", command, environment, folder, "worker started")


def _gateway(number: int, folder: Path, to_temporal: BlockableProxy, port: int) -> Program:
    environment = clean_environment(
        TEMPORAL_ADDRESS=to_temporal.address,
        ANALYTICS_TASK_QUEUE=TASK_QUEUE,
        ANALYTICS_GATEWAY__PORT=str(port),
        **{f"ANALYTICS_SOURCES__{INTEGRATION.upper()}__WRITE_KEY": WRITE_KEY},
    )
    command = [sys.executable, "-m", "gateway"]
    return Program(f"gateway{number}", command, environment, folder, "gateway started")
