"""From the body of a request to JSON: bounded in size, time and depth, whatever is sent."""

import asyncio
import json
import zlib
from codecs import BOM_UTF8
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from gateway.refusals import Refusal, too_large

_PATIENCE_SECONDS = 10.0
"""For a body to arrive; SDKs themselves wait as long for an answer."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a body, and unpack it.

    Args:
        request: The request.
        limit_bytes: Of the body, packed and unpacked.

    Raises:
        Refusal: It is too large, too slow, or not packed as it says.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise too_large("the body", limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit_bytes:
                    raise too_large("the body", limit_bytes)
    except TimeoutError:
        told = f"the body did not arrive within {_PATIENCE_SECONDS:.0f} seconds"
        raise Refusal(408, told, {"Connection": "close"}) from None
    return _unpacked(bytes(body), request.headers.getlist("content-encoding"), limit_bytes)


def _unpacked(body: bytes, encodings: list[str], limit_bytes: int) -> bytes:
    encoding = ",".join(encodings).strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        told = "the content encoding is unknown: send gzip, deflate, or the body as it is"
        raise Refusal(415, told, {"Accept-Encoding": "gzip, deflate"})
    unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        unpacked = unpacking.decompress(body, limit_bytes + 1)
    except zlib.error:
        raise Refusal(400, f"the body is not {encoding}, as its header says") from None
    if len(unpacked) > limit_bytes:
        raise too_large("the unpacked body", limit_bytes)
    if not unpacking.eof or unpacking.unused_data:
        raise Refusal(400, f"the body is not one whole piece of {encoding}")
    return unpacked


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object, whatever the content type says.

    Half of a surrogate pair, as JavaScript leaves behind where it cuts a text, becomes U+FFFD, as
    Segment has it.

    Raises:
        Refusal: It is not JSON in UTF-8, nested too deeply, or no object.
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        value = _read_tolerantly(body)
    if not isinstance(value, dict):
        raise Refusal(400, 'the body must be one JSON object, like {"userId": "u-1", …}')
    return value


def _read_tolerantly(body: bytes) -> Any:
    """What `from_json` refuses: mostly with reason, but for lone surrogates."""
    if b"\\ud" not in body.lower():
        raise _not_json()
    try:
        value = json.loads(body.decode(), parse_constant=_refuse)
        mended = json.dumps(value, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
        return from_json(mended.decode("utf-16-le", "replace"), allow_inf_nan=False)
    except (ValueError, RecursionError):
        raise _not_json() from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _not_json() -> Refusal:
    return Refusal(400, "the body is not valid JSON in UTF-8, or nested deeper than 200 levels")
