"""A client cannot fill the gateway's memory with what it sends outside a body."""

import asyncio
import re

import pytest

from tests.support.gateway_process import Gateway
from tests.support.raw_http import BASIC, LENGTH, post

_CHUNKED = b"Transfer-Encoding: chunked"

_UNKNOWN_KEY = b"Authorization: Bearer unknown"
_REJECTED_REQUEST = post(_UNKNOWN_KEY, LENGTH)
"""A request that gets the response 401, and whose connection stays open."""


async def _send_until_closed(gateway: Gateway, request: bytes, repeated: bytes) -> bytes:
    """Send a request, then the same data until the connection is closed; return the response."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    response = asyncio.create_task(reader.read())
    try:
        async with asyncio.timeout(60):
            writer.write(request)
            while not response.done():
                writer.write(repeated)
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


@pytest.mark.parametrize("key", [BASIC, _UNKNOWN_KEY])
async def test_endless_trailers_close_the_connection(gateway: Gateway, key: bytes) -> None:
    """Uvicorn itself would store the trailers in memory without a limit."""
    trailer = b"a: " + 1000 * b"b" + b"\r\n"

    await _send_until_closed(gateway, post(key, _CHUNKED, body=b"0\r\n"), trailer)


async def test_endless_body_after_the_response_closes_the_connection(
    impatient_gateway: Gateway,
) -> None:
    """The client can read the response, and has until the timeout to end its request."""
    request = post(_UNKNOWN_KEY, _CHUNKED, body=b"")
    chunk = b"3e8\r\n%b\r\n" % (1000 * b"x")

    response = await _send_until_closed(impatient_gateway, request, chunk)

    # A connection that is reset may lose the response.
    assert response.startswith(b"HTTP/1.1 401 ") or not response


async def test_endless_blank_lines_close_the_connection(impatient_gateway: Gateway) -> None:
    """A blank line is not the beginning of a next request."""
    await _send_until_closed(impatient_gateway, _REJECTED_REQUEST, b"\r\n")


async def test_pipelined_requests_each_get_a_response(gateway: Gateway) -> None:
    """On one connection, even if a request arrives in two parts."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    requests = 3 * _REJECTED_REQUEST
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
    """The data after the headers would belong to the other protocol, and not be a body."""
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        post(_UNKNOWN_KEY, LENGTH, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")
    )
    async with asyncio.timeout(30):
        response = await reader.read()
    writer.close()

    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"send HTTP/1.1 without an Upgrade" in response
