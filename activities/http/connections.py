"""Connections that are closed or reusable after every request, however it ended.

httpcore 1.0.9 leaks connections on cancellation: a connection whose request is cancelled before it
uses it stays in the pool for ever (issue 1093), and a cancelled TLS handshake or a failed tunnel
leaves the socket open (issue 1056). It also reads what a server sends after a response as the
response to the next request. And for each request, it searches all connections of its pool: with 50
requests in flight, a request takes 5 ms of CPU. Therefore there is no pool: each request has a
connection for itself. After anything but a complete response, its sockets are closed.
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
"""How long an idle connection is kept. Many servers close it after 5 (Node.js)."""


class _Lane:
    """A connection, and the sockets that it has opened."""

    def __init__(self, connect: Callable[[Sockets], httpcore.AsyncConnectionInterface]) -> None:
        self.sockets = Sockets()
        self.connection = connect(self.sockets)
        self.expiry: asyncio.TimerHandle | None = None

    def is_clean(self) -> bool:
        """Whether the connection can be used again, and the server sent nothing after the response.

        The next request would read it as its response. h11 keeps it in `trailing_data`, for which
        httpcore has no public access.
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

    It takes the place of httpx's client and transport, whose redirects, cookies and hooks are not
    used and cost a fifth of a request's CPU.

    Args:
        verify: The trusted certificate authorities, for the provider and for an `https` proxy.
        proxy: The URL of the proxy, which may contain a user name and a password.
        most_idle: The most connections that are kept for the next requests. With fewer than
            requests in flight, each burst of responses would close connections.
    """

    def __init__(self, verify: ssl.SSLContext, proxy: str | None, most_idle: int) -> None:
        self._verify = verify
        self._proxy = httpx.Proxy(proxy) if proxy else None
        self._most_idle = most_idle
        self._idle: list[_Lane] = []
        self._busy: set[_Lane] = set()
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
        """Send a request, and return its response, whose stream the caller closes.

        Raises httpcore's exceptions.
        """
        if request.url.scheme not in ("http", "https"):
            raise httpcore.UnsupportedProtocol(request.url.scheme)
        url = _url(request.url)
        lane = self._take(url.origin)
        try:
            response = await lane.connection.handle_async_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except BaseException:
            self._release(lane, reusable=False)
            raise
        stream = _Stream(response, lane, self._release)
        return httpx.Response(response.status, headers=response.headers, stream=stream)

    async def aclose(self) -> None:
        """Close all connections, also those in use."""
        for lane in [*self._idle, *self._busy]:
            self._discard(lane)
        self._idle.clear()
        self._busy.clear()
        if self._closing:
            await asyncio.wait(self._closing)

    def _take(self, origin: httpcore.Origin) -> _Lane:
        lane = self._take_idle(origin) or _Lane(
            lambda sockets: self._pool(sockets).create_connection(origin)
        )
        lane.sockets.begin()
        self._busy.add(lane)
        return lane

    def _take_idle(self, origin: httpcore.Origin) -> _Lane | None:
        # The newest connection first, so that unneeded ones expire.
        for lane in reversed(self._idle):
            if lane.connection.can_handle_request(origin):
                self._idle.remove(lane)
                if lane.expiry:
                    lane.expiry.cancel()
                if not lane.connection.has_expired():
                    return lane
                self._discard(lane)
        return None

    def _pool(self, sockets: Sockets) -> httpcore.AsyncConnectionPool:
        """Return a pool, which only makes connections: through the proxy, if there is one."""
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

    def _release(self, lane: _Lane, *, reusable: bool) -> None:
        """Keep or close a lane. This is not a coroutine, so that it cannot be cancelled."""
        if lane not in self._busy:
            return
        self._busy.discard(lane)
        if not reusable or len(self._idle) >= self._most_idle:
            self._discard(lane)
            return
        lane.expiry = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._expire, lane)
        self._idle.append(lane)

    def _expire(self, lane: _Lane) -> None:
        if lane in self._idle:
            self._idle.remove(lane)
            self._discard(lane)

    def _discard(self, lane: _Lane) -> None:
        # In a separate task, which is not cancelled with the request.
        if lane.expiry:
            lane.expiry.cancel()
        closing = asyncio.get_running_loop().create_task(lane.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class _Stream(httpx.AsyncByteStream):
    """A response's body, which records whether it was read to its end."""

    def __init__(
        self, response: httpcore.Response, lane: _Lane, release: Callable[..., None]
    ) -> None:
        self._response = response
        self._lane = lane
        self._release = release
        self._is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._response.stream, AsyncIterable)  # noqa: S101  # for mypy
        async for chunk in self._response.stream:
            yield chunk
        self._is_whole = True

    async def aclose(self) -> None:
        """See base class."""
        reusable = False
        try:
            await self._response.aclose()
            reusable = self._is_whole and self._lane.is_clean()
        finally:
            self._release(self._lane, reusable=reusable)


def _url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
