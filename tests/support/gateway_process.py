"""Runs the gateway as a process, and a proxy that can block its connection to Temporal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from temporalio.client import Client

from durable_analytics.testing import VENDORS
from tests.support.free_ports import free_port
from tests.worker.processes import Running, clean_environment, running


@dataclass
class Gateway:
    """A gateway process that listens."""

    url: str
    run: Running


def sources() -> dict[str, str]:
    """The settings of a source for each integration, with its name as the write key."""
    return {f"ANALYTICS_SOURCES__{name.upper()}__WRITE_KEY": name for name in VENDORS} | {
        f"ANALYTICS_SOURCES__{name.upper()}__ALLOW_DELETE": "true" for name in VENDORS
    }


_IMPATIENT = """
from gateway import __main__, bodies, protocol
bodies.BODY_TIMEOUT_SECONDS = protocol._CLIENT_TIMEOUT_SECONDS = {seconds}
__main__.exit_process(__main__.main())
"""


@asynccontextmanager
async def gateway_process(
    temporal: str,
    task_queue: str = "analytics",
    *,
    port: int | None = None,
    settings: Mapping[str, str] | None = None,
    client_timeout_seconds: float | None = None,
) -> AsyncIterator[Gateway]:
    """Run `python -m gateway`, and wait until it listens.

    Args:
        temporal: The address of the Temporal server.
        task_queue: The task queue of its executions.
        port: The port to listen on; None picks a free one.
        settings: Further environment variables; they may override those of `sources`.
        client_timeout_seconds: How long a client may take to send a request; None keeps the
            gateway's own time.
    """
    port = port or free_port()
    environment = {
        "TEMPORAL_ADDRESS": temporal,
        "ANALYTICS_TASK_QUEUE": task_queue,
        "ANALYTICS_GATEWAY__PORT": str(port),
        **sources(),
        **(settings or {}),
    }
    command = ("-m", "gateway")
    if client_timeout_seconds is not None:
        command = ("-c", _IMPATIENT.format(seconds=client_timeout_seconds))
    async with running(*command, environment=clean_environment(**environment)) as run:
        await run.line("gateway started")
        yield Gateway(f"http://127.0.0.1:{port}", run)


def address(client: Client) -> str:
    """The address of a client's server."""
    return client.service_client.config.target_host


_CUT_ANSWER_BYTES = 20
"""`HTTP/1.1 200 OK`, and nothing that follows."""


class BlockableProxy:
    """A TCP proxy to a server that can be blocked, as an async context manager.

    >>> async with BlockableProxy(address(temporal)) as proxy:
    ...     proxy.disconnect()  # closes all connections, and new ones at once
    ...     proxy.restore()
    ...     proxy.stall()  # keeps connections open, and passes nothing on
    ...     proxy.restore()
    ...     proxy.delay_seconds = 1.5  # delays all data from the server
    ...     proxy.answers_to_cut = 2  # passes on the beginning of the next two answers alone

    Args:
        target: The server, as `host:port`.
    """

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_disconnected = False
        self._passes = asyncio.Event()
        self._passes.set()
        self._server: asyncio.Server | None = None
        self.delay_seconds = 0.0
        """The delay of all data from the server."""

        self.answers_to_cut = 0
        """How many of the next answers are cut: after a few bytes, the connection is closed."""

        self.address = ""
        """The address on which the proxy listens."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.disconnect()
        self._passes.set()
        assert self._server
        self._server.close()

    def disconnect(self) -> None:
        """Close all connections, and each new one at once."""
        self._is_disconnected = True
        for writer in self._writers:
            writer.transport.abort()

    def stall(self) -> None:
        """Pass nothing on, like a server that hangs."""
        self._passes.clear()

    def restore(self) -> None:
        """Pass everything on again, including data that was held back."""
        self._is_disconnected = False
        self._passes.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_disconnected:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        await asyncio.gather(
            self._copy(reader, server_writer, is_from_server=False),
            self._copy(server_reader, writer, is_from_server=True),
        )
        self._writers -= {writer, server_writer}

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_from_server: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        until = 0.0
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._passes.wait()
                if is_from_server and self.answers_to_cut:
                    self.answers_to_cut -= 1
                    writer.write(data[:_CUT_ANSWER_BYTES])
                    break
                # Keeps the order if the delay is shortened.
                until = max(until, loop.time() + self.delay_seconds * is_from_server)
                if until > loop.time():
                    loop.call_at(until, writer.write, data)
                else:
                    writer.write(data)
                await writer.drain()
        writer.transport.abort()
