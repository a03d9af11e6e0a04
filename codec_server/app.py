"""The ASGI application: Temporal's remote codec protocol, `POST /decode` and `POST /encode`."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from pydantic_core import from_json
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from codec_server.authorization import Authorization
from codec_server.settings import Settings
from durable_analytics.temporal.codecs import data_converter, leave_unreadable
from durable_analytics.temporal.encryption import ENCODING, named_key
from runtime.request_error import RequestError

log = logging.getLogger("durable_analytics.codec_server")

_BODY_LIMIT_BYTES = 32 * 1024 * 1024
"""The largest body. Temporal returns at most 4 MiB of payloads at once, a third more as base64."""

_MOST_PAYLOADS = 10_000
"""The most payloads of a body: more than Temporal returns at once, and parsed within a second."""

_Work = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


def create_app(settings: Settings) -> Starlette:
    """Create the application.

    Args:
        settings: The settings of the codec server.
    """
    own = settings.codec_server
    converter = data_converter(
        compress=settings.compress_payloads, encryption_keys=settings.payload_keys
    )
    codec = leave_unreadable(converter).payload_codec
    assert codec  # noqa: S101  # it has those for compression and encryption
    endpoints = Endpoints(codec, Authorization(own))
    cors = Middleware(
        CORSMiddleware,
        allow_origins=own.cors_origins,
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "x-namespace"],
        allow_credentials=True,  # the UI can be set to send them; no cookie is read here
        max_age=24 * 60 * 60,
    )
    routes = [
        Route("/decode", endpoints.decode, methods=["POST"]),
        Route("/encode", endpoints.encode, methods=["POST"]),
        Route("/health", endpoints.health),
    ]
    return Starlette(routes=routes, middleware=[cors])


class Endpoints:
    """The endpoints.

    Args:
        codec: Decodes and encodes payloads.
        authorization: Checks who sends a request.
    """

    def __init__(self, codec: PayloadCodec, authorization: Authorization) -> None:
        self._codec = codec
        self._authorization = authorization

    async def decode(self, request: Request) -> Response:
        """Decode payloads; what cannot be decoded is returned as it is."""
        return await self._respond(request, self._decoded)

    async def encode(self, request: Request) -> Response:
        """Encode payloads, as the UI needs it to start an execution or to send a signal."""
        return await self._respond(request, self._codec.encode)

    async def health(self, _: Request) -> Response:
        """Respond with 200, which shows that the process runs."""
        return JSONResponse({"status": "ok"})

    async def _respond(self, request: Request, work: _Work) -> Response:
        try:
            await self._authorization.check(
                request.headers.get("authorization", ""), request.headers.get("x-namespace", "")
            )
            # In a thread: a large body must not delay other requests.
            payloads = await asyncio.to_thread(_read, await _body(request))
        except RequestError as error:
            return JSONResponse({"message": error.message}, error.status)
        worked = Payloads(payloads=await work(payloads.payloads))
        content = await asyncio.to_thread(MessageToJson, worked, indent=None)
        return Response(content, media_type="application/json")

    async def _decoded(self, payloads: Sequence[Payload]) -> list[Payload]:
        decoded = await self._codec.decode(payloads)
        missing = {
            named_key(one) for one in decoded if one.metadata.get("encoding", b"") == ENCODING
        }
        if missing:
            log.warning("payload not readable", extra={"keys": sorted(missing)})
        return decoded


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            raise RequestError(413, f"the body is larger than {_BODY_LIMIT_BYTES} bytes")
    return bytes(body)


def _read(body: bytes) -> Payloads:
    try:
        data = from_json(body)
        if not isinstance(data, dict):
            raise ParseError("not an object")
        listed = data.get("payloads")
        if isinstance(listed, list) and len(listed) > _MOST_PAYLOADS:
            raise RequestError(413, f"the body has more than {_MOST_PAYLOADS} payloads")
        return ParseDict(data, Payloads())
    except (ParseError, ValueError):
        raise RequestError(
            400, 'the body must be {"payloads": […]}, as Temporal sends it'
        ) from None
