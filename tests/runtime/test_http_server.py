"""The health check of a process that serves HTTP, as its container runs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.http_server import request_health

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def healthy_server(host: str) -> AsyncIterator[int]:
    """A server that responds to one request with 200; yields its port."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, host, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("listens_on", "host"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("::1", "::1"), ("::1", "::")],  # noqa: S104  # not bound
)
async def test_the_health_of_a_server_is_requested_at_its_address(
    listens_on: str, host: str
) -> None:
    """Also if the configured host is an IPv6 address, or stands for every address."""
    async with healthy_server(listens_on) as port:
        await asyncio.to_thread(request_health, host, port)


async def test_the_health_check_does_not_use_the_proxy_for_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody listens at the proxy: a request through it would fail."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async with healthy_server("127.0.0.1") as port:
        await asyncio.to_thread(request_health, "127.0.0.1", port)


async def test_a_server_that_does_not_respond_is_an_error() -> None:
    """The container then counts as unhealthy."""
    async with healthy_server("127.0.0.1") as port:
        pass

    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(request_health, "127.0.0.1", port)
