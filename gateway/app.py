"""The ASGI application: routes, and what becomes of a request on each."""

import asyncio
import ipaddress
import logging
import traceback
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from durable_analytics.messages import JsonObject
from gateway.bodies import read_body, read_object
from gateway.browsers import sdk_settings
from gateway.executions import Executions
from gateway.messages import CALLS, Arrival, read_batch, read_one
from gateway.openapi import document
from gateway.refusals import Refusal, too_large
from gateway.settings import Settings
from gateway.sources import Sender, Senders, key_in

log = logging.getLogger("durable_analytics.gateway")

PREFIXES = ("/v1", "", "/backend/v1")
"""Before a call: Segment's and RudderStack's, a browser's, and journy.io's."""

_LARGE_BYTES = 64 * 1024
"""A body that is read in a thread, so that no other waits for it."""


class _Call(StringConvertor):
    regex = "|".join(sorted(CALLS, key=len, reverse=True))


class _Id(StringConvertor):
    regex = r"[\s\S]*"
    """Of a person: with slashes and line ends, as people's ids may have them."""


register_url_convertor("call", _Call())
register_url_convertor("id", _Id())


def create_app(settings: Settings, executions: Executions) -> Starlette:
    """The application.

    Args:
        settings: The gateway's.
        executions: Where the messages go.
    """
    gateway = _Gateway(settings, executions)
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.gateway.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After", "X-RateLimit-Reset"],
        max_age=24 * 60 * 60,
    )
    app = Starlette(
        routes=[
            *(Route(f"{p}/{{call:call}}", gateway.take, methods=["POST"]) for p in PREFIXES),
            Route("/v1/users/{user_id:id}", gateway.delete, methods=["DELETE"]),
            Route("/v1/projects/{write_key}/settings", gateway.sdk_settings),
            Route("/health", gateway.health),
            Route("/ready", gateway.ready),
            Route("/openapi.json", gateway.openapi),
        ],
        middleware=[cors],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _not_here,
            ClientDisconnect: _gone,
            Exception: _bug,
        },
    )
    app.router.redirect_slashes = False
    return app


class _Gateway:
    """The endpoints."""

    def __init__(self, settings: Settings, executions: Executions) -> None:
        self._senders = Senders(settings.sources)
        self._executions = executions

    async def take(self, request: Request) -> Response:
        """One message, or a list of them: which, and of what type, stands in the path."""
        at = datetime.now(UTC)
        call: str = request.path_params["call"]
        type_ = CALLS[call]
        sender, body = await self._read(request, is_one=type_ is not None)
        # Only browsers use the short forms; behind others there is no person's address.
        arrival = Arrival(at, _address(request) if len(call) == 1 else None)
        if type_:
            await self._executions.one(sender, read_one(type_, body, arrival))
        else:
            most = sender.source.messages_limit
            # In a thread: thousands of messages would keep all others waiting.
            items, context = await asyncio.to_thread(read_batch, body, arrival, most)
            await self._executions.batch(sender, items, context)
        return _answer(200)

    async def delete(self, request: Request) -> Response:
        """A person, by the user id in the path."""
        sender = self._senders.find(key_in(request.headers))
        if not sender.source.allow_delete:
            told = f"this source may not delete: see sources.{sender.name}.allow_delete"
            raise Refusal(403, told)
        sender.rate.take()
        await self._executions.delete(sender, _user_id(request))
        return _answer(200)

    async def sdk_settings(self, request: Request) -> Response:
        """What a browser's SDK starts with."""
        write_key: str = request.path_params["write_key"]
        self._senders.find(write_key)
        return JSONResponse(sdk_settings(write_key, request.url.scheme, request.url.netloc))

    async def health(self, _: Request) -> Response:
        """This process is up."""
        return _answer(200)

    async def ready(self, _: Request) -> Response:
        """Temporal is within reach."""
        await self._executions.ready()
        return _answer(200)

    async def openapi(self, _: Request) -> Response:
        """The description of all this."""
        return JSONResponse(document())

    async def _read(self, request: Request, *, is_one: bool) -> tuple[Sender, JsonObject]:
        """Whose request it is, and its body."""
        if "upgrade" in request.headers:
            told = "an upgrade of the protocol is not possible: send HTTP/1.1 without it"
            raise Refusal(400, told, {"Connection": "close"})
        if key := key_in(request.headers):
            sender = self._senders.find(key)
            sender.rate.take()
            limit_bytes = sender.source.limit_bytes(is_one=is_one)
            return sender, await _object_in(await read_body(request, limit_bytes))
        raw = await read_body(request, self._senders.body_limit_bytes)
        body = await _object_in(raw)
        sender = self._senders.find(body.get("writeKey"))
        sender.rate.take()
        limit_bytes = sender.source.limit_bytes(is_one=is_one)
        if len(raw) > limit_bytes:
            raise too_large("the body", limit_bytes)
        return sender, body


async def _object_in(raw: bytes) -> JsonObject:
    if len(raw) > _LARGE_BYTES:
        return await asyncio.to_thread(read_object, raw)
    return read_object(raw)


def _user_id(request: Request) -> str:
    """Whom the path names: what is not UTF-8 must not be taken for somebody else's id."""
    user_id: str = request.path_params["user_id"]
    try:
        unquote(request.scope["raw_path"].decode(), errors="strict")
    except UnicodeDecodeError:
        raise Refusal(400, "the user id in the path is not UTF-8") from None
    if not user_id.strip():
        raise Refusal(400, "the user id is missing: send DELETE /v1/users/{id}")
    return user_id


def _address(request: Request) -> str | None:
    """The sender's address, where it is one of the internet's: any other says nothing elsewhere."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    return str(address) if address.is_global else None


_SUCCESS = b'{"success":true}'


def _answer(status: int, message: str = "", headers: dict[str, str] | None = None) -> Response:
    """As Segment answers."""
    if not message:
        return Response(_SUCCESS, status, headers, "application/json")
    # RudderStack's SDK fails without a code.
    body = {"success": False, "code": HTTPStatus(status).name.lower(), "message": message}
    return JSONResponse(body, status, headers)


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101  # registered for it alone
    return _answer(refusal.status, refusal.message, refusal.headers)


async def _not_here(request: Request, error: Exception) -> Response:
    """A path or a method that is not here."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it alone
    told = {404: "there is nothing at this path: see /openapi.json"}
    told[405] = f"{request.method} is not for this path: see /openapi.json"
    headers = dict(error.headers or {})
    return _answer(error.status_code, told.get(error.status_code, error.detail), headers)


async def _gone(_: Request, __: Exception) -> Response:
    return _answer(400, "the body ended early")


async def _bug(_: Request, error: Exception) -> Response:
    # Not what it says, which may be a person's data.
    where = traceback.format_tb(error.__traceback__)
    log.error("internal error", extra={"exception": type(error).__name__, "where": where})
    return _answer(500, "a bug of ours; the gateway's log says where")
