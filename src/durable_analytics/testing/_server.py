"""The HTTP server of the stand-in: it records requests, and responds as the vendors do.

It serves all integrations; the first segment of a path is the name of the integration. A test can
replace the next responses with a script.
"""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Self

from aiohttp import web

from durable_analytics.testing._installed import VENDORS
from durable_analytics.testing._masking import mask, mask_header
from durable_analytics.testing._received import Received, ReceivedMessage, fields_of, parse_body
from durable_analytics.testing._vendor import Reply, Vendor
from durable_analytics.wire.messages import JsonObject

_LARGEST_BODY_BYTES = 64 * 1024 * 1024


class StandIn:
    """The HTTP server, as an async context manager.

    >>> async with StandIn() as standin:
    ...     standin.script("segment", {"status": 429, "headers": {"Retry-After": "3"}})
    ...     ...  # deliver to standin.base_url("segment")
    ...     standin.requests

    Args:
        vendors: The vendor of each integration, by the name of the integration.
        host: The address to listen on.
        port: The port to listen on; 0 chooses a free port.
    """

    def __init__(
        self,
        vendors: Mapping[str, Vendor] = VENDORS,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.vendors: Mapping[str, Vendor] = dict(vendors)
        self.requests: list[JsonObject] = []
        """The received requests, the oldest first: the rows of `GET /requests`."""

        self.accepted: dict[str, list[ReceivedMessage]] = defaultdict(list)
        """The messages that each vendor has accepted, in order, with repetitions."""

        self._host = host
        self._port = port
        self._scripts: dict[str, deque[JsonObject]] = {}
        self._seen: dict[str, set[str]] = {}
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    def base_url(self, integration: str) -> str:
        """Return the base URL of an integration."""
        return f"http://{self._host}:{self._port}/{integration}"

    def script(self, integration: str, *answers: JsonObject) -> None:
        """Set the next responses: `{"status", "headers", "body", "delay", "drop"}`, all optional.

        Args:
            integration: The name of the integration.
            answers: The responses, in order. Without a status, the vendor responds after the delay.

        Raises:
            KeyError: There is no such integration.
        """
        self.vendors[integration]
        self._scripts.setdefault(integration, deque()).extend(answers)

    def clear(self) -> None:
        """Delete the recorded requests and messages, and all scripts."""
        self.requests.clear()
        self.accepted.clear()
        self._scripts.clear()
        self._seen.clear()

    async def wait_for(self, count: int, seconds: float = 30.0) -> list[JsonObject]:
        """Wait until this number of requests has arrived, and return them.

        Raises:
            TimeoutError: They did not arrive in time.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def wait_for_accepted(
        self, integration: str, count: int, seconds: float = 30.0
    ) -> list[ReceivedMessage]:
        """Wait until a vendor has accepted this number of messages, and return all of them.

        Raises:
            KeyError: There is no such integration.
            TimeoutError: The vendor did not accept them in time.
        """
        self.vendors[integration]
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.accepted[integration]) >= count)
        return self.accepted[integration]

    async def __aenter__(self) -> Self:
        """Start to listen for requests."""
        app = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        app.router.add_get("/requests", self._show)
        app.router.add_delete("/requests", self._forget)
        app.router.add_post("/script", self._take_script)
        app.router.add_route("*", "/{integration}", self._answer)
        app.router.add_route("*", "/{integration}/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._runner:
            await self._runner.cleanup()

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(self.requests)

    async def _forget(self, _: web.Request) -> web.Response:
        self.clear()
        return web.Response(status=204)

    async def _take_script(self, request: web.Request) -> web.Response:
        try:
            script = await request.json()
            self.script(script["integration"], *map(dict, script["answers"]))
        except (ValueError, KeyError, TypeError):
            names = ", ".join(sorted(self.vendors))
            reason = f'send {{"integration": one of {names}, "answers": [{{"status": 500}}, …]}}'
            return web.json_response({"error": reason}, status=400)
        return web.Response(status=204)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["integration"]
        if name not in self.vendors:
            return web.json_response({"error": f"no integration {name}"}, status=404)
        received = await self._receive(name, request)
        row = self._record(name, received)
        queue = self._scripts.get(name)
        script = queue.popleft() if queue else {}
        await self._notify()
        await asyncio.sleep(script.get("delay", 0))
        if script.get("drop"):
            if request.transport:
                request.transport.abort()
            raise asyncio.CancelledError
        reply = self._reply(name, received)
        if "status" in script:
            reply = Reply(script["status"], script.get("body", ""), script.get("headers", {}))
        row["answered"] = reply.status
        self.accepted[name].extend(self._accepted(name, received, reply))
        await self._notify()
        return _response(reply)

    async def _notify(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    async def _receive(self, name: str, request: web.Request) -> Received:
        headers = {key.lower(): value for key, value in request.headers.items()}
        content = await request.read()
        return Received(
            method=request.method,
            path=request.rel_url.raw_path.removeprefix(f"/{name}"),
            target=request.raw_path,
            query=fields_of(request.query.items()),
            headers=headers,
            content=content,
            body=parse_body(content, headers.get("content-type", "")),
            seen=self._seen.setdefault(name, set()),
        )

    def _reply(self, name: str, received: Received) -> Reply:
        vendor = self.vendors[name]
        if not vendor.authorizes(received, vendor.credentials):
            return vendor.refuses
        return vendor.answers(received)

    def _accepted(self, name: str, received: Received, reply: Reply) -> list[ReceivedMessage]:
        vendor = self.vendors[name]
        is_failure = reply.not_accepted is None and not 200 <= reply.status < 300
        # Some vendors answer wrong credentials with a 2xx.
        if is_failure or reply is vendor.refuses:
            return []
        not_accepted = reply.not_accepted or ()
        messages = enumerate(vendor.messages(received))
        return [message for index, message in messages if index not in not_accepted]

    def _record(self, name: str, received: Received) -> JsonObject:
        vendor = self.vendors[name]
        secrets = set(vendor.credentials.values())
        row = {
            "integration": name,
            "method": received.method,
            "path": received.path,
            "query": mask(received.query, secrets),
            "headers": {
                key: mask_header(key, value, vendor.secret_headers, secrets)
                for key, value in received.headers.items()
            },
            "body": mask(received.body, secrets),
            "received_at": datetime.now(UTC).isoformat(),
            "answered": None,
        }
        self.requests.append(row)
        return row


def _response(reply: Reply) -> web.Response:
    is_text = isinstance(reply.body, str)
    text = reply.body if is_text else json.dumps(reply.body)
    headers = dict(reply.headers)
    if not any(name.lower() == "content-type" for name in headers):
        is_plain = is_text and not text.lstrip().startswith(("{", "["))
        headers["Content-Type"] = "text/plain" if is_plain else "application/json"
    return web.Response(status=reply.status, body=text.encode(), headers=headers)
