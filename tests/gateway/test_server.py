"""`python -m gateway`: how it starts, and how it ends."""

import asyncio
import json
import signal
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.gateway.arrivals import AUTH, client, executions, good
from tests.gateway.processes import Gateway, address, free_port, gateway_process, sources
from tests.gateway.test_bad_http import BASIC, post
from tests.worker.processes import clean_environment, running


async def begin(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request; returns when the gateway has begun to read it."""
    body = json.dumps(good()).encode()
    port = int(gateway.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = b"Content-Length: %d" % len(body)
    writer.write(post(BASIC, length, b"Expect: 100-continue", body=b""))
    async with asyncio.timeout(30):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    return reader, writer


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_requests_wait(
    temporal: Client, task_queue: str, signum: signal.Signals
) -> None:
    """What has come in is stored and answered; then the process ends, with status 0."""
    slow = {
        "ANALYTICS_GATEWAY__GATHER_INTERVAL": "1",
        "ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "5",
    }

    async with gateway_process(address(temporal), task_queue, settings=slow) as gateway:
        waiting = [await begin(gateway) for _ in range(5)]
        gateway.run.process.send_signal(signum)
        async with asyncio.timeout(30):
            answers = [await reader.readuntil(b"\r\n\r\n") for reader, _ in waiting]
        status = await gateway.run.ended()
    for _, writer in waiting:
        writer.close()

    assert [answer.split(b" ")[1] for answer in answers] == [b"200"] * 5
    assert status == 0
    assert "gateway stopping" in gateway.run.lines[-2]
    assert "gateway stopped" in gateway.run.lines[-1]
    assert len(await executions(temporal, task_queue, 1)) == 1


async def test_a_signal_while_temporal_is_away() -> None:
    """Requests are answered with 503, and the process ends, with status 0."""
    patient = {"ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "3"}
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        gateway_process(where, settings=patient) as gateway,
        client(gateway) as http,
    ):
        request = asyncio.create_task(http.post("/v1/track", json=good(), auth=AUTH))
        async with asyncio.timeout(30):
            await asked.wait()
        gateway.run.process.send_signal(signal.SIGTERM)
        answer = await request
        status = await gateway.run.ended()
    server.close()

    assert (answer.status_code, status) == (503, 0)


async def test_a_port_that_is_taken(temporal: Client) -> None:
    """One line that names the setting, and status 2."""
    async with gateway_process(address(temporal)) as gateway:
        port = gateway.url.rpartition(":")[2]
        environment = clean_environment(**sources(), ANALYTICS_GATEWAY__PORT=port)
        async with running("-m", "gateway", environment=environment) as second:
            status = await second.ended()

    assert status == 2
    assert [line for line in second.lines if "gateway.port" in line] == second.lines
    (line,) = second.lines
    assert line.startswith(f"gateway.host, gateway.port: cannot listen on 127.0.0.1:{port}: ")
    assert line.endswith("; set another one")


async def test_a_host_that_is_elsewhere() -> None:
    """Likewise."""
    environment = clean_environment(
        **sources(), ANALYTICS_GATEWAY__HOST="192.0.2.1", ANALYTICS_GATEWAY__PORT=str(free_port())
    )

    async with running("-m", "gateway", environment=environment) as gateway:
        status = await gateway.ended()

    assert (status, len(gateway.lines)) == (2, 1)
    assert gateway.lines[0].startswith("gateway.host, gateway.port: cannot listen on 192.0.2.1:")


async def test_wrong_settings(tmp_path: Path) -> None:
    """Status 2, a line a problem, no secret and no traceback."""
    environment = clean_environment(
        ANALYTICS_SOURCES__SHOP__WRITE_KEY="sk very secret",
        ANALYTICS_GATEWAY__PORT="0",
        ANALYTICS_LOG_LEVEL="LOUD",
    )

    async with running("-m", "gateway", environment=environment, cwd=tmp_path) as gateway:
        status = await gateway.ended()

    assert status == 2
    assert sorted(line.partition(":")[0] for line in gateway.lines) == [
        "gateway.port",
        "log_level",
        "sources.shop.write_key",
    ]
    assert "secret" not in "\n".join(gateway.lines)
