"""The HTTP client of an integration, with a concurrency limit, deadlines and readable errors."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from activities.http.connections import Connections
from activities.http.failures import failure_of
from activities.http.log_filter import hidden_queries
from activities.http.pace import Pace
from activities.http.received import Reader, Received
from activities.provider_health import ProviderHealth
from durable_analytics.errors import DeliveryError, Unavailable
from durable_analytics.temporal import tracing

EmbeddersClient: TypeAlias = httpx.AsyncClient
"""The type of client that users of `register` can pass for an integration."""

RequestListener: TypeAlias = Callable[[str, int | None, timedelta], None]
"""Called with the outcome of each request (`success` or the failure type), its status, if there was
a response, and its duration. It never raises."""

MAX_IN_FLIGHT = 100

_PROXY_REFUSED = 407
"""The status with which a proxy refuses a request. The message is sent again."""


@dataclass(slots=True)
class _Progress:
    """The stage of a request, from httpcore's events, for the error of an expired deadline."""

    host: str
    port: int | None
    peer: str = ""
    stage: str = "{peer} did not respond within {seconds} s"

    async def listen(self, event: str, info: dict[str, Any]) -> None:
        """Handle an event of httpcore."""
        _, _, step = event.partition(".")
        if step == "connect_tcp.started":
            same = (info["host"], info["port"]) == (self.host, self.port)
            self.peer = self.host if same else f"the proxy {info['host']}"
        elif step == "start_tls.started" and info.get("server_hostname") == self.host:
            self.peer = self.host
        self.stage = _STAGES.get(step, self.stage)

    def describe(self, deadline: timedelta, waited: timedelta) -> str:
        """Return which stage the deadline interrupted.

        Args:
            deadline: The timeout that expired.
            waited: How long the request had waited for other requests.
        """
        stage = self.stage.format(
            host=self.host,
            peer=self.peer or self.host,
            seconds=f"{deadline.total_seconds():.3g}",
        )
        if not waited:
            return stage
        seconds = waited.total_seconds()
        return f"{stage}, after {seconds:.1f} s of waiting for other requests (max_in_flight)"


_STAGES = {
    "connect_tcp.started": "could not connect to {peer} within {seconds} s",
    "start_tls.started": "the TLS handshake with {peer} did not finish within {seconds} s",
    "send_request_headers.started": "{peer} did not accept the request within {seconds} s",
    "receive_response_headers.started": "{peer} did not respond within {seconds} s",
    "receive_response_body.started": "{peer} did not finish its response within {seconds} s",
}


