"""The endpoints: what the gateway does for a request on each route."""

import ipaddress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from gateway.bodies import check_size, parse_object, parse_object_inline, read_body, run_sized
from gateway.errors import RequestError
from gateway.executions import Executions
from gateway.metrics import note_messages, note_method, note_source
from gateway.openapi import document
from gateway.partition import read_parts_of_batch
from gateway.pixel import PIXEL, decode_data
from gateway.responses import SUCCESS
from gateway.routes import MessageRoute
from gateway.sdk_settings import rudderstack_source_config, segment_settings
from gateway.settings import Settings
from gateway.sources import Source, Sources, key_from_headers
from gateway.translation import Arrival, read_single

_MESSAGE_COST = 512
"""The least work that a message of a list counts as for `run_sized`, in bytes of a body."""


class Endpoints:
    """One method for each endpoint.

    Args:
        settings: The settings of the gateway.
        executions: Starts the workflow executions.
    """

    def __init__(self, settings: Settings, executions: Executions) -> None:
        self._sources = Sources(settings.sources)
        self._executions = executions

    async def messages(self, route: MessageRoute, request: Request) -> Response:
        """Accept a single message, or a list of messages."""
        address = _client_address(request) if route.is_for_browsers else None
        arrival = Arrival(datetime.now(UTC), address)
        note_method(request.scope, route.message_type or BATCH.key)
        source, body, size = await self._read(request, is_single=route.message_type is not None)
        if route.message_type:
            message = await run_sized(size, read_single, route.message_type, body, arrival)
            await self._executions.start_single(source, message)
        else:
            messages = body.get("batch")
            count = len(messages) if isinstance(messages, list) else 0
            note_messages(request.scope, max(count, 1))
            cost = max(size, _MESSAGE_COST * count)
            parts = await run_sized(cost, read_parts_of_batch, body, arrival, source)
            await self._executions.start_batch(source, parts)
        return SUCCESS

    async def pixel(self, request: Request) -> Response:
        """Accept a single message in the query of an image's URL."""
        if request.method == "GET":  # HEAD asks for the size of the image only.
            note_method(request.scope, request.path_params["type"])
            raw = decode_data(request.query_params)
            body = parse_object_inline(raw)
            key = key_from_headers(request.headers) or body.get("writeKey") or body.get("write_key")
            source = self._admit(request, key or _key_from_query(request))
            check_size(len(raw), source.settings.message_limit_bytes)
            arrival = Arrival(datetime.now(UTC))
            type_: str = request.path_params["type"]
            message = await run_sized(len(raw), read_single, type_, body, arrival)
            await self._executions.start_single(source, message)
        return Response(PIXEL, 200, {"Cache-Control": "no-store"}, "image/gif")

    async def delete(self, request: Request) -> Response:
        """Delete the person whose user id is in the path."""
        note_method(request.scope, "delete")
        source = self._sources.find(key_from_headers(request.headers))
        note_source(request.scope, source)
        if not source.settings.allow_delete:
            reason = (
                f"deletes are not allowed: set sources.{source.name}.allow_delete to allow them"
            )
            raise RequestError(403, reason)
        source.rate_limit.take()
        await self._executions.delete(source, _user_id(request))
        return SUCCESS

    async def sdk_settings(self, request: Request) -> Response:
        """Return the configuration of Segment's browser SDK."""
        write_key: str = request.path_params["write_key"]
        self._sources.find(write_key)
        return JSONResponse(segment_settings(write_key, request.url.scheme, request.url.netloc))

    async def source_config(self, request: Request) -> Response:
        """Return the configuration of RudderStack's SDKs."""
        write_key = key_from_headers(request.headers) or _key_from_query(request)
        source = self._sources.find(write_key)
        return JSONResponse(rudderstack_source_config(source.name, write_key or ""))

    async def health(self, _: Request) -> Response:
        """Report that this process is running."""
        return SUCCESS

    async def ready(self, _: Request) -> Response:
        """Report whether Temporal accepts messages."""
        await self._executions.check_ready()
        return SUCCESS

    async def openapi(self, _: Request) -> Response:
        """Return the OpenAPI document."""
        return JSONResponse(document())

    async def _read(self, request: Request, *, is_single: bool) -> tuple[Source, JsonObject, int]:
        """Return the source of a request, its body, and the size of the body in bytes.

        A write key in the headers is checked before the body is read.
        """
        source = None
        limit_bytes = self._sources.body_limit_bytes
        if key := key_from_headers(request.headers):
            source = self._admit(request, key)
            limit_bytes = source.settings.limit_bytes(is_single=is_single)
        raw = await read_body(request, limit_bytes)
        body = await parse_object(raw, "" if is_single else "batch")
        if source is None:
            source = self._admit(request, body.get("writeKey") or _key_from_query(request))
            check_size(len(raw), source.settings.limit_bytes(is_single=is_single))
        return source, body, len(raw)

    def _admit(self, request: Request, write_key: Any) -> Source:
        """Find the source with this write key, and count the request against its rate limit.

        Raises:
            RequestError: No source has this key, or the source has sent too many requests.
        """
        source = self._sources.find(write_key)
        note_source(request.scope, source)
        source.rate_limit.take()
        return source


def _key_from_query(request: Request) -> str | None:
    return request.query_params.get("writeKey")


def _user_id(request: Request) -> str:
    """The user id in the path; invalid UTF-8 is rejected: it could match another person's id."""
    user_id: str = request.path_params["user_id"]
    try:
        unquote(request.scope["raw_path"].decode(), errors="strict")
    except UnicodeDecodeError:
        raise RequestError(400, "the user id in the path is not UTF-8") from None
    if not user_id.strip():
        raise RequestError(400, "the user id is missing: send DELETE /v1/users/{id}")
    return user_id


def _client_address(request: Request) -> str | None:
    """The client's IP address; None unless it is a public address."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return None
    return str(address) if address.is_global else None
