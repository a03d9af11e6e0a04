"""The examples, run as their readers run them."""

from pathlib import Path

import pytest
from temporalio.client import Client

from tests.support.programs import Run, run_program
from worker import Settings


@pytest.fixture
def run(temporal: Client, running_worker: Settings) -> Run:
    """Run an example against the test's server; returns what it printed."""
    assert running_worker.task_queue == "analytics"
    address = temporal.service_client.config.target_host

    async def run_example(*command: str | Path) -> str:
        return await run_program(*command, TEMPORAL_ADDRESS=address)

    return run_example
