"""Reads, decompresses and parses request bodies, within limits of size, time and depth."""

import asyncio
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any, ParamSpec, TypeVar

from pydantic_core import from_json
from starlette.requests import Request

from durable_analytics.wire.json_reader import Unreadable, read_parts
from gateway.errors import RequestError, too_large

BODY_TIMEOUT_SECONDS = 10.0
"""The time in which a body must arrive; SDKs wait as long for a response."""

IS_COMPLETE = "durable_analytics.is_complete"
"""A key of the ASGI scope: whether the whole body has arrived, so that no time limit is needed."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_RAW_DEFLATE = -zlib.MAX_WBITS
"""The `wbits` of zlib for each format."""

_CHUNK_BYTES = 4096
"""How many compressed bytes are passed to zlib at once. At the end of each gzip member, zlib copies
the rest of the chunk: with large chunks and many members, this would take quadratic time."""

_MAX_GZIP_MEMBERS = 1000
"""The limit of members in one body; no SDK sends as many."""

_INLINE_LIMIT_BYTES = 16 * 1024
"""To process a body of this size blocks the event loop for a few milliseconds at most."""

_FAST_PARSER_LIMIT_BYTES = 64 * 1024
"""To parse a body of this size with the fast parser blocks the event loop for about 1 ms."""

_DECOMPRESSION_COST = 8
"""A compressed body takes this many times the work of an uncompressed one of the same size."""

_EXAMPLE = 'one JSON object, like {"userId": "u-1", …}'

T = TypeVar("T")
P = ParamSpec("P")


async def run_sized(
    size: int, function: Callable[P, T], /, *args: P.args, **options: P.kwargs
) -> T:
    """Call a function. If its input is large, call it in a thread, not to block the event loop.

    Args:
        size: The size of its input, in bytes.
        function: The function.
        args: Its arguments.
        options: Its keyword arguments.
    """
    if size > _INLINE_LIMIT_BYTES:
        return await asyncio.to_thread(function, *args, **options)
    return function(*args, **options)


def check_size(size: int, limit_bytes: int) -> None:
    """Check the size of a body, in bytes.

    Raises:
        RequestError: 413, the size exceeds the limit.
    """
    if size > limit_bytes:
        raise too_large("the body", limit_bytes)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read and decompress a body.

    Args:
        request: The request.
        limit_bytes: The limit for the body, both compressed and decompressed.

    Raises:
        RequestError: 413, the body is too large; 408, it arrives too slowly; 400, the connection
            closes before its end; or an error of `decompress`.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal():
        check_size(int(declared), limit_bytes)
    body = bytearray()
    is_complete = request.scope.get(IS_COMPLETE, False)
    try:
        async with nullcontext() if is_complete else asyncio.timeout(BODY_TIMEOUT_SECONDS):
            more_body = True
            while more_body:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(400, "the connection closed before the end of the body")
                body += message["body"]
                check_size(len(body), limit_bytes)
                more_body = message["more_body"]
    except TimeoutError:
        reason = f"the body did not arrive within {BODY_TIMEOUT_SECONDS:.0f} seconds"
        raise RequestError(408, reason, {"Connection": "close"}) from None
    encodings = request.headers.getlist("content-encoding")
    cost = _DECOMPRESSION_COST * len(body) if encodings else 0
    return await run_sized(cost, decompress, bytes(body), encodings, limit_bytes)


def decompress(body: bytes, encodings: list[str], limit_bytes: int) -> bytes:
    """Decompress a body.

    Args:
        body: The body as it arrived.
        encodings: The values of its `Content-Encoding` headers.
        limit_bytes: The limit for the decompressed size.

    Raises:
        RequestError: 415, the encoding is not supported; 400, the data is invalid; 413, the limit
            is exceeded.
    """
    encoding = ",".join(encodings).strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        reason = "the content encoding is not supported: send gzip, deflate, or no encoding"
        raise RequestError(415, reason, {"Accept-Encoding": "gzip, deflate"})
    formats = [_GZIP_OR_ZLIB]
    if encoding == "deflate":
        # Some clients leave out the zlib header that HTTP requires.
        formats.append(_RAW_DEFLATE)
    for window_bits in formats:
        try:
            content = _decompress_members(body, window_bits, limit_bytes)
        except zlib.error:
            continue
        if content is not None:
            return content
        if window_bits == _GZIP_OR_ZLIB:
            raise RequestError(400, f"the body must be complete {encoding} data")
    raise RequestError(
        400, f"the body is not {encoding}, though the Content-Encoding header says so"
    )


def _decompress_members(body: bytes, window_bits: int, limit_bytes: int) -> bytes | None:
    """Decompress all members of a body: a gzip file may consist of several.

    Args:
        body: The compressed body.
        window_bits: The format, as `wbits` of zlib.
        limit_bytes: The limit for the decompressed size.

    Returns:
        The content; None if the data is incomplete, has bytes after its end, or has too many
        members.

    Raises:
        RequestError: 413, the limit is exceeded.
        zlib.error: The data is not in this format.
    """
    content = bytearray()
    decompressor = zlib.decompressobj(window_bits)
    members = 1
    for start in range(0, len(body), _CHUNK_BYTES):
        chunk = body[start : start + _CHUNK_BYTES]
        while chunk:
            if decompressor.eof:
                members += 1
                decompressor = zlib.decompressobj(window_bits)
            try:
                content += decompressor.decompress(chunk, limit_bytes + 1 - len(content))
            except zlib.error:
                if members > 1:
                    return None
                raise
            if len(content) > limit_bytes:
                raise too_large("the decompressed body", limit_bytes)
            chunk = decompressor.unused_data
            if members == _MAX_GZIP_MEMBERS:
                return None
    return bytes(content) if decompressor.eof else None


async def parse_object(body: bytes, list_key: str = "") -> dict[str, Any]:
    """Do the same as `parse_object_inline`, but in a thread if the body takes long to parse."""
    if len(body) <= _FAST_PARSER_LIMIT_BYTES:
        with suppress(ValueError):
            return _check_object(_parse_fast(body))
    return await asyncio.to_thread(parse_object_inline, body, list_key)


def parse_object_inline(body: bytes, list_key: str = "") -> dict[str, Any]:
    """Parse a JSON object.

    An unpaired surrogate, which JavaScript produces when it cuts a string, becomes U+FFFD, as at
    Segment. Any other value that the fast parser rejects is replaced by an `Unreadable`.

    Args:
        body: The decompressed body.
        list_key: The key of a list whose items are parsed one by one, so that an invalid item does
            not affect the others; empty for none.

    Raises:
        RequestError: 400, the body is empty, is not JSON in UTF-8, or is not an object.
    """
    try:
        value = _parse_fast(body)
    except ValueError:
        content = body.removeprefix(BOM_UTF8)
        if not content.strip():
            raise RequestError(400, f"the body is empty: send {_EXAMPLE}") from None
        try:
            value = read_parts(content, list_key)
        except ValueError:
            raise RequestError(400, "the body is not valid JSON in UTF-8") from None
    return _check_object(value)


def _parse_fast(body: bytes) -> Any:
    return from_json(body.removeprefix(BOM_UTF8), allow_inf_nan=False, cache_strings="keys")


def _check_object(value: Any) -> dict[str, Any]:
    if isinstance(value, Unreadable):
        raise RequestError(400, f"the body {value.problem.message}")
    if not isinstance(value, dict):
        raise RequestError(400, f"the body must be {_EXAMPLE}")
    return value
