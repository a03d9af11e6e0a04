"""A response as it was received: its status, the headers that are kept, and the encoded body."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from durable_analytics.errors import Unavailable

KEPT_HEADERS = (
    "content-type",
    "retry-after",
    "ratelimit-reset",
    "webhook-delivery",
    "x-rate-limit-reset",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)
"""The response headers that are kept, in lower case."""

_WANTED = {name.encode(): name for name in (*KEPT_HEADERS, "content-encoding")}

_MOST_CHUNKS = 4096
"""The most chunks of a body that are read, because each chunk has a cost besides its bytes."""

_CHUNKS_AT_ONCE = 64
"""Chunks after which other tasks run: one read may return hundreds."""


@dataclass(frozen=True, slots=True)
class Received:
    """A response as it was received, as far as it was read."""

    status_code: int
    headers: Mapping[str, str]
    """The received headers of `KEPT_HEADERS`, and `content-encoding`."""

    body: bytes
    """Still encoded."""

    is_whole: bool
    """Whether the body was read to its end."""

    failure: Unavailable | None = None
    """Why the body ended early: the connection was cut, or the timeout expired."""


class Reader:
    """Reads the body of a response. It has what was read, even if reading failed.

    Args:
        response: The response; its status and headers are complete.
        limit: Bytes of the body that are read; the rest is not read.
    """

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._response = response
        self._limit = limit
        self._body = bytearray()
        self._is_whole = False

    async def read(self) -> None:
        """Read the body to its end or to the limit."""
        # Not `aiter_raw`, which treats a response from memory, as in tests, as consumed.
        stream = self._response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101  # for mypy
        chunks = 0
        async for chunk in stream:
            self._body += chunk
            chunks += 1
            if chunks % _CHUNKS_AT_ONCE == 0:
                await asyncio.sleep(0)
            if len(self._body) > self._limit or chunks > _MOST_CHUNKS:
                return
        self._is_whole = True

    def received(self, failure: Unavailable | None = None) -> Received:
        """Return what was read.

        Args:
            failure: Why reading failed.
        """
        return Received(
            self._response.status_code,
            _headers(self._response.headers.raw),
            bytes(self._body[: self._limit]),
            self._is_whole and failure is None,
            failure,
        )


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for key, value in raw:
        if name := _WANTED.get(key.lower()):
            values.setdefault(name, []).append(_text(value))
    return {name: ", ".join(values[name]) for name in _WANTED.values() if name in values}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
