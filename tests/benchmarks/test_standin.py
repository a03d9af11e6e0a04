"""The stand-in of the benchmarks counts the messages that it receives."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from benchmarks.standin import Connection, Received


@pytest.fixture
async def provider() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a new stand-in."""
    received = Received()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(received), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    server.close()
    await server.wait_closed()


def batch(*ids: int) -> bytes:
    """The body of a batch in Segment's format."""
    messages = [{"messageId": f"m-{id_}", "userId": f"u-{id_}"} for id_ in ids]
    return json.dumps({"batch": messages}).encode()


async def test_repeated_messages_count_once(provider: httpx.AsyncClient) -> None:
    """It waits for different messages, and counts those that arrive after a later one."""
    completing = asyncio.create_task(provider.get("/_/complete", params={"messages": 4}))
    await provider.post("/v1/batch", content=batch(1, 3))
    await provider.post("/v1/batch", content=batch(3, 2))
    assert not completing.done()
    response = await provider.post("/v1/track", content=json.dumps({"messageId": "m-4"}))

    summary = (await completing).json()
    assert response.json() == {"success": True}
    assert (summary["requests"], summary["messages"], summary["distinct"]) == (3, 5, 4)
    assert summary["overtaken"] == 2
    assert summary["completed_at"] > 0


async def test_what_has_arrived_is_read_at_once(provider: httpx.AsyncClient) -> None:
    """Neither request waits for more messages."""
    assert (await provider.get("/_/summary")).json()["messages"] == 0
    await provider.post("/v1/batch", content=batch(1, 2))
    await provider.post("/v1/batch", content=batch(2))

    assert (await provider.get("/_/progress")).json() == {"messages": 3}
    summary = (await provider.get("/_/summary")).json()
    assert (summary["messages"], summary["distinct"]) == (3, 2)


async def test_messages_in_compressed_bodies_count(provider: httpx.AsyncClient) -> None:
    """A body with `Content-Encoding: gzip` is decompressed."""
    body = gzip.compress(batch(1, 2))
    await provider.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"})

    summary = (await provider.get("/_/complete", params={"messages": 2})).json()
    assert summary["distinct"] == 2


async def test_delete_clears_received_messages(provider: httpx.AsyncClient) -> None:
    """Messages from before `DELETE /_/received` do not count."""
    await provider.post("/v1/batch", content=batch(1, 2))
    await provider.delete("/_/received")
    await provider.post("/v1/batch", content=batch(1))

    summary = (await provider.get("/_/complete", params={"messages": 1})).json()
    assert summary["messages"] == 1


async def test_expect_100_continue_is_answered(provider: httpx.AsyncClient) -> None:
    """The client sends its body after `100 Continue`, in two parts."""
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

    summary = (await provider.get("/_/complete", params={"messages": 1})).json()
    assert summary["distinct"] == 1
