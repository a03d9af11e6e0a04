"""Gateways that refuse for a while, and Segment's SDK for Node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.examples.conftest import TOOLS, run_program
from tests.gateway.processes import Gateway, Way, address, gateway_process
from tests.gateway.sdks.arrivals import Between
from tests.gateway.sdks.node_sdk import FOLDER
from worker import Settings


@pytest.fixture
async def between(gateway: Gateway) -> AsyncIterator[Between]:
    """The way from an SDK to the gateway of all tests."""
    async with Between(gateway.url) as one:
        yield one


@pytest.fixture
async def way(temporal: Client) -> AsyncIterator[Way]:
    """A way to Temporal that can be cut."""
    async with Way(address(temporal)) as one:
        yield one


@pytest.fixture
async def between_cut(way: Way, running_worker: Settings) -> AsyncIterator[Between]:
    """The way from an SDK to a gateway that reaches Temporal over `way`."""
    async with (
        gateway_process(way.address, running_worker.task_queue) as gateway,
        Between(gateway.url) as one,
    ):
        yield one


@pytest.fixture
async def between_limited(temporal: Client, running_worker: Settings) -> AsyncIterator[Between]:
    """The way from an SDK to a gateway that takes one request a second of its source."""
    settings = {"ANALYTICS_SOURCES__SEGMENT__REQUESTS_PER_SECOND": "1"}
    async with (
        gateway_process(address(temporal), running_worker.task_queue, settings=settings) as gateway,
        Between(gateway.url) as one,
    ):
        yield one


@pytest.fixture(scope="session")
async def node() -> Path:
    """The program that calls the SDK, with what its lock file names installed."""
    await run_program(TOOLS / "npm", "ci", "--prefer-offline", "--no-progress", cwd=FOLDER)
    return FOLDER
