"""A stand-in for the providers: checks credentials, records, and answers as they would, or as told.

One process serves every integration, each under a path of its own. It needs the extra
`durable-analytics[testing]`. `python -m durable_analytics.testing` runs it by itself.
"""

import argparse
import asyncio
import base64
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import web

from durable_analytics.messages import JsonObject

_LARGEST_BODY_BYTES = 64 * 1024 * 1024
_MASK = "****"


@dataclass(frozen=True, slots=True)
class Received:
    """A request, as a vendor sees it."""

    method: str
    path: str
    """Below the integration's base URL, as it came: "a%2Fb" is one step."""

    headers: Mapping[str, str]
    """By lower-case name."""

    body: Any
    """Parsed where it is JSON, else text."""

    seen: set[str] = field(default_factory=set)
    """What this vendor remembers of earlier requests, like idempotency keys."""

    def basic_user(self) -> str | None:
        """The user name of Basic authentication."""
        scheme, _, encoded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(encoded).decode().partition(":")[0]
        except ValueError:
            return None

    def key_in_body(self, name: str) -> Any:
        """A credential that the body carries."""
        return self.body.get(name) if isinstance(self.body, dict) else None


Reply = tuple[int, Any]
"""The status, and the body: JSON, or text as it is."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """How one vendor behaves.

    Args:
        credentials: By name; sent ones are compared with them.
        authorizes: Whether a request carries them.
        refuses: The answer to one that does not.
        answers: The answer to one that does.
    """

    credentials: Mapping[str, str]
    authorizes: Callable[[Received, Mapping[str, str]], bool]
    refuses: Reply
    answers: Callable[[Received], Reply]


def _segment_authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    if request.path.startswith("/regulations"):
        token = credentials["public_api_token"]
        return request.headers.get("authorization") == f"Bearer {token}"
    return credentials["write_key"] in (request.basic_user(), request.key_in_body("writeKey"))


def _segment_answers(request: Received) -> Reply:
    if request.path.startswith("/regulations"):
        return 200, {"data": {"regulateId": "reg_stand_in"}}
    limit = 500 * 1024 if request.path.startswith("/v1/batch") else 32 * 1024
    if request.method == "POST" and not isinstance(request.body, dict):
        return 400, {"success": False, "message": "malformed JSON"}
    if len(json.dumps(request.body, ensure_ascii=False, separators=(",", ":")).encode()) > limit:
        return 400, {"success": False, "message": "payload too large"}
    return 200, {"success": True}


def _write_key_authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    return credentials["write_key"] in (request.basic_user(), request.key_in_body("writeKey"))


def _trakio_authorizes(request: Received, credentials: Mapping[str, str]) -> bool:
    names = ("x-trakio-token", "x-token")
    sent = [request.key_in_body("token"), *(request.headers.get(name) for name in names)]
    return credentials["token"] in sent


def _trophy_answers(request: Received) -> Reply:
    steps = request.path.strip("/").split("/")
    body = request.body if isinstance(request.body, dict) else {}
    if steps[0] == "metrics" and request.method == "POST":
        user = body.get("user")
        key = request.headers.get("idempotency-key")
        replay = f"{steps[1:2]} {user.get('id') if isinstance(user, dict) else None} {key}"
        is_replay = key is not None and replay in request.seen
        request.seen.add(replay)
        event = {"idempotencyKey": key, "idempotentReplayed": is_replay}
        return (202 if is_replay else 201), {**_TROPHY_EVENT, **event}
    if steps[0] == "users":
        is_new = request.method == "POST"
        user_id = body.get("id") if is_new else unquote("/".join(steps[1:]))
        return (201 if is_new else 200), {**_TROPHY_USER, **body, "id": user_id}
    return 200, {}


_TROPHY_EVENT: JsonObject = {
    "eventId": "stand-in",
    "metricId": "stand-in",
    "total": 0,
    "achievements": [],
    "currentStreak": {"length": 0, "frequency": "daily", "extended": False},
    "points": {},
    "leaderboards": {},
}
_TROPHY_USER: JsonObject = {
    "subscribeToEmails": False,
    "attributes": {},
    "control": False,
    "created": "2026-01-01T00:00:00.000Z",
    "updated": "2026-01-01T00:00:00.000Z",
}
"""As much as Trophy's own clients need to read an answer."""


VENDORS: Mapping[str, Vendor] = {
    "segment": Vendor(
        {"write_key": "segment-write-key", "public_api_token": "segment-public-api-token"},
        _segment_authorizes,
        (401, {"success": False, "message": "invalid credentials"}),
        _segment_answers,
    ),
    "journy": Vendor(
        {"write_key": "journy-write-key"},
        _write_key_authorizes,
        (401, {"success": False, "message": "invalid credentials"}),
        lambda _: (200, {"success": True}),
    ),
    "rudderstack": Vendor(
        {"write_key": "rudderstack-write-key"},
        _write_key_authorizes,
        (401, "Invalid Write Key"),
        lambda _: (200, "OK"),
    ),
    "trakio": Vendor(
        {"token": "trakio-token"},
        _trakio_authorizes,
        (401, {"status": "error", "code": 401, "exception": "TrakioAPI::Exceptions::Unauthorized"}),
        lambda _: (200, {"status": "success"}),
    ),
    "trophy": Vendor(
        {"api_key": "trophy-api-key"},
        lambda request, credentials: request.headers.get("x-api-key") == credentials["api_key"],
        (401, {"error": "Invalid API key"}),
        _trophy_answers,
    ),
}
"""Our providers; an endpoint that a vendor is not known to have answers as a success."""


