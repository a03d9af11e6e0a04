"""`/ready` says whether messages are taken, and so does the log."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.gateway_messages import AUTH, client, error_message, good
from tests.support.gateway_process import address, gateway_process
from tests.support.programs import TEMPORAL

SOON = 30


async def until(http: httpx.AsyncClient, status: int) -> httpx.Response:
    """Wait until the gateway is ready, or is not."""
    async with asyncio.timeout(SOON):
        while (answer := await http.get("/ready")).status_code != status:
            pass
    return answer


async def test_a_namespace_that_does_not_exist(temporal: Client, task_queue: str) -> None:
    """503 with the reason; no check makes the log say that messages are taken."""
    nope = {"TEMPORAL_NAMESPACE": "nope"}
    async with (
        gateway_process(address(temporal), task_queue, settings=nope) as gateway,
        client(gateway) as http,
    ):
        answers = [await http.get("/ready")]
        async with asyncio.timeout(SOON):
            message = await http.post("/v1/track", json=good(), auth=AUTH)
        answers += [await http.get("/ready") for _ in range(2)]
        log = "\n".join(gateway.run.lines)

    assert message.status_code == 503
    assert [answer.status_code for answer in answers] == [503] * 3
    assert "Namespace nope is not found" in error_message(answers[0])
    assert log.count("Temporal is out of reach") == 1
    assert "takes messages again" not in log


async def test_a_namespace_that_is_made_after_a_list_was_given_up(
    temporal: Client, task_queue: str
) -> None:
    """A list without ids is not tried again once it is answered 503, and holds up no other."""
    name = f"later-{task_queue}"
    later = {"TEMPORAL_NAMESPACE": name}
    without_ids = {"batch": [{"type": "track", "userId": "u-1", "event": "E"}]}
    async with (
        gateway_process(address(temporal), task_queue, settings=later) as gateway,
        client(gateway) as http,
    ):
        given_up = await http.post("/v1/batch", json=without_ids, auth=AUTH)
        await temporal.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=name, workflow_execution_retention_period=Duration(seconds=24 * 3600)
            ),
            retry=True,
        )
        await until(http, 200)
        taken = await http.post("/v1/batch", json=without_ids, auth=AUTH)

    assert (given_up.status_code, taken.status_code) == (503, 200)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[tuple[Client, Path]]:
    """A server of its own, and the file that it stores things in."""
    file = tmp_path / "temporal.db"
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="never",
        dev_server_database_filename=str(file),
    ) as environment:
        yield environment.client, file


@contextmanager
def locked(file: Path, mode: str) -> Iterator[None]:
    """Nobody else may write inside; with EXCLUSIVE, nobody may read."""
    connection = sqlite3.connect(file, timeout=SOON, isolation_level=None)
    try:
        connection.execute(f"BEGIN {mode}")
        yield
    finally:
        connection.close()


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
@pytest.mark.slow
async def test_a_database_that_is_locked(
    database: tuple[Client, Path], task_queue: str, mode: str
) -> None:
    """Where no message is stored, it is not ready; both end with the lock."""
    server, file = database
    impatient = {"ANALYTICS_GATEWAY__ANSWER_TIMEOUT": "1"}
    async with (
        gateway_process(address(server), task_queue, settings=impatient) as gateway,
        client(gateway) as http,
    ):
        await until(http, 200)
        message = good()
        with locked(file, mode):
            answer = await http.post("/v1/track", json=message, auth=AUTH)
            assert answer.status_code == 503
            await until(http, 503)
        await until(http, 200)
        async with asyncio.timeout(SOON):
            while answer.status_code != 200:
                answer = await http.post("/v1/track", json=message, auth=AUTH)


async def test_where_nothing_answers(task_queue: str) -> None:
    """503, and why."""
    async with gateway_process("127.0.0.1:1", task_queue) as gateway, client(gateway) as http:
        answer = await http.get("/ready")

    assert answer.status_code == 503
    assert error_message(answer).startswith("Temporal does not accept messages: ")
