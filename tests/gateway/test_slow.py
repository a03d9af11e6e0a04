"""Who sends slowly is not waited for without end, and keeps nobody else waiting."""

import asyncio

import httpx

from durable_analytics.testing import StandIn
from tests.gateway.arrivals import is_well
from tests.gateway.processes import Gateway
from tests.gateway.test_bad_http import BASIC, exchange, post


async def test_a_body_that_never_ends(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn
) -> None:
    """408 after ten seconds, during which others are answered."""
    waiting = [
        asyncio.create_task(exchange(gateway, request))
        for request in (
            post(BASIC, b"Content-Length: 100", body=b'{"userId'),
            post(BASIC, b"Transfer-Encoding: chunked", body=b"5\r\n{    "),
            post(b"Content-Length: 100", body=b""),
        )
    ]
    await is_well(http, standin)
    assert not any(one.done() for one in waiting)

    for answer in await asyncio.gather(*waiting):
        assert answer.status == 408
        assert answer.message == "the body did not arrive within 10 seconds"
        assert b"\r\nconnection: close\r\n" in answer.head.lower()


async def test_headers_that_never_end(
    gateway: Gateway, http: httpx.AsyncClient, standin: StandIn
) -> None:
    """The connection is closed after ten seconds, during which others are answered."""
    waiting = asyncio.create_task(exchange(gateway, b"POST /v1/track HTTP/1.1\r\nX-Slow: x"))
    await is_well(http, standin)
    assert not waiting.done()

    answer = await waiting

    assert answer.status in {0, 408}
    assert answer.body == b""
