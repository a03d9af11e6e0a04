"""Limits on what a client may send outside a body."""

import asyncio
import re

import pytest

from tests.support.gateway_process import Gateway
from tests.support.raw_http import BASIC, LENGTH, post

_CHUNKED = b"Transfer-Encoding: chunked"

_REFUSED = b"Authorization: Bearer unknown"
_KEPT = post(_REFUSED, LENGTH)
"""A rejected request that keeps its connection open."""


async def _until_closed(gateway: Gateway, begin: bytes, then: bytes) -> bytes:
    """Send `begin`, then `then` until the connection is closed; return the response."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    response = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(60):
            writer.write(begin)
            while not response.done():
                writer.write(then)
                await writer.drain()
                await asyncio.wait([response], timeout=0.001)
    except ConnectionError:
        pass
    finally:
        writer.close()
    try:
        return await response
    except ConnectionError:
        return b""


@pytest.mark.parametrize("key", [BASIC, _REFUSED])
async def test_endless_trailers_close_the_connection(gateway: Gateway, key: bytes) -> None:
    """Uvicorn would keep them in memory."""
    trailer = b"a: " + 1000 * b"b" + b"\r\n"

    await _until_closed(gateway, post(key, _CHUNKED, body=b"0\r\n"), trailer)


async def test_endless_body_after_the_response_closes_the_connection(
    impatient_gateway: Gateway,
) -> None:
    """The client can read the response, and has until the timeout to end its request."""
    begin = post(_REFUSED, _CHUNKED, body=b"")

    response = await _until_closed(impatient_gateway, begin, b"3e8\r\n%b\r\n" % (1000 * b"x"))

    assert response.startswith(b"HTTP/1.1 401 ") or not response  # lost where it is reset


async def test_endless_blank_lines_close_the_connection(impatient_gateway: Gateway) -> None:
    """They do not begin a request."""
    await _until_closed(impatient_gateway, _KEPT, b"\r\n")


async def test_pipelined_requests_each_get_a_response(gateway: Gateway) -> None:
    """On one connection, wherever the data is split."""
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


async def test_protocol_upgrade_is_rejected(gateway: Gateway) -> None:
    """The data after such headers is not a body."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post(_REFUSED, LENGTH, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"))
    async with asyncio.timeout(30):
        response = await reader.read()
    writer.close()

    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"send HTTP/1.1 without an Upgrade" in response
