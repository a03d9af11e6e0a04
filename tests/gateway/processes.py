"""A gateway as a process of its own, and a way between it and Temporal that can be blocked."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from temporalio.client import Client

from durable_analytics.testing import VENDORS
from tests.worker.processes import Running, clean_environment, running


@dataclass
class Gateway:
    """One that listens."""

    url: str
    run: Running


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


def sources() -> dict[str, str]:
    """A source for each integration, its write key named after it, as in `make run`."""
    return {f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY": name for name in VENDORS} | {
        f"ANALYTICS_SOURCES__{name.upper()}__ALLOW_DELETE": "true" for name in VENDORS
    }


@asynccontextmanager
async def gateway_process(
    temporal: str,
    task_queue: str = "analytics",
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Gateway]:
    """`python -m gateway`, already listening.

    Args:
        temporal: The address of the server.
        task_queue: Where its executions go.
        port: Where it listens; None picks one.
        settings: Environment variables besides; the sources are those of `make run` otherwise.
    """
    port = port or free_port()
    environment = {
        "TEMPORAL_ADDRESS": temporal,
        "ANALYTICS_TASK_QUEUE": task_queue,
        "ANALYTICS_GATEWAY__PORT": str(port),
        **sources(),
        **(settings or {}),
    }
    async with running("-m", "gateway", environment=clean_environment(**environment)) as run:
        await run.line("gateway started")
        yield Gateway(f"http://127.0.0.1:{port}", run)


def address(client: Client) -> str:
    """Where a client's server is."""
    return client.service_client.config.target_host


class Way:
    """A way to a server that can be blocked, as an async context manager.

    >>> async with Way(address(temporal)) as way:
    ...     way.cut()  # what is open is closed, what comes is closed at once
    ...     way.mend()
    ...     way.hold()  # nothing is closed, and nothing is answered
    ...     way.mend()

    Args:
        target: The server, as `host:port`.
    """

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self.address = ""
        """Of this end of it."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._flows.set()
        assert self._server
        self._server.close()

    def cut(self) -> None:
        """Let nothing through."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Keep everything, as a server that hangs."""
        self._flows.clear()

    def mend(self) -> None:
        """Let everything through again, and what was kept."""
        self._is_cut = False
        self._flows.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        onward = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, onward[1]}
        await asyncio.gather(self._copy(reader, onward[1]), self._copy(onward[0], writer))
        self._writers -= {writer, onward[1]}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
