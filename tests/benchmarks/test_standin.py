"""The benchmarks' stand-in counts what it is sent, however it is sent."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from benchmarks.standin import Connection, Received


@pytest.fixture
async def provider() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a stand-in that has received nothing yet."""
    received = Received()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(received), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    server.close()
    await server.wait_closed()


def batch(*ids: int) -> bytes:
    """The body of a batch, as Segment takes it."""
    messages = [{"messageId": f"m-{one}", "userId": f"u-{one}"} for one in ids]
    return json.dumps({"batch": messages}).encode()


async def test_repeated_messages_do_not_complete(provider: httpx.AsyncClient) -> None:
    """It waits for different messages, and tells how many came twice, or after a later one."""
    completing = asyncio.create_task(provider.get("/_/complete", params={"messages": 4}))
    await provider.post("/v1/batch", content=batch(1, 3))
    await provider.post("/v1/batch", content=batch(3, 2))
    assert not completing.done()
    answer = await provider.post("/v1/track", content=json.dumps({"messageId": "m-4"}))

    told = (await completing).json()
    assert answer.json() == {"success": True}
    assert (told["requests"], told["messages"], told["distinct"]) == (3, 5, 4)
    assert told["overtaken"] == 2
    assert told["completed_at"] > 0


async def test_compressed_bodies_count(provider: httpx.AsyncClient) -> None:
    """Where a client compresses."""
    body = gzip.compress(batch(1, 2))
    await provider.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"})

    told = (await provider.get("/_/complete", params={"messages": 2})).json()
    assert told["distinct"] == 2


async def test_it_forgets(provider: httpx.AsyncClient) -> None:
    """So that each round starts from nothing."""
    await provider.post("/v1/batch", content=batch(1, 2))
    await provider.delete("/_/received")
    await provider.post("/v1/batch", content=batch(1))

    told = (await provider.get("/_/complete", params={"messages": 1})).json()
    assert told["messages"] == 1


async def test_a_client_that_asks_first_is_told_to_go_on(provider: httpx.AsyncClient) -> None:
    """`Expect: 100-continue`, and a body that comes in pieces."""
    reader, writer = await asyncio.open_connection(provider.base_url.host, provider.base_url.port)
    body = batch(1)
    head = f"POST /v1/batch HTTP/1.1\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    writer.write(head.encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body[:5])
    await writer.drain()
    writer.write(body[5:])
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()

    told = (await provider.get("/_/complete", params={"messages": 1})).json()
    assert told["distinct"] == 1
