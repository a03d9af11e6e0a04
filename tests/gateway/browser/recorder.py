"""A way between browser and gateway that remembers what went through it, and changes nothing."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from aiohttp import ClientError, ClientSession, web
from multidict import CIMultiDict

from tests.conftest import Json

_OF_THE_CONNECTION = ("connection", "content-length", "keep-alive", "transfer-encoding")


@dataclass(frozen=True)
class Exchange:
    """A request, and what was answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    """0 where the gateway did not answer."""

    answer_headers: Mapping[str, str]
    at: datetime
    """When it was answered."""

    @property
    def call(self) -> str:
        """The last step of the path."""
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
    """The way, as an async context manager.

    Args:
        target: The gateway's URL.
    """

    def __init__(self, target: str) -> None:
        self.exchanges: list[Exchange] = []
        self._target = target
        self._recorded = asyncio.Condition()
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
        return [one for one in self.exchanges if one.method == "POST"]

    @property
    def taken(self) -> dict[str, Json]:
        """What was answered 200, by message id."""
        taken = [one for one in self.sent if one.status == 200]
        return {message["messageId"]: message for one in taken for message in one.messages}

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
        headers = _onward(request.headers)
        answer = web.Response(status=502)
        try:
            async with self._session.request(
                request.method,
                self._target + request.path_qs,
                headers=headers,
                data=body or None,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
                allow_redirects=False,
            ) as got:
                answer = web.Response(
                    status=got.status, body=await got.read(), headers=_onward(got.headers)
                )
                status = got.status
        except ClientError:
            status = 0
        exchange = Exchange(
            request.method, request.path, headers, body, status, answer.headers, datetime.now(UTC)
        )
        async with self._recorded:
            self.exchanges.append(exchange)
            self._recorded.notify_all()
        if not status and request.transport:
            request.transport.abort()
        return answer


def _onward(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _OF_THE_CONNECTION:
        kept.popall(name, None)
    return kept
