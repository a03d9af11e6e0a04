"""One Temporal server, one stand-in and one worker for all tests that need them."""

import gc
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from durable_analytics.temporal.interpreter_end import exit_process
from durable_analytics.temporal.search_attributes import register as register_search_attributes
from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute, Json
from tests.support.programs import TEMPORAL
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from worker import Settings, data_converter, register

QUICK_SERVER = [
    *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"),
    *("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="10ms"'),
]
"""Arguments of a dev server. By default, it waits up to 50 ms before each step of an execution, and
up to a second after the time of a timer or a retry."""


def pytest_collection_finish() -> None:
    """Leave what is imported out of all garbage collections: each is then quick."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the status for the very end."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End as the processes do, because the tests use Temporal's SDK too."""
    if _STATUS in config.stash:
        exit_process(config.stash[_STATUS])


_STATUS = pytest.StashKey[int]()


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Fail the module that leaves a socket open, not one that runs later.

    `PYTHONTRACEMALLOC=10` tells where it was opened.
    """
    yield
    gc.collect()


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
    """A client of a real Temporal server, with the search attributes of `make run`."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="error",
        dev_server_extra_args=QUICK_SERVER,
    ) as environment:
        target = environment.client.service_client.config.target_host
        client = await Client.connect(target, data_converter=data_converter(compress=False))
        await register_search_attributes(client)
        yield client


@pytest.fixture(scope="session")
async def running_worker(temporal: Client, standin_server: StandIn) -> AsyncIterator[Settings]:
    """A worker that delivers to the stand-in, and retries at once."""
    settings = settings_for(standin_server, policies=QUICK_RETRIES)
    async with Worker(temporal, task_queue=settings.task_queue, plugins=[register(settings)]):
        yield settings


@pytest.fixture
def task_queue() -> str:
    """A task queue of the test's own."""
    return f"test-{uuid.uuid4()}"


@pytest.fixture
def execute(temporal: Client, running_worker: Settings, standin: StandIn) -> Execute:
    """Run a workflow of a type with these inputs; returns its output, of a failure too.

    The stand-in is cleared first: what an earlier test has scripted would be answered here.
    """
    del standin

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
