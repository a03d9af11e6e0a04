"""One gateway for all tests that need no other."""

from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from tests.gateway.processes import Gateway, address, gateway_process
from worker import Settings


@pytest.fixture(scope="session")
async def gateway(temporal: Client, running_worker: Settings) -> AsyncIterator[Gateway]:
    """A gateway with a source for each integration, and a worker that delivers to the stand-in."""
    async with gateway_process(address(temporal), running_worker.task_queue) as one:
        yield one


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that gateway."""
    async with httpx.AsyncClient(base_url=gateway.url, trust_env=False, timeout=30) as client:
        yield client
