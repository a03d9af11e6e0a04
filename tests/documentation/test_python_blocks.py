"""Runs the Python blocks of buffering.md, production.md and operating.md, unchanged.

The tests of other Python blocks are named in `test_every_block.py`.
"""

import ast
import sys
from collections.abc import Awaitable
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from durable_analytics import BufferingClient
from durable_analytics.temporal import integration_control
from durable_analytics.testing import StandIn
from tests.documentation.pages import blocks, page
from tests.support.delivered import wait_for_messages
from tests.support.json_objects import Json
from tests.support.programs import run_program
from tests.support.tracks import TRACK
from worker import Settings

pytestmark = pytest.mark.slow

_EXAMPLE, MODULE, VIEWS, FASTAPI, ROOM = blocks(page("buffering"), "python")

POST_AN_ORDER = """
import os
from fastapi.testclient import TestClient
from app import app
with TestClient(app) as client:
    print(client.post("/orders").status_code)
os._exit(0)
"""
"""It ends like a process of uvicorn: without Python's exit handlers."""


@pytest.fixture(autouse=True)
def address(temporal: Client, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of Temporal, which is also set for the programs."""
    target = temporal.service_client.config.target_host
    monkeypatch.setenv("TEMPORAL_ADDRESS", target)
    return target


async def run_block(code: str, **names: Any) -> Json:
    """Run code that may have `await` outside of a function; return the variables that it sets."""
    compiled: CodeType = compile(code, "<page>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    running = eval(compiled, names)  # noqa: S307  # the test runs the code of the page
    if isinstance(running, Awaitable):
        await running
    return names


async def test_client_of_a_module_delivers_at_exit(
    running_worker: Settings, standin: StandIn, address: str, tmp_path: Path
) -> None:
    """A view of the page calls `track`; the message is delivered when the process exits."""
    del running_worker
    folder = tmp_path / "shop"
    folder.mkdir()
    for code in (MODULE, VIEWS):
        name, _, _ = code.removeprefix("# shop/").partition("\n")
        (folder / name).write_text(code)
    request = "types.SimpleNamespace(user=types.SimpleNamespace(pk=7))"
    program = f"import types, shop.views\nshop.views.checkout({request})"

    await run_program(sys.executable, "-c", program, cwd=tmp_path, TEMPORAL_ADDRESS=address)

    (message,) = await wait_for_messages(standin, 1)
    assert (message["userId"], message["event"]) == ("7", "Order Completed")


async def test_client_of_fastapi_delivers_at_the_end_of_the_lifespan(
    running_worker: Settings, standin: StandIn, address: str, tmp_path: Path
) -> None:
    """The process ends without exit handlers, so only the lifespan can deliver."""
    del running_worker
    (tmp_path / "app.py").write_text(FASTAPI)
    printed = await run_program(
        sys.executable, "-u", "-c", POST_AN_ORDER, cwd=tmp_path, TEMPORAL_ADDRESS=address
    )

    assert printed.strip() == "200"
    (message,) = await wait_for_messages(standin, 1)
    assert (message["userId"], message["event"]) == ("u-1", "Order Completed")


async def test_call_succeeds_after_waiting_for_room_in_the_queue(
    running_worker: Settings, standin: StandIn
) -> None:
    """The line before the call waits until the full queue has room."""
    del running_worker
    async with BufferingClient(integration="segment", max_queue_size=1) as analytics:
        analytics.track(user_id="u-1", event="First")
        await run_block(ROOM, analytics=analytics)

    events = {message["event"] for message in await wait_for_messages(standin, 2)}
    assert events == {"First", "Imported"}


async def test_worker_in_another_program_delivers(
    temporal: Client, standin: StandIn, task_queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is in production.md."""
    (code,) = blocks(page("production"), "python")
    monkeypatch.setenv("ANALYTICS_TASK_QUEUE", task_queue)
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY", "segment-write-key")
    monkeypatch.setenv("ANALYTICS_INTEGRATIONS__SEGMENT__BASE_URL", standin.base_url("segment"))

    worker = (await run_block(code))["worker"]

    assert isinstance(worker, Worker)
    async with worker:
        output = await temporal.execute_workflow(
            "Track", TRACK, id=task_queue, task_queue=task_queue
        )
    assert output["status"] == "success"


async def test_program_pauses_and_resumes_an_integration(
    temporal: Client, running_worker: Settings
) -> None:
    """The program is in operating.md."""
    (code,) = blocks(page("operating"), "python")
    assert running_worker.task_queue == "analytics"

    paused = (await run_block(code))["paused"]

    assert (paused.is_taken, paused.warning) == (True, None)
    assert paused.state["state"] == "paused"
    assert "maintenance" in paused.state["reason"]
    state = await integration_control.state(temporal, "analytics", "segment")
    assert state["state"] == "running"