class StandIn:
    """The HTTP server, as an async context manager.

    >>> async with StandIn() as standin:
    ...     standin.script("segment", {"status": 429, "headers": {"Retry-After": "3"}})
    ...     ...  # deliver to standin.base_url("segment")
    ...     standin.requests

    Args:
        vendors: How each integration behaves, by the integration's name.
        host: The address to listen on.
        port: 0 picks a free one.
    """

    def __init__(
        self,
        vendors: Mapping[str, Vendor] = VENDORS,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.vendors = vendors
        self.requests: list[JsonObject] = []
        """What came in, oldest first: the rows of `GET /requests`."""
        self._host = host
        self._port = port
        self._scripts: dict[str, deque[JsonObject]] = {}
        self._seen: dict[str, set[str]] = {}
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    def base_url(self, integration: str) -> str:
        """The base URL of an integration."""
        return f"http://{self._host}:{self._port}/{integration}"

    def script(self, integration: str, *answers: JsonObject) -> None:
        """Decide the next answers: `{"status", "headers", "body", "delay", "drop"}`, all optional.

        Args:
            integration: Whose requests get them.
            answers: In order; without a status, the vendor's own answer comes after the delay.

        Raises:
            KeyError: No such integration.
        """
        self.vendors[integration]
        self._scripts.setdefault(integration, deque()).extend(answers)

    def clear(self) -> None:
        """Forget the requests and any script."""
        self.requests.clear()
        self._scripts.clear()
        self._seen.clear()

    async def wait_for(self, count: int, seconds: float = 30.0) -> list[JsonObject]:
        """Wait until so many requests have come in, and return them.

        Raises:
            TimeoutError: They have not, in time.
        """
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def __aenter__(self) -> Self:
        """Start to listen."""
        app = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        app.router.add_get("/requests", self._show)
        app.router.add_delete("/requests", self._forget)
        app.router.add_post("/script", self._take_script)
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
            known = ", ".join(sorted(self.vendors))
            told = f'send {{"integration": one of {known}, "answers": [{{"status": 500}}, …]}}'
            return web.json_response({"error": told}, status=400)
        return web.Response(status=204)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["integration"]
        if name not in self.vendors:
            return web.json_response({"error": f"no integration {name}"}, status=404)
        received = Received(
            request.method,
            request.rel_url.raw_path.removeprefix(f"/{name}"),
            {key.lower(): value for key, value in request.headers.items()},
            _parsed((await request.read()).decode(errors="replace")),
            self._seen.setdefault(name, set()),
        )
        row = self._record(name, received, request)
        queue = self._scripts.get(name)
        answer = queue.popleft() if queue else {}
        async with self._arrived:
            self._arrived.notify_all()
        await asyncio.sleep(answer.get("delay", 0))
        if answer.get("drop"):
            if request.transport:
                request.transport.abort()
            raise asyncio.CancelledError
        status, body = self._reply(name, received)
        if "status" in answer:
            status, body = answer["status"], answer.get("body", "")
        row["answered"] = status
        return _response(status, body, answer.get("headers", {}))

    def _reply(self, name: str, received: Received) -> Reply:
        vendor = self.vendors[name]
        if not vendor.authorizes(received, vendor.credentials):
            return vendor.refuses
        return vendor.answers(received)

    def _record(self, name: str, received: Received, request: web.Request) -> JsonObject:
        secrets = set(self.vendors[name].credentials.values())
        row = {
            "integration": name,
            "method": received.method,
            "path": received.path,
            "query": _masked(_query(request), secrets),
            "headers": {k: _masked_header(k, v) for k, v in received.headers.items()},
            "body": _masked(received.body, secrets),
            "received_at": datetime.now(UTC).isoformat(),
            "answered": None,
        }
        self.requests.append(row)
        return row


def _query(request: web.Request) -> JsonObject:
    """A name that comes more than once has a list."""
    several = {name: request.query.getall(name) for name in request.query}
    return {name: values if len(values) > 1 else values[0] for name, values in several.items()}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _masked_header(name: str, value: str) -> str:
    if name == "authorization":
        return f"{value.partition(' ')[0]} {_MASK}"
    return _MASK if name in ("x-trakio-token", "x-token", "x-api-key", "cookie") else value


def _masked(body: Any, secrets: set[str]) -> Any:
    if isinstance(body, dict):
        return {key: _masked(value, secrets) for key, value in body.items()}
    if isinstance(body, list):
        return [_masked(item, secrets) for item in body]
    return _MASK if isinstance(body, str) and body in secrets else body


def _response(status: int, body: Any, headers: Mapping[str, str]) -> web.Response:
    is_text = isinstance(body, str)
    text = body if is_text else json.dumps(body)
    if any(name.lower() == "content-type" for name in headers):
        return web.Response(status=status, body=text.encode(), headers=headers)
    kind = (
        "text/plain" if is_text and not text.lstrip().startswith(("{", "[")) else "application/json"
    )
    return web.Response(
        status=status, body=text.encode(), headers={**headers, "Content-Type": kind}
    )


async def serve(host: str, port: int) -> None:
    """Run the stand-in until it is ended."""
    async with StandIn(host=host, port=port) as standin:
        addresses = ", ".join(standin.base_url(name) for name in standin.vendors)
        print(f"provider stand-in: {addresses}", flush=True)  # noqa: T201  # for a person
        await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="A stand-in for the analytics providers.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.host, arguments.port))


if __name__ == "__main__":
    main()
