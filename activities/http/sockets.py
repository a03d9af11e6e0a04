"""The sockets below httpcore: they can be closed directly, and cannot block the event loop.

httpcore has no limits for data outside the body: it parses all data of one read of 64 KiB (3,600
interim responses, 16,000 headers) before other tasks of the worker can run.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterable

import httpcore

from activities.http.addresses import public_addresses

_READ_BYTES = 4 * 1024
"""The size of one read, after which other tasks run."""

_NEXT_ADDRESS_SECONDS = 0.5
"""How long a connection to one of several addresses of a receiver may take, before the next one is
tried. The last address has all the remaining time."""

_MOST_BYTES = 2 * 1024 * 1024
"""The limit of one response with chunk sizes, extensions and trailers. It is more than what is read
of any body: otherwise a long body would be a failure instead of being cut."""

_MOST_LINES = 500
"""The limit of lines in the head of a response and in the interim responses before it."""

TOO_MANY_HEADERS = f"a response with more than {_MOST_LINES} header lines"
TOO_MANY_BYTES = f"a response with more than {_MOST_BYTES} bytes around its body"

_END_OF_HEAD = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/\S+ 1\d\d\b")


class Sockets(httpcore.AsyncNetworkBackend):
    """Opens sockets, and keeps a list of them.

    Args:
        only_public: Whether to connect to public addresses alone.
    """

    def __init__(self, *, only_public: bool = False) -> None:
        self._only_public = only_public
        self._backend = httpcore.AnyIOBackend()
        self._open: list[_Socket] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See base class."""
        *others, last = await public_addresses(host, port) if self._only_public else [host]
        for address in others:
            with contextlib.suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                stream = await self._backend.connect_tcp(
                    address, port, _NEXT_ADDRESS_SECONDS, local_address, socket_options
                )
                break
        else:
            stream = await self._backend.connect_tcp(
                last, port, timeout, local_address, socket_options
            )
        opened = _Socket(stream, self._open)
        self._open.append(opened)
        return opened

    async def sleep(self, seconds: float) -> None:
        """See base class."""
        await self._backend.sleep(seconds)

    def begin(self) -> None:
        """Reset the counters for a new response."""
        for opened in self._open:
            opened.begin()

    def are_silent(self) -> bool:
        """Whether all received data was read."""
        return all(opened.is_silent() for opened in self._open)

    async def aclose(self) -> None:
        """Close all open sockets."""
        for opened in list(self._open):
            with contextlib.suppress(Exception):
                await opened.aclose()


class _Socket(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream, siblings: list["_Socket"]) -> None:
        self._stream = stream
        self._siblings = siblings
        self._tls: object = None
        self.begin()

    def begin(self) -> None:
        """Reset the counters for a new response."""
        self._bytes = 0
        self._lines = 0
        self._head: bytearray | None = bytearray()
        self._is_read_full = False

    def is_silent(self) -> bool:
        """Whether all data that this process has received was read.

        Unread data is in the buffers of anyio or OpenSSL, which httpcore does not check.
        """
        if self._is_read_full:
            return False
        if not isinstance(self._tls, ssl.SSLObject):
            return True
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLError:
            return False
        return False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """See base class."""
        await asyncio.sleep(0)
        most = min(max_bytes, _READ_BYTES)
        data = await self._stream.read(most, timeout)
        self._is_read_full = len(data) == most
        self._bytes += len(data)
        self._follow_head(data)
        if self._lines > _MOST_LINES:
            raise httpcore.RemoteProtocolError(TOO_MANY_HEADERS)
        if self._bytes > _MOST_BYTES:
            raise httpcore.RemoteProtocolError(TOO_MANY_BYTES)
        return data

    def _follow_head(self, data: bytes) -> None:
        """Count lines until the head of the final response has ended."""
        if self._head is None:
            return
        self._lines += data.count(b"\n")
        self._head += data
        while end := _END_OF_HEAD.search(self._head):
            if not _INTERIM.match(self._head):
                # The lines after the end of the head belong to the body.
                self._lines -= self._head.count(b"\n", end.end())
                self._head = None
                return
            del self._head[: end.end()]

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """See base class."""
        await self._stream.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """See base class. After a failed handshake, `aclose` still closes this socket."""
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        self._tls = self._stream.get_extra_info("ssl_object")
        self.begin()
        return self

    async def aclose(self) -> None:
        """See base class."""
        if self in self._siblings:
            self._siblings.remove(self)
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> object:
        """See base class."""
        return self._stream.get_extra_info(info)
