"""Recording proxies to several gateways, and Segment's SDK for Node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.support.gateway_process import BlockableProxy, Gateway, address, gateway_process
from tests.support.node_sdk import FOLDER
from tests.support.programs import TOOLS, run_program
from tests.support.recording_proxy import RecordingProxy
from worker import Settings


@pytest.fixture
async def recorder(gateway: Gateway) -> AsyncIterator[RecordingProxy]:
    """A proxy to the shared gateway."""
    async with RecordingProxy(gateway.url) as recorder:
        yield recorder


@pytest.fixture
async def proxy(temporal: Client) -> AsyncIterator[BlockableProxy]:
    """A proxy to Temporal that can be blocked."""
    async with BlockableProxy(address(temporal)) as recorder:
        yield recorder


@pytest.fixture
async def blockable_recording_proxy(
    proxy: BlockableProxy, running_worker: Settings
) -> AsyncIterator[RecordingProxy]:
    """A recording proxy to a gateway that reaches Temporal through `proxy`."""
    async with (
        gateway_process(proxy.address, running_worker.task_queue) as gateway,
        RecordingProxy(gateway.url) as recorder,
    ):
        yield recorder


@pytest.fixture
async def rate_limited_proxy(
    temporal: Client, running_worker: Settings
) -> AsyncIterator[RecordingProxy]:
    """A recording proxy to a gateway that accepts one request a second."""
    settings = {"ANALYTICS_SOURCES__SEGMENT__REQUESTS_PER_SECOND": "1"}
    async with (
        gateway_process(address(temporal), running_worker.task_queue, settings=settings) as gateway,
        RecordingProxy(gateway.url) as recorder,
    ):
        yield recorder


@pytest.fixture(scope="session")
async def node() -> Path:
    """The folder of the program that calls the SDK, installed from the lock file."""
    await run_program(TOOLS / "npm", "ci", "--prefer-offline", "--no-progress", cwd=FOLDER)
    return FOLDER
