"""A proxy that records the requests of an SDK, and the messages that arrive at the provider."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import aiohttp
from aiohttp import web

from durable_analytics.testing import StandIn
from tests.support.json_objects import Json

_OF_THE_REQUEST = ("sentAt", "writeKey")

_NETWORK = timedelta(seconds=1)
"""The gateway takes a longer delay for clock skew."""


@dataclass
class Exchange:
    """A request of an SDK, and its response."""

    body: Json
    headers: dict[str, str]
    """Of the request, by lower-case name."""

    status: int | None = None
    """None until the response, and if the gateway closes the connection."""

    retry_after: str | None = None
    seconds: float = 0.0
    """From the SDK's `sentAt` to the response."""

    @property
    def ids(self) -> list[str]:
        """The message ids, in the SDK's order."""
        return [item["messageId"] for item in self.body["batch"]]


class RecordingProxy:
    """A reverse proxy that records and changes nothing, as an async context manager.

    Args:
        url: The gateway's.
    """

    def __init__(self, url: str) -> None:
        self._onward = url
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.url = ""
        """Its own, for the SDK."""

        self.exchanges: list[Exchange] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, auto_decompress=False
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        assert self._session
        await self._runner.cleanup()
        await self._session.close()

    async def answered(self, is_it: Callable[[Exchange], bool], count: int = 1) -> list[Exchange]:
        """Wait until so many exchanges are like this, and return them."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: sum(map(is_it, self.exchanges)) >= count)
        return [exchange for exchange in self.exchanges if is_it(exchange)]

    def acknowledged(self) -> list[str]:
        """The ids of all messages whose request was answered 200."""
        return [
            id_ for exchange in self.exchanges if exchange.status == 200 for id_ in exchange.ids
        ]

    def statuses(self) -> list[int | None]:
        """Of all responses, oldest request first."""
        return [exchange.status for exchange in self.exchanges]

    def slow(self) -> set[str]:
        """The messages of requests in which the gateway may have seen a wrong clock."""
        limit = _NETWORK.total_seconds()
        return {
            id_ for exchange in self.exchanges if exchange.seconds >= limit for id_ in exchange.ids
        }

    def sent(self) -> list[Json]:
        """All messages of all requests that were answered 200, as the SDK wrote them."""
        return [
            item
            for exchange in self.exchanges
            if exchange.status == 200
            for item in exchange.body["batch"]
        ]

    async def _pass(self, request: web.Request) -> web.Response:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        packed = headers.get("content-encoding") == "gzip"
        exchange = Exchange(json.loads(gzip.decompress(raw) if packed else raw), headers)
        self.exchanges.append(exchange)
        assert self._session
        try:
            async with self._session.request(
                request.method,
                self._onward + request.rel_url.raw_path_qs,
                headers=request.headers,
                data=raw,
            ) as response:
                body = await response.read()
        except aiohttp.ClientError:
            if request.transport:
                request.transport.abort()
            raise asyncio.CancelledError from None
        exchange.status = response.status
        exchange.retry_after = response.headers.get("Retry-After")
        sent_at = datetime.fromisoformat(exchange.body["sentAt"])
        exchange.seconds = (datetime.now(UTC) - sent_at).total_seconds()
        async with self._changed:
            self._changed.notify_all()
        return web.Response(status=response.status, body=body, headers=response.headers)


def items(standin: StandIn) -> list[Json]:
    """The messages of all batches that the provider got."""
    rows = [row for row in standin.requests if row["path"] == "/v1/batch"]
    return [item for row in rows for item in row["body"]["batch"]]


def ids(messages: Iterable[Json]) -> list[str]:
    """The message ids of these messages, sorted."""
    return sorted(message["messageId"] for message in messages)


async def all_arrived(standin: StandIn, wanted: Iterable[str]) -> list[Json]:
    """Wait until the provider has a message with each of these ids; returns all that it has."""
    missing = set(wanted)
    async with asyncio.timeout(60):
        while missing := missing - set(ids(items(standin))):
            await standin.wait_for(len(standin.requests) + 1, seconds=60)
    return items(standin)


def plain(messages: Iterable[Json], slow: set[str]) -> dict[str, str]:
    """Messages to compare, by id: as JSON, where 1, 1.0 and true differ.

    Args:
        messages: As sent, or as they arrived.
        slow: Those whose time the gateway may have corrected.
    """
    return {
        message["messageId"]: json.dumps(
            _plain(message, is_slow=message["messageId"] in slow),
            sort_keys=True,
            ensure_ascii=False,
        )
        for message in messages
    }


def _plain(message: Json, *, is_slow: bool) -> Json:
    kept = {
        key: value
        for key, value in message.items()
        if key not in _OF_THE_REQUEST and value is not None  # null is "not set"
    }
    time = datetime.fromisoformat(kept["timestamp"]).astimezone(UTC)
    return {**kept, "timestamp": None if is_slow else time.isoformat()}
