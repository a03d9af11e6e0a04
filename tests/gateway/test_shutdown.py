"""`python -m gateway` completes the requests that it has accepted, and ends."""

import asyncio
import contextlib
import json
import signal

import pytest
from temporalio.client import Client

from tests.support.gateway_messages import client, executions, good
from tests.support.gateway_process import Gateway, address, gateway_process
from tests.support.raw_http import BASIC, post


async def open_connection(
    gateway: Gateway,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TCP connection."""
    return await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))


async def wait_until_not_listening(gateway: Gateway) -> None:
    """Wait until the gateway accepts no more connections."""
    async with asyncio.timeout(30):
        with contextlib.suppress(ConnectionError):
            while True:
                _, writer = await open_connection(gateway)
                writer.close()


async def begin(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request, and wait until the gateway has begun to read it."""
    body = json.dumps(good()).encode()
    reader, writer = await open_connection(gateway)
    length = b"Content-Length: %d" % len(body)
    writer.write(post(BASIC, length, b"Expect: 100-continue", body=b""))
    async with asyncio.timeout(30):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    return reader, writer


@pytest.mark.parametrize(
    "signum", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_signal_completes_waiting_requests(
    temporal: Client, task_queue: str, signum: signal.Signals
) -> None:
    """Their messages are stored, and the process exits with status 0."""
    slow = {
        "ANALYTICS_GATEWAY__GATHER_INTERVAL": "1",
        "ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "5",
    }

    async with gateway_process(address(temporal), task_queue, settings=slow) as gateway:
        waiting = [await begin(gateway) for _ in range(5)]
        gateway.run.process.send_signal(signum)
        async with asyncio.timeout(30):
            responses = [await reader.readuntil(b"\r\n\r\n") for reader, _ in waiting]
        status = await gateway.run.ended()
    for _, writer in waiting:
        writer.close()

    assert [response.split(b" ")[1] for response in responses] == [b"200"] * 5
    assert status == 0
    assert "gateway stopping" in gateway.run.lines[-2]
    assert "gateway stopped" in gateway.run.lines[-1]
    assert len(await executions(temporal, task_queue, 1)) == 1


async def test_signal_during_an_outage_gets_503() -> None:
    """The process then exits with status 0."""
    settings = {"ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "3"}

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with gateway_process(target, settings=settings) as gateway:
            reader, writer = await begin(gateway)
            gateway.run.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                response = await reader.readuntil(b"\r\n\r\n")
            status = await gateway.run.ended()
        writer.close()

    assert (response.split(b" ")[1], status) == (b"503", 0)


async def test_signal_completes_a_request_that_is_just_arriving(
    temporal: Client, task_queue: str
) -> None:
    """The gateway has accepted the connection, but no complete headers."""
    async with gateway_process(address(temporal), task_queue) as gateway:
        reader, writer = await open_connection(gateway)
        body = json.dumps(good()).encode()
        request = post(BASIC, b"Content-Length: %d" % len(body), body=body)
        writer.write(request[:20])
        # The gateway reads connections in order: it has read the first bytes of this one.
        async with client(gateway) as http:
            await http.get("/health")
        gateway.run.process.send_signal(signal.SIGTERM)
        await wait_until_not_listening(gateway)
        writer.write(request[20:])
        async with asyncio.timeout(30):
            response = await reader.readuntil(b"\r\n\r\n")
        status = await gateway.run.ended()
        writer.close()

    assert (response.split(b" ")[1], status) == (b"200", 0)
