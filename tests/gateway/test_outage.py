"""During an outage of Temporal, no request gets 200."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from tests.support.gateway_messages import AUTH, SUCCESS, batch_id, client, error_message, good
from tests.support.gateway_process import BlockableProxy, Gateway, address, gateway_process

NAMES = ("single", "batch", "delete", "ready")


def request(name: str) -> httpx.Request:
    """Return a new request of this kind."""
    if name == "single":
        return httpx.Request("POST", "/v1/track", json=good())
    if name == "batch":
        return httpx.Request("POST", "/v1/batch", json={"batch": [good(), good()]})
    return httpx.Request(*(("DELETE", "/v1/users/u-1") if name == "delete" else ("GET", "/ready")))


_SOON = 10
"""Seconds within which a response must arrive; the client's timeout is 30."""


@dataclass
class BlockableGateway:
    """A gateway whose connection to Temporal can be blocked."""

    proxy: BlockableProxy
    gateway: Gateway
    http: httpx.AsyncClient

    async def send(self, name: str) -> httpx.Response:
        """Send one of the requests."""
        template = request(name)
        return await self.http.request(
            template.method, str(template.url), content=template.content, auth=AUTH
        )

    async def wait_until_ready(self) -> None:
        """Wait until the gateway reaches Temporal."""
        async with asyncio.timeout(30):
            while (await self.send("ready")).status_code != 200:
                pass


@pytest.fixture(scope="module")
async def shared_gateway(temporal: Client) -> AsyncIterator[BlockableGateway]:
    """A gateway that reaches Temporal through a proxy."""
    async with (
        BlockableProxy(address(temporal)) as proxy,
        gateway_process(proxy.address, f"test-{uuid4()}") as gateway,
        client(gateway) as http,
    ):
        yield BlockableGateway(proxy, gateway, http)


@pytest.fixture
async def blockable(shared_gateway: BlockableGateway) -> BlockableGateway:
    """The shared gateway with the proxy open, after the outage of another test has ended."""
    shared_gateway.proxy.restore()
    await shared_gateway.wait_until_ready()
    return shared_gateway


@pytest.mark.parametrize("block", [BlockableProxy.disconnect, BlockableProxy.stall])
async def test_outage_gets_503_and_recovers_without_restart(
    blockable: BlockableGateway, block: Callable[[BlockableProxy], None]
) -> None:
    """The 503 arrives soon, and says when to retry."""
    lines_before = len(blockable.gateway.run.lines)
    for name in NAMES:
        response = await blockable.send(name)
        assert (name, response.status_code, response.json()) == (name, 200, SUCCESS)

    block(blockable.proxy)
    for name in NAMES:
        async with asyncio.timeout(_SOON):
            response = await blockable.send(name)
        assert (name, response.status_code) == (name, 503)
        assert response.headers["Retry-After"] == response.headers["X-RateLimit-Reset"] == "1"
        assert response.json()["code"] == "service_unavailable"
        expected = "Temporal does not accept messages: " if name == "ready" else "not stored: "
        assert error_message(response).startswith(expected)
    assert (await blockable.http.get("/health")).json() == SUCCESS

    blockable.proxy.restore()
    await blockable.wait_until_ready()
    for name in NAMES:
        response = await blockable.send(name)
        assert (name, response.status_code, response.json()) == (name, 200, SUCCESS)
    logged = [line for line in blockable.gateway.run.lines[lines_before:] if "Temporal" in line]
    assert "Temporal is out of reach: answering 503" in logged[0]
    assert "Temporal takes messages again" in logged[-1]


@pytest.mark.parametrize("block", [BlockableProxy.disconnect, BlockableProxy.stall])
async def test_simultaneous_requests_during_an_outage_all_get_503(
    blockable: BlockableGateway, block: Callable[[BlockableProxy], None]
) -> None:
    """Also those that are combined into one execution."""
    block(blockable.proxy)

    async def send() -> int:
        return (await blockable.http.post("/v1/track", json=good(), auth=AUTH)).status_code

    async with asyncio.timeout(_SOON):
        assert set(await asyncio.gather(*(send() for _ in range(50)))) == {503}


async def test_gateway_starts_before_temporal(temporal: Client, task_queue: str) -> None:
    """It reports that it is not ready, and recovers without a restart."""
    async with BlockableProxy(address(temporal)) as proxy:
        proxy.disconnect()
        async with gateway_process(proxy.address, task_queue) as gateway, client(gateway) as http:
            assert (await http.get("/health")).status_code == 200
            assert (await http.get("/ready")).status_code == 503
            assert (await http.post("/v1/track", json=good(), auth=AUTH)).status_code == 503
            proxy.restore()
            async with asyncio.timeout(30):
                while (await http.get("/ready")).status_code != 200:
                    pass
            assert (await http.post("/v1/track", json=good(), auth=AUTH)).status_code == 200


async def test_batch_retried_after_503_starts_one_execution(
    blockable: BlockableGateway, temporal: Client
) -> None:
    """Whether or not the first request had started it."""
    sent = [good(), good()]
    body = {"batch": sent}
    statuses = []

    blockable.proxy.disconnect()
    statuses.append((await blockable.http.post("/v1/batch", json=body, auth=AUTH)).status_code)
    blockable.proxy.restore()
    async with asyncio.timeout(30):
        while statuses[-1] != 200:
            statuses.append(
                (await blockable.http.post("/v1/batch", json=body, auth=AUTH)).status_code
            )

    assert statuses[0] == 503
    history = await temporal.get_workflow_handle(batch_id(sent)).fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.attempt == 1
