"""What uvicorn would read for ever is read for ten seconds, or to 64 KiB."""

import asyncio
import re

import pytest

from tests.gateway.processes import Gateway
from tests.gateway.test_bad_http import BASIC, LENGTH, post

_CHUNKED = b"Transfer-Encoding: chunked"

_REFUSED = b"Authorization: Bearer unknown"
_KEPT = post(_REFUSED, LENGTH)
"""A request whose connection stays open, and of which nothing arrives anywhere."""


async def _until_closed(gateway: Gateway, begin: bytes, then: bytes) -> bytes:
    """Send this, and that again and again until the connection is closed; returns the answer."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(60):
            writer.write(begin)
            while not answer.done():
                writer.write(then)
                await writer.drain()
                await asyncio.wait([answer], timeout=0.001)
    except ConnectionError:
        pass
    finally:
        writer.close()
    try:
        return await answer
    except ConnectionError:
        return b""


@pytest.mark.parametrize("key", [BASIC, _REFUSED])
async def test_trailers_without_end(gateway: Gateway, key: bytes) -> None:
    """They are a part of no body, and would be kept in memory."""
    trailer = b"a: " + 1000 * b"b" + b"\r\n"

    await _until_closed(gateway, post(key, _CHUNKED, body=b"0\r\n"), trailer)


async def test_a_body_that_goes_on_after_the_answer(gateway: Gateway) -> None:
    """Its sender hears what is wrong, and has ten seconds to end it."""
    begin = post(_REFUSED, _CHUNKED, body=b"")

    answer = await _until_closed(gateway, begin, b"3e8\r\n%b\r\n" % (1000 * b"x"))

    assert answer.startswith(b"HTTP/1.1 401 ") or not answer  # lost where it is reset


async def test_blank_lines_without_end(gateway: Gateway) -> None:
    """They are no request."""
    await _until_closed(gateway, _KEPT, b"\r\n")


async def test_requests_after_each_other(gateway: Gateway) -> None:
    """However they are cut, each has its answer, on one connection."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = 3 * _KEPT
    middle = len(requests) // 2
    async with asyncio.timeout(30):
        for piece in (requests[:middle], requests[middle:], requests):
            writer.write(piece)
            await writer.drain()
        for _ in range(6):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 401 ")
            (length,) = re.findall(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length))
    writer.close()


async def test_an_upgrade(gateway: Gateway) -> None:
    """Refused: what follows such headers is no body any more."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(_REFUSED, LENGTH, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"))
    async with asyncio.timeout(30):
        answer = await reader.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"send HTTP/1.1 without it" in answer
