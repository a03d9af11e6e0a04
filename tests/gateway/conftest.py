"""A gateway that all tests share, unless they need settings of their own."""

from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from tests.support.gateway_process import Gateway, address, gateway_process
from worker import Settings


@pytest.fixture(scope="session")
async def gateway(temporal: Client, running_worker: Settings) -> AsyncIterator[Gateway]:
    """A gateway with a source for each integration, and a worker that delivers to the stand-in."""
    async with gateway_process(address(temporal), running_worker.task_queue) as process:
        yield process


@pytest.fixture(scope="session", params=[2, pytest.param(None, marks=pytest.mark.slow)])
def client_timeout(request: pytest.FixtureRequest) -> int | None:
    """The seconds in which a client must send a request; None for those of the gateway."""
    seconds: int | None = request.param
    return seconds


@pytest.fixture(scope="session")
async def impatient_gateway(
    temporal: Client, running_worker: Settings, client_timeout: int | None
) -> AsyncIterator[Gateway]:
    """A gateway that waits so long for clients that send slowly."""
    async with gateway_process(
        address(temporal), running_worker.task_queue, client_timeout_seconds=client_timeout
    ) as process:
        yield process


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that gateway."""
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
        yield client
