"""A Temporal server that is killed loses nothing: started again on its file, it goes on."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.support.embedded_server import server
from tests.support.free_ports import free_port
from tests.support.worker_settings import QUICK_RETRIES, settings_for
from tests.worker.deliveries import outcome, own_worker, start

pytestmark = pytest.mark.slow


async def test_everything_pending_is_delivered(
    standin: StandIn, tmp_path: Path, task_queue: str
) -> None:
    """Executions that wait for a worker, for another attempt and for an answer: all of them."""
    port, file = free_port(), tmp_path / "temporal.db"
    settings = settings_for(standin, task_queue=task_queue)
    standin.script("segment", {"status": 500}, {"status": 500}, {"delay": 60})

    async with server(port, file) as client:
        async with own_worker(client, settings):
            begun = [(await start(client, task_queue, policies=QUICK_RETRIES)).id for _ in range(3)]
            await standin.wait_for(3)
        waiting = [(await start(client, task_queue)).id for _ in range(3)]
    tried = {request["body"]["messageId"] for request in standin.requests}

    async with server(port, file) as client, own_worker(client, settings):
        handles = [client.get_workflow_handle(id_) for id_ in (*begun, *waiting)]
        outputs = [await outcome(handle) for handle in handles]

    assert [output["status"] for output in outputs] == ["success"] * 6
    ids = [output["track"]["message_id"] for output in outputs]
    assert set(ids[:3]) == tried
    assert {request["body"]["messageId"] for request in standin.requests} == set(ids)


async def test_a_worker_outlives_its_server(
    standin: StandIn, tmp_path: Path, task_queue: str
) -> None:
    """Nobody has to start it again: it delivers what was pending as soon as the server is back."""
    port, file = free_port(), tmp_path / "temporal.db"
    settings = settings_for(standin, task_queue=task_queue)
    standin.script("segment", {"status": 500}, {"delay": 60})

    async with AsyncExitStack() as worker:
        async with server(port, file) as client:
            await worker.enter_async_context(own_worker(client, settings))
            ids = [(await start(client, task_queue, policies=QUICK_RETRIES)).id for _ in range(2)]
            await standin.wait_for(2)
        async with server(port, file) as client:
            outputs = [await outcome(client.get_workflow_handle(id_)) for id_ in ids]
            await worker.aclose()

    assert [output["status"] for output in outputs] == ["success"] * 2
    assert {request["body"]["messageId"] for request in standin.requests} == {
        output["track"]["message_id"] for output in outputs
    }
