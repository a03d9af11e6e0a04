"""Sends HTTP requests over connections that are never leaked, even if a request is cancelled.

httpcore 1.0.9 leaks connections on cancellation: a connection whose request is cancelled before it
uses it stays in the pool forever (issue 1093), and a cancelled TLS handshake or a failed tunnel
leaves the socket open (issue 1056). It also reads what a server sends after a response as the
response to the next request. And for each request, it searches all connections of its pool: with 50
requests in flight, a request takes 5 ms of CPU. Therefore httpcore's pool is not used: each
request has a connection of its own, which is reused only after a complete response. Otherwise its
sockets are closed.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

import httpcore
import httpx

from activities.http.sockets import Sockets

KEEP_ALIVE_SECONDS = 4.0
"""How long an idle connection is kept. Many servers close it after 5 s (Node.js does)."""


class _TrackedConnection:
    """A connection with the sockets that it has opened."""

    def __init__(
        self, sockets: Sockets, connect: Callable[[Sockets], httpcore.AsyncConnectionInterface]
    ) -> None:
        self.sockets = sockets
        self.connection = connect(self.sockets)
        self.expiry: asyncio.TimerHandle | None = None

    def is_clean(self) -> bool:
        """Whether the connection can be used again: it is idle, and the server sent nothing more.

        The next request would read such data as its response. h11 keeps the data in
        `trailing_data`, which httpcore does not expose.
        """
        if not self.connection.is_idle():
            return False
        inner: Any = self.connection
        while hasattr(inner, "_connection"):
            inner = inner._connection  # noqa: SLF001
        return not inner._h11_state.trailing_data[0] and self.sockets.are_silent()  # noqa: SLF001

    async def aclose(self) -> None:
        """Close everything."""
        await self.sockets.aclose()
        with contextlib.suppress(Exception):
            await self.connection.aclose()


class Connections:
    """Sends the requests of one integration.

    It replaces the client and the transport of httpx: their redirects, cookies and hooks are not
    needed, and took a fifth of the CPU time of a request.

    Args:
        verify: The certificate authorities to trust, for the provider and for an `https` proxy.
        proxy: The URL of the proxy, which may contain a user name and a password.
        only_public: Whether to connect to public addresses alone; a proxy decides by itself.
        most_idle: The most idle connections that are kept. If it were less than the requests in
            flight, each burst of responses would close connections.
    """

    def __init__(
        self,
        verify: ssl.SSLContext,
        proxy: str | None,
        most_idle: int,
        *,
        only_public: bool = False,
    ) -> None:
        self._only_public = only_public and not proxy
        self._verify = verify
        self._proxy = httpx.Proxy(proxy) if proxy else None
        self._most_idle = most_idle
        self._idle: list[_TrackedConnection] = []
        self._busy: set[_TrackedConnection] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def has_proxy(self) -> bool:
        """Whether requests go through a proxy."""
        return self._proxy is not None

    @property
    def busy(self) -> int:
        """The number of running requests."""
        return len(self._busy)

    @property
    def idle(self) -> int:
        """The number of connections that are kept for the next requests."""
        return len(self._idle)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return its response, whose stream the caller must close.

        Raises httpcore's exceptions.
        """
        if request.url.scheme not in ("http", "https"):
            raise httpcore.UnsupportedProtocol(request.url.scheme)
        url = _url(request.url)
        tracked = self._acquire(url.origin)
        try:
            response = await tracked.connection.handle_async_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except BaseException:
            self._release(tracked, reusable=False)
            raise
        stream = _Stream(response, tracked, self._release)
        return httpx.Response(response.status, headers=response.headers, stream=stream)

    async def aclose(self) -> None:
        """Close all connections, also those in use."""
        for tracked in [*self._idle, *self._busy]:
            self._discard(tracked)
        self._idle.clear()
        self._busy.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _acquire(self, origin: httpcore.Origin) -> _TrackedConnection:
        tracked = self._find_idle(origin) or _TrackedConnection(
            Sockets(only_public=self._only_public),
            lambda sockets: self._connection_factory(sockets).create_connection(origin),
        )
        tracked.sockets.begin()
        self._busy.add(tracked)
        return tracked

    def _find_idle(self, origin: httpcore.Origin) -> _TrackedConnection | None:
        # Most recently used first, so that connections that are not needed expire.
        for tracked in reversed(self._idle):
            if tracked.connection.can_handle_request(origin):
                self._idle.remove(tracked)
                if tracked.expiry:
                    tracked.expiry.cancel()
                if not tracked.connection.has_expired():
                    return tracked
                self._discard(tracked)
        return None

    def _connection_factory(self, sockets: Sockets) -> httpcore.AsyncConnectionPool:
        """Return a pool of httpcore, used only to create a connection, through the proxy if any."""
        if not self._proxy:
            return httpcore.AsyncConnectionPool(
                self._verify, keepalive_expiry=KEEP_ALIVE_SECONDS, network_backend=sockets
            )
        is_encrypted = self._proxy.url.scheme == "https"
        return httpcore.AsyncHTTPProxy(
            _url(self._proxy.url),
            proxy_auth=self._proxy.raw_auth,
            ssl_context=self._verify,
            proxy_ssl_context=self._verify if is_encrypted else None,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=sockets,
        )

    def _release(self, tracked: _TrackedConnection, *, reusable: bool) -> None:
        """Keep or close a connection. This is not a coroutine, so it cannot be cancelled."""
        if tracked not in self._busy:
            return
        self._busy.discard(tracked)
        if not reusable or len(self._idle) >= self._most_idle:
            self._discard(tracked)
            return
        tracked.expiry = asyncio.get_running_loop().call_later(
            KEEP_ALIVE_SECONDS, self._expire, tracked
        )
        self._idle.append(tracked)

    def _expire(self, tracked: _TrackedConnection) -> None:
        if tracked in self._idle:
            self._idle.remove(tracked)
            self._discard(tracked)

    def _discard(self, tracked: _TrackedConnection) -> None:
        # In a task of its own, which is not cancelled with the request.
        if tracked.expiry:
            tracked.expiry.cancel()
        closing = asyncio.get_running_loop().create_task(tracked.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class _Stream(httpx.AsyncByteStream):
    """The body of a response. It records whether the body was read to its end."""

    def __init__(
        self, response: httpcore.Response, tracked: _TrackedConnection, release: Callable[..., None]
    ) -> None:
        self._response = response
        self._tracked = tracked
        self._release = release
        self._is_complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._response.stream, AsyncIterable)  # noqa: S101  # for mypy
        async for chunk in self._response.stream:
            yield chunk
        self._is_complete = True

    async def aclose(self) -> None:
        """See base class."""
        reusable = False
        try:
            await self._response.aclose()
            reusable = self._is_complete and self._tracked.is_clean()
        finally:
            self._release(self._tracked, reusable=reusable)


def _url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
