"""The processes that all comparisons share: a Temporal server, the stand-in and the workers."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from temporalio.client import Client

from benchmarks.environments import CURRENT, Environment
from benchmarks.options import WORKER
from benchmarks.processes import RunningProcess, clean_environment, run_process
from benchmarks.side import HOST, Side, free_port
from durable_analytics.temporal.codecs import data_converter
from durable_analytics.temporal.connection import connect

WRITE_KEY = "benchmark"

_SERVER_TIMEOUT = timedelta(seconds=60)
_METRICS_INTERVAL_SECONDS = 1.5
"""The server publishes its counters once a second."""

_ALWAYS_NEEDED = {"server", "provider"}
"""Roles without which no comparison can run."""


class Testbed(Side):
    """A side with a Temporal server, and our worker and gateway.

    Args:
        folder: For logs and for the data of the server.
        stack: Ends the processes.
        environment: The tree whose server, workers, gateways and clients run.
    """

    __test__ = False
    """It is no test, though its name begins like one."""

    def __init__(self, folder: Path, stack: AsyncExitStack, environment: Environment) -> None:
        super().__init__(folder, stack)
        self._environment = environment
        self._gateway_ports: dict[str, int] = {}
        self._metrics_port = free_port()
        self.address = f"{HOST}:{free_port()}"
        self.temporal: Client
        """A client that can decode what the workers store; it reads histories."""

    async def start(self) -> Self:
        """Start the stand-in and the server."""
        await super().start()
        server = [
            *("server", "start-dev", "--headless", "--ip", HOST, "--log-level", "error"),
            *("--port", self.address.rpartition(":")[2]),
            *("--metrics-port", str(self._metrics_port)),
            *("--db-filename", str(self.folder / "temporal.db")),
            *self._environment.server_options,
        ]
        temporal = self._environment.temporal
        process = self.run("server", *server, role="server", program=temporal)
        await self._stack.enter_async_context(process)
        self.temporal = await connect(
            _SERVER_TIMEOUT, target_host=self.address, data_converter=data_converter(compress=True)
        )
        return self

    async def reset(self) -> None:
        """Prepare the next comparison, whatever became of the one before it.

        Workers and gateways that have ended are forgotten, so that they are started again, and the
        stand-in is emptied.

        Raises:
            BenchmarkError: The server or the stand-in has ended.
        """
        self._processes = [
            process
            for process in self._processes
            if process.is_alive or process.role in _ALWAYS_NEEDED
        ]
        await self.clear_received()

    async def worker(self, queue: str, *, compress: bool, **settings: str) -> str:
        """Start `python -m worker` for a task queue, unless it runs already; return the queue."""
        if not self._runs(queue):
            worker = self._worker("worker", queue, compress=compress, settings=settings)
            await self._stack.enter_async_context(worker)
        return queue

    async def baseline_worker(self) -> str:
        """Start the worker of the baseline workflow, unless it runs; return its task queue."""
        queue = "baseline"
        if not self._runs(queue):
            worker = self._worker("benchmarks.baseline", queue, compress=False, settings={})
            await self._stack.enter_async_context(worker)
        return queue

    async def gateway(self, queue: str, module: str = "gateway", *, compress: bool) -> int:
        """Start a gateway for a task queue, unless it runs already; return its port.

        Returns when it accepts connections.
        """
        name = f"{module} of {queue}"
        if not self._runs(name):
            port = self._gateway_ports[name] = free_port()
            settings = {
                "TEMPORAL_ADDRESS": self.address,
                "ANALYTICS_TASK_QUEUE": queue,
                "ANALYTICS_COMPRESS_PAYLOADS": str(compress).lower(),
                "ANALYTICS_GATEWAY__PORT": str(port),
                "ANALYTICS_SOURCES__SEGMENT__WRITE_KEY": WRITE_KEY,
            }
            gateway = self._run_module(name, module, "gateway", settings)
            await self._stack.enter_async_context(gateway)
            await self.wait_until_it_listens(port)
        return self._gateway_ports[name]

    @asynccontextmanager
    async def fresh_worker(self, **settings: str) -> AsyncIterator[tuple[str, RunningProcess]]:
        """Run a new worker on a new task queue; the worker ends with the block."""
        queue = f"fresh-{uuid.uuid4()}"
        async with self._worker("worker", queue, compress=True, settings=settings) as worker:
            yield queue, worker

    async def contender(self, name: str, role: str = "client", **arguments: Any) -> dict[str, Any]:
        """Run one contender in a process of its own, and return the result of its `run`.

        The benchmark's code runs with the library of the environment.

        Args:
            name: A module of `benchmarks.contenders`.
            role: What its CPU time counts as: `client`, or `load` for a load generator.
            arguments: The arguments of its `run`.

        Raises:
            BenchmarkError: The contender, or a process that it needs, failed or hung.
        """
        settings = clean_environment(TEMPORAL_ADDRESS=self.address)
        output = self.folder / "result.json"
        output.unlink(missing_ok=True)
        async with run_process(
            name,
            *("-m", "benchmarks.contenders", name, json.dumps(arguments), str(output)),
            role=role,
            environment=settings,
            folder=self.folder,
            program=str(self._environment.python),
        ) as process:
            error = await self.wait_for(process.wait_until_failed())
            if not output.exists():
                raise error
        result: dict[str, Any] = json.loads(output.read_text())
        self.add_cpu_seconds(role, result["cpu_seconds"])
        return result

    async def count_heartbeats(self) -> int:
        """How many heartbeats of activities the server has received."""
        await asyncio.sleep(_METRICS_INTERVAL_SECONDS)
        url = f"http://{HOST}:{self._metrics_port}/metrics"
        metrics = (await self.wait_for(self._http.get(url))).text
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in metrics.splitlines()
            if line.startswith("service_requests{")
            and 'operation="RecordActivityTaskHeartbeat"' in line
            and 'service_name="frontend"' in line
        )

    def _runs(self, name: str) -> bool:
        return any(process.name == name for process in self._processes)

    def _worker(
        self, module: str, queue: str, *, compress: bool, settings: Mapping[str, str]
    ) -> AbstractAsyncContextManager[RunningProcess]:
        variables = {
            "TEMPORAL_ADDRESS": self.address,
            "ANALYTICS_TASK_QUEUE": queue,
            "ANALYTICS_COMPRESS_PAYLOADS": str(compress).lower(),
            "ANALYTICS_INTEGRATIONS__SEGMENT__BASE_URL": self.provider,
            "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": WRITE_KEY,
        }
        return self._run_module(queue, module, "worker", {**WORKER, **settings, **variables})

    def _run_module(
        self, name: str, module: str, role: str, variables: Mapping[str, str]
    ) -> AbstractAsyncContextManager[RunningProcess]:
        return self.run(
            name,
            *("-m", module),
            role=role,
            program=str(self._environment.python),
            root=self._environment.root,
            variables=variables,
        )


@asynccontextmanager
async def start_testbed(environment: Environment = CURRENT) -> AsyncIterator[Testbed]:
    """Start the server and the stand-in; workers and gateways start at their first use."""
    with TemporaryDirectory(prefix="benchmarks-", ignore_cleanup_errors=True) as folder:
        async with AsyncExitStack() as stack:
            yield await Testbed(Path(folder), stack, environment).start()
