"""A provider that misbehaves below HTTP: it hangs, breaks off, counts its connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"success":true}'


@dataclass(eq=False)
class RawProvider:
    """Answers request after request on each connection, as `respond` says."""

    respond: Respond
    bodies: list[bytes] = field(default_factory=list)
    """Of the requests that came in whole."""

    open: int = 0
    """Connections that the other side has not closed."""

    most_open: int = 0
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                self.bodies.append(await read_request(reader))
                await self._notify()
                await self.respond(reader, writer)
                if writer.is_closing():
                    break
        self.open -= 1
        writer.close()
        await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for what requests and closed connections bring about."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(condition)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read a whole request; returns its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, length = head.partition(b"content-length:")
    return await reader.readexactly(int(length.split(b"\r\n")[0])) if length else b""


def answering(response: bytes) -> Respond:
    """Answer every request alike."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return respond


def closing_after(response: bytes) -> Respond:
    """Answer once, and close the connection."""

    async def respond(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()
        writer.close()

    return respond


@asynccontextmanager
async def raw_provider(respond: Respond) -> AsyncIterator[RawProvider]:
    """Serve on loopback."""
    provider = RawProvider(respond)
    server = await asyncio.start_server(provider.handle, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()


class Hangs:
    """Answers nothing until it is healed, and only waits for the other side to go away."""

    def __init__(self) -> None:
        self.is_well = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer, or wait for the end of the connection."""
        if not self.is_well:
            await reader.read()
            raise ConnectionResetError
        writer.write(OK)
        await writer.drain()
