"""What every comparison runs on: a durable server, the stand-in, and workers, each a process."""

import asyncio
import json
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from temporalio.client import Client

from benchmarks.options import WORKER
from benchmarks.processes import BenchmarkError, Running, environment, running
from durable_analytics.codecs import data_converter
from durable_analytics.connection import connect

WRITE_KEY = "benchmark"

_HOST = "127.0.0.1"
_CONNECTION_RETRIES = 6
_SERVER_WAIT = timedelta(seconds=60)
_LONGEST_SIDE_SECONDS = 600.0


class Machine:
    """The parts that run, and the ways to use them.

    Args:
        folder: For logs and for the server's data.
        stack: Ends the parts.
    """

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._parts: list[Running] = []
        self._queues: set[str] = set()
        self._gateways: dict[str, int] = {}
        self._port = _free_port()
        self.address = f"{_HOST}:{_free_port()}"
        self.provider = f"http://{_HOST}:{self._port}"
        self._http: httpx.AsyncClient
        self.temporal: Client
        """A client that reads what the workers write, for looking at histories."""

    async def start(self) -> None:
        """Start the server and the stand-in."""
        server = [
            *("server", "start-dev", "--headless", "--ip", _HOST, "--log-level", "error"),
            *("--port", self.address.rpartition(":")[2]),
            *("--metrics-port", str(_free_port())),
            *("--db-filename", str(self._folder / "temporal.db")),
        ]
        temporal = str(Path(sys.executable).with_name("temporal"))
        standin = ["-m", "benchmarks.standin", "--port", str(self._port)]
        for part in (
            self._part("server", *server, program=temporal),
            self._part("standin", *standin),
        ):
            await self._stack.enter_async_context(part)
        until_it_listens = httpx.AsyncHTTPTransport(retries=_CONNECTION_RETRIES)
        client = httpx.AsyncClient(
            base_url=self.provider,
            timeout=None,  # noqa: S113  # a round takes as long as it takes
            transport=until_it_listens,
        )
        self._http = await self._stack.enter_async_context(client)
        self.temporal = await connect(
            _SERVER_WAIT, target_host=self.address, data_converter=data_converter(compress=True)
        )

    async def worker(self, queue: str, *, compress: bool, **settings: str) -> str:
        """Have `python -m worker` on a task queue of its own until the end; returns the queue."""
        if queue not in self._queues:
            self._queues.add(queue)
            worker = self._worker("worker", queue, compress=compress, settings=settings)
            await self._stack.enter_async_context(worker)
        return queue

    async def bare_worker(self) -> str:
        """Have the bare workflow's worker on a task queue of its own; returns the queue."""
        queue = "bare"
        if queue not in self._queues:
            self._queues.add(queue)
            worker = self._worker("benchmarks.bare", queue, compress=False, settings={})
            await self._stack.enter_async_context(worker)
        return queue

    async def gateway(self, queue: str, module: str = "gateway") -> int:
        """Have this gateway for a task queue until the end; returns its port."""
        if module not in self._gateways:
            port = self._gateways[module] = _free_port()
            settings = {
                "TEMPORAL_ADDRESS": self.address,
                "ANALYTICS_TASK_QUEUE": queue,
                "ANALYTICS_GATEWAY__PORT": str(port),
                "ANALYTICS_SOURCES__SEGMENT__WRITE_KEY": WRITE_KEY,
            }
            await self._stack.enter_async_context(self._part(module, "-m", module, **settings))
        return self._gateways[module]

    @asynccontextmanager
    async def fresh_worker(self, **settings: str) -> AsyncIterator[tuple[str, Running]]:
        """A task queue and its worker, which has done nothing yet, and ends with the block."""
        queue = f"fresh-{uuid.uuid4()}"
        async with self._worker("worker", queue, compress=True, settings=settings) as worker:
            yield queue, worker

    async def side(self, side: str, **task: Any) -> dict[str, Any]:
        """Run one side in a process of its own, and return what it says.

        Args:
            side: A module of `benchmarks.sides`.
            task: The arguments of its `run`.

        Raises:
            BenchmarkError: It, or a part that it needs, ended or hung.
        """
        settings = environment(TEMPORAL_ADDRESS=self.address)
        said = self._folder / "said.json"
        said.unlink(missing_ok=True)
        command = ("-m", "benchmarks.sides", side, json.dumps(task), str(said))
        async with running(side, *command, environment=settings, folder=self._folder) as process:
            error = await self._while_all_run(process.ended())
            if not said.exists():
                raise error
        result: dict[str, Any] = json.loads(said.read_text())
        return result

    async def complete(self, messages: int) -> dict[str, Any]:
        """Wait until the stand-in has so many different messages; returns what it says."""
        answer = await self._while_all_run(
            self._http.get("/_/complete", params={"messages": messages})
        )
        result: dict[str, Any] = answer.json()
        return result

    async def forget(self, *, answers_after: float = 0.0) -> None:
        """Have the stand-in forget what it received, and answer after so many seconds."""
        await self._http.delete("/_/received", params={"answers_after": answers_after})

    @asynccontextmanager
    async def _part(
        self, name: str, *command: str, program: str = sys.executable, **settings: str
    ) -> AsyncIterator[Running]:
        """A process that the sides need for as long as it is there."""
        async with running(
            name,
            *command,
            environment=environment(**settings),
            folder=self._folder,
            program=program,
        ) as part:
            self._parts.append(part)
            try:
                yield part
            finally:
                self._parts.remove(part)

    async def _while_all_run(self, work: Any) -> Any:
        """Wait for this, but not when a part is gone that it needs."""
        working = asyncio.ensure_future(work)
        ends = [asyncio.create_task(part.ended()) for part in self._parts]
        try:
            done, _ = await asyncio.wait(
                [working, *ends],
                timeout=_LONGEST_SIDE_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if working in done:
                return working.result()
            for end in done:
                raise end.result()
            raise BenchmarkError(f"nothing came of it within {_LONGEST_SIDE_SECONDS:g} s")
        finally:
            for task in (working, *ends):
                task.cancel()

    def _worker(
        self, module: str, queue: str, *, compress: bool, settings: Mapping[str, str]
    ) -> AbstractAsyncContextManager[Running]:
        own = {
            "TEMPORAL_ADDRESS": self.address,
            "ANALYTICS_TASK_QUEUE": queue,
            "ANALYTICS_COMPRESS_PAYLOADS": str(compress).lower(),
            "ANALYTICS_INTEGRATIONS__SEGMENT__BASE_URL": self.provider,
            "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": WRITE_KEY,
        }
        return self._part(queue, "-m", module, **WORKER, **settings, **own)


@asynccontextmanager
async def machine() -> AsyncIterator[Machine]:
    """The server and the stand-in, started; workers come when they are asked for."""
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        async with AsyncExitStack() as stack:
            made = Machine(Path(folder), stack)
            await made.start()
            yield made


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
