"""The processes of one side of a comparison, and the stand-in that receives its messages."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from benchmarks.processes import (
    ROOT,
    BenchmarkError,
    RunningProcess,
    clean_environment,
    run_process,
)

HOST = "127.0.0.1"

_CONNECTION_RETRIES = 6
_POLL_SECONDS = 0.05
_RESULT_TIMEOUT_SECONDS = 600.0

T = TypeVar("T")


class Side:
    """The processes, and functions to use them.

    Args:
        folder: For logs and data.
        stack: Ends the processes.
    """

    _http: httpx.AsyncClient

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._processes: list[RunningProcess] = []
        self._contenders_cpu_seconds: dict[str, float] = {}
        self._provider_port = free_port()
        self.provider = f"http://{HOST}:{self._provider_port}"

    async def start(self) -> Self:
        """Start the stand-in."""
        standin = ["-m", "benchmarks.standin", "--port", str(self._provider_port)]
        await self._stack.enter_async_context(self.run("standin", *standin, role="provider"))
        retry_until_it_listens = httpx.AsyncHTTPTransport(retries=_CONNECTION_RETRIES)
        client = httpx.AsyncClient(
            base_url=self.provider,
            timeout=None,  # noqa: S113  # `wait_for` limits the time
            transport=retry_until_it_listens,
        )
        self._http = await self._stack.enter_async_context(client)
        return self

    @contextmanager
    def cpu_per_message(self, messages: int) -> Iterator[dict[str, float]]:
        """Measure the CPU seconds that each role spends in the block, divided by the messages.

        Args:
            messages: How many messages the block delivers.

        Yields:
            Filled at the end of the block: seconds by role, without the roles that spent none.
        """
        spent: dict[str, float] = {}
        before = self._cpu_seconds()
        yield spent
        for role, seconds in self._cpu_seconds().items():
            if seconds > before.get(role, 0.0):
                spent[role] = (seconds - before.get(role, 0.0)) / messages

    async def wait_for_messages(self, count: int) -> dict[str, Any]:
        """Wait until the stand-in has this many different messages; return its summary."""
        request = self._http.get("/_/complete", params={"messages": count})
        summary: dict[str, Any] = (await self.wait_for(request)).json()
        return summary

    async def clear_received(self, *, response_delay: float = 0.0) -> None:
        """Empty the stand-in, and set how many seconds it takes to respond from now on."""
        parameters = {"response_delay": response_delay}
        await self.wait_for(self._http.delete("/_/received", params=parameters))

    async def count_received(self) -> int:
        """How many messages the stand-in has, repeated ones included."""
        count: int = (await self._http.get("/_/progress")).json()["messages"]
        return count

    async def summarize_received(self) -> dict[str, Any]:
        """The summary of what the stand-in has, with `messages` and `distinct` ones."""
        summary: dict[str, Any] = (await self._http.get("/_/summary")).json()
        return summary

    def add_cpu_seconds(self, role: str, seconds: float) -> None:
        """Add the CPU time that a process measured itself."""
        spent = self._contenders_cpu_seconds.get(role, 0.0)
        self._contenders_cpu_seconds[role] = spent + seconds

    @asynccontextmanager
    async def run(
        self,
        name: str,
        *command: str,
        role: str,
        program: str = sys.executable,
        root: Path = ROOT,
        variables: Mapping[str, str] | None = None,
    ) -> AsyncIterator[RunningProcess]:
        """Run a process that should not end before the block does.

        Args:
            name: Names the log file, and the process in errors.
            command: The arguments of the program.
            role: See `run_process`.
            program: The program; Python by default.
            root: Its working directory, from which Python imports.
            variables: Its environment variables.
        """
        async with run_process(
            name,
            *command,
            role=role,
            environment=clean_environment(PYTHONPATH=str(root), **(variables or {})),
            folder=self.folder,
            program=program,
            root=root,
        ) as process:
            self._processes.append(process)
            try:
                yield process
            finally:
                self._processes = [other for other in self._processes if other is not process]

    async def wait_for(self, work: Awaitable[T]) -> T:
        """Wait for a result, but stop when a process ends that should still run."""
        working = asyncio.ensure_future(work)
        failures = [asyncio.create_task(process.wait_until_failed()) for process in self._processes]
        try:
            done, _ = await asyncio.wait(
                [working, *failures],
                timeout=_RESULT_TIMEOUT_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if working in done:
                return working.result()
            for failure in failures:
                if failure in done:
                    raise failure.result()
            raise BenchmarkError(f"no result within {_RESULT_TIMEOUT_SECONDS:g} s")
        finally:
            for task in (working, *failures):
                task.cancel()

    async def wait_until_it_listens(self, port: int) -> None:
        """Wait until a process accepts connections at a port."""
        await self.wait_for(_wait_until_it_listens(port))

    def _cpu_seconds(self) -> dict[str, float]:
        """CPU seconds by role, up to now; for contenders, those that they measured."""
        seconds = dict(self._contenders_cpu_seconds)
        for process in self._processes:
            seconds[process.role] = seconds.get(process.role, 0.0) + process.cpu_seconds()
        return seconds


async def _wait_until_it_listens(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(_POLL_SECONDS)


def free_port() -> int:
    """A port of the loopback interface that nothing uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
