"""A proxy between a browser and the gateway that records all requests and changes nothing."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from aiohttp import ClientError, ClientSession, web
from multidict import CIMultiDict

from tests.support.json_objects import Json

_OF_THE_CONNECTION = ("connection", "content-length", "keep-alive", "transfer-encoding")


@dataclass(frozen=True)
class Exchange:
    """A request and its response."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    """0 if the gateway did not respond."""

    response_headers: Mapping[str, str]
    at: datetime
    """The time of the response."""

    @property
    def call(self) -> str:
        """The last segment of the path."""
        return self.path.rpartition("/")[2]

    @property
    def messages(self) -> list[Json]:
        """What it carries, without the keys of the request."""
        body: Json = json.loads(self.body)
        messages: list[Json] = body["batch"] if self.call == "b" else [body]
        request = ("sentAt", "writeKey")
        return [{k: v for k, v in one.items() if k not in request} for one in messages]

    @property
    def message_ids(self) -> list[str]:
        """Of what it carries."""
        return [one["messageId"] for one in self.messages]

    @property
    def sent_at(self) -> datetime:
        """By the browser's clock."""
        return datetime.fromisoformat(json.loads(self.body)["sentAt"])


class Recorder:
    """The proxy, as an async context manager.

    Args:
        target: The gateway's URL.
    """

    def __init__(self, target: str) -> None:
        self.exchanges: list[Exchange] = []
        self._target = target
        self._recorded = asyncio.Condition()
        self._sending = asyncio.Event()
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def url(self) -> str:
        """What a page takes for the gateway's URL."""
        return f"http://{self.host}"

    @property
    def sent(self) -> list[Exchange]:
        """The requests that carry messages."""
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    @property
    def taken(self) -> dict[str, Json]:
        """What was answered 200, by message id."""
        taken = [exchange for exchange in self.sent if exchange.status == 200]
        return {
            message["messageId"]: message for exchange in taken for message in exchange.messages
        }

    async def wait_until_sending(self) -> None:
        """Wait for the first request with messages, not for its response."""
        async with asyncio.timeout(60.0):
            await self._sending.wait()

    async def wait_for(self, fits: Callable[[Exchange], bool], seconds: float = 60.0) -> Exchange:
        """Wait for a request with messages that is like this.

        Raises:
            TimeoutError: There is none, in time.
        """
        async with asyncio.timeout(seconds), self._recorded:
            await self._recorded.wait_for(lambda: any(map(fits, self.sent)))
        return next(filter(fits, self.sent))

    async def __aenter__(self) -> Self:
        """Start to listen."""
        # Compressed stays compressed.
        self._session = ClientSession(auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.method == "POST":
            self._sending.set()
        headers = _onward(request.headers)
        response = web.Response(status=502)
        try:
            async with self._session.request(
                request.method,
                self._target + request.path_qs,
                headers=headers,
                data=body or None,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
                allow_redirects=False,
            ) as got:
                response = web.Response(
                    status=got.status, body=await got.read(), headers=_onward(got.headers)
                )
                status = got.status
        except ClientError:
            status = 0
        exchange = Exchange(
            request.method, request.path, headers, body, status, response.headers, datetime.now(UTC)
        )
        async with self._recorded:
            self.exchanges.append(exchange)
            self._recorded.notify_all()
        if not status and request.transport:
            request.transport.abort()
        return response


def _onward(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _OF_THE_CONNECTION:
        kept.popall(name, None)
    return kept
