"""Slow clients time out, and do not delay others."""

import asyncio

from durable_analytics.testing import StandIn
from tests.support.gateway_messages import assert_accepts_messages, client
from tests.support.gateway_process import Gateway
from tests.support.raw_http import BASIC, exchange, post


async def test_incomplete_body_gets_408(
    impatient_gateway: Gateway, client_timeout: int | None, standin: StandIn
) -> None:
    """After the timeout; other requests get responses meanwhile."""
    waiting = [
        asyncio.create_task(exchange(impatient_gateway, request))
        for request in (
            post(BASIC, b"Content-Length: 100", body=b'{"userId'),
            post(BASIC, b"Transfer-Encoding: chunked", body=b"5\r\n{    "),
            post(b"Content-Length: 100", body=b""),
        )
    ]
    async with client(impatient_gateway) as http:
        await assert_accepts_messages(http, standin)
    assert not any(task.done() for task in waiting)

    for response in await asyncio.gather(*waiting):
        assert response.status == 408
        assert response.message == f"the body did not arrive within {client_timeout or 10} seconds"
        assert b"\r\nconnection: close\r\n" in response.head.lower()


async def test_incomplete_headers_close_the_connection(
    impatient_gateway: Gateway, standin: StandIn
) -> None:
    """After the timeout; other requests get responses meanwhile."""
    waiting = asyncio.create_task(
        exchange(impatient_gateway, b"POST /v1/track HTTP/1.1\r\nX-Slow: x")
    )
    async with client(impatient_gateway) as http:
        await assert_accepts_messages(http, standin)
    assert not waiting.done()

    response = await waiting

    assert response.status in {0, 408}
    assert response.body == b""
