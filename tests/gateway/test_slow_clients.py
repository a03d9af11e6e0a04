"""Slow clients time out, and do not delay others."""

import asyncio

import httpx

from durable_analytics.testing import StandIn
from tests.support.gateway_messages import assert_accepts_messages
from tests.support.gateway_process import Gateway
from tests.support.raw_http import BASIC, exchange, post


async def test_incomplete_body_gets_408(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn
) -> None:
    """After ten seconds, in which other requests get responses."""
    waiting = [
        asyncio.create_task(exchange(gateway, request))
        for request in (
            post(BASIC, b"Content-Length: 100", body=b'{"userId'),
            post(BASIC, b"Transfer-Encoding: chunked", body=b"5\r\n{    "),
            post(b"Content-Length: 100", body=b""),
        )
    ]
    await assert_accepts_messages(http, standin)
    assert not any(task.done() for task in waiting)

    for response in await asyncio.gather(*waiting):
        assert response.status == 408
        assert response.message == "the body did not arrive within 10 seconds"
        assert b"\r\nconnection: close\r\n" in response.head.lower()


async def test_incomplete_headers_close_the_connection(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn
) -> None:
    """After ten seconds, in which other requests get responses."""
    waiting = asyncio.create_task(exchange(gateway, b"POST /v1/track HTTP/1.1\r\nX-Slow: x"))
    await assert_accepts_messages(http, standin)
    assert not waiting.done()

    response = await waiting

    assert response.status in {0, 408}
    assert response.body == b""