@cache
def _default_tls() -> ssl.SSLContext:
    """Return the context of all integrations without a `ca_bundle`; loading it takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(eq=False)
class HttpClient:
    """The HTTP client of an integration.

    Args:
        client: Sends the requests: `Connections`, or a client of the caller.
        max_in_flight: Concurrent requests; more requests wait here, and not in the client's pool,
            where a cancellation would leak the connection.
        secrets: The credentials of the proxy, which responses and errors must not show.
        health: What this process has seen of the provider; None where nothing is paused.
        pace: Gives turns to requests; None if their rate is not limited.
        on_request: Called with each request that has ended, for the metrics.
    """

    client: Connections | EmbeddersClient
    max_in_flight: int = MAX_IN_FLIGHT
    secrets: frozenset[str] = frozenset()
    health: ProviderHealth | None = None
    pace: Pace | None = None
    on_request: RequestListener = lambda *_: None

    in_flight: int = 0
    """Running requests."""

    _slots: asyncio.Semaphore = field(init=False)
    _turns: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.max_in_flight)
        self._turns = asyncio.Semaphore(self.max_in_flight)

    @classmethod
    def of_settings(
        cls,
        *,
        proxy: str | None,
        ca_bundle: Path | None,
        max_in_flight: int,
        pace: Pace | None = None,
        only_public: bool = False,
    ) -> "HttpClient":
        """Make the client of an integration.

        Args:
            proxy: The URL of the proxy, with user name and password if it requires them.
            ca_bundle: A PEM file of certificate authorities, which replaces certifi's.
            max_in_flight: Concurrent requests.
            pace: Gives turns to requests.
            only_public: Whether to connect to public addresses alone.
        """
        verify = ssl.create_default_context(cafile=str(ca_bundle)) if ca_bundle else _default_tls()
        secrets = _proxy_secrets(proxy) if proxy else frozenset[str]()
        connections = Connections(verify, proxy, max_in_flight, only_public=only_public)
        return cls(connections, max_in_flight, secrets, pace=pace)

    @property
    def connections(self) -> Connections | None:
        """The connections; None with a client of the caller."""
        return self.client if isinstance(self.client, Connections) else None

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None,
        content: bytes | None,
        body_limit: int,
        deadline: timedelta,
        within: timedelta | None = None,
        on_start: Callable[[], None] | None = None,
    ) -> Received:
        """Send a request and read its response.

        A response whose body ended early is returned too, with its `failure`.

        Args:
            method: The HTTP method.
            url: The URL without its query.
            headers: The headers of the request.
            query: The query parameters: values or lists of values.
            content: The body.
            body_limit: Bytes of the response's body that are read; the rest is not read.
            deadline: The timeout for connecting, sending, waiting and reading together.
            within: The timeout for the request and its wait for `max_in_flight`. Default: the
                deadline.
            on_start: Called after that wait; what it raises prevents the request.

        Raises:
            Unavailable: The request could not start, there was no connection or no response, or a
                timeout expired before the response began.
            Internal: The request cannot be sent.
        """
        within = within or deadline
        waited = await self._wait_for(self._slots, within)
        self.in_flight += 1
        try:
            remaining = min(deadline, within - waited)
            request = self._build(method, url, headers, query, content)
            progress = _Progress(request.url.raw_host.decode("ascii"), _port(request.url))
            request.extensions["trace"] = progress.listen
            if on_start:
                on_start()
            shown = _span_attributes(method, request.url) if tracing.is_enabled() else None
            with tracing.span(method, "client", shown) as span:
                received = await self._exchange(request, progress, body_limit, remaining, waited)
                if span:
                    span.set_attribute("http.response.status_code", received.status_code)
                return received
        finally:
            self.in_flight -= 1
            self._slots.release()

    @asynccontextmanager
    async def turn(self, within: timedelta) -> AsyncIterator[None]:
        """Hold a turn, of which there are `max_in_flight`, for one of many requests that can wait.

        The many requests wait for turns, and those that have one, like all others, for
        `max_in_flight`. So a single message waits behind few of them.

        Args:
            within: The timeout for the wait.

        Raises:
            Unavailable: The timeout expired.
        """
        await self._wait_for(self._turns, within)
        try:
            yield
        finally:
            self._turns.release()

    async def _wait_for(self, slots: asyncio.Semaphore, limit: timedelta) -> timedelta:
        if not slots.locked():
            await slots.acquire()
            return timedelta(0)
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await slots.acquire()
        except TimeoutError:
            raise Unavailable(
                f"the request could not start within {limit.total_seconds():g} s: "
                f"{self.max_in_flight} requests (max_in_flight) were running"
            ) from None
        return timedelta(seconds=loop.time() - since)

    def _build(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None,
        content: bytes | None,
    ) -> httpx.Request:
        options: Any = {"params": query or None, "headers": dict(headers), "content": content}
        try:
            if isinstance(self.client, Connections):
                return httpx.Request(method, url, **options)
            return self.client.build_request(method, url, timeout=None, **options)
        except Exception as error:
            failure = failure_of(error, "")
            if failure is None:
                raise
            raise failure from None

    async def _exchange(
        self,
        request: httpx.Request,
        progress: _Progress,
        body_limit: int,
        remaining: timedelta,
        waited: timedelta,
    ) -> Received:
        reader: Reader | None = None
        try:
            async with asyncio.timeout(remaining.total_seconds()) as limit:
                response = await self._send(request)
                reader = Reader(response, body_limit)
                try:
                    await reader.read()
                finally:
                    await response.aclose()
            received = reader.received()
        except Exception as error:
            failure: DeliveryError | None
            if limit.expired():
                failure = Unavailable(progress.describe(remaining, waited))
            else:
                failure = failure_of(error, progress.host, progress.peer)
            if failure is None:
                raise
            if reader is None or not isinstance(failure, Unavailable):
                raise failure from None
            received = reader.received(failure)
        if received.status_code == _PROXY_REFUSED and self._may_be_of_proxy(request):
            raise Unavailable(
                f"the proxy refused to connect to {progress.host}: "
                f"it responded with {_PROXY_REFUSED}"
            )
        return received

    def _may_be_of_proxy(self, request: httpx.Request) -> bool:
        """Whether a proxy, instead of the provider, may have responded to a request.

        Through the tunnel of `https`, only the provider responds. A client of the caller may have a
        proxy.
        """
        has_proxy = not isinstance(self.client, Connections) or self.client.has_proxy
        return has_proxy and request.url.scheme == "http"

    async def _send(self, request: httpx.Request) -> httpx.Response:
        if isinstance(self.client, Connections):
            return await self.client.send(request)
        with hidden_queries():
            return await self.client.send(request, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        """Close the connections; a client of the caller stays open."""
        if isinstance(self.client, Connections):
            await self.client.aclose()


def _span_attributes(method: str, url: httpx.URL) -> dict[str, str | int]:
    """Return the attributes of a request's span: no path or query, which may hold user ids."""
    return {
        "http.request.method": method,
        "server.address": url.host,
        "server.port": _port(url) or 0,
    }


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def proxy_host(url: str) -> str | None:
    """Return the host of a proxy's URL; None if the URL is not usable."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return None
    return (parsed.host or None) if parsed.scheme in ("http", "https") else None


def _proxy_secrets(url: str) -> frozenset[str]:
    """Return the user name, the password, and both as Basic authentication joins them."""
    parsed = httpx.URL(url)
    raw_user, _, raw_password = parsed.userinfo.decode("ascii").partition(":")
    parts = {raw_user, raw_password, parsed.username, parsed.password}
    if parsed.userinfo:
        parts.add(f"{parsed.username}:{parsed.password}")
    return frozenset(filter(None, parts))
