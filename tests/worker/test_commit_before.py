"""A worker of the commit before and one of this commit side by side on one task queue."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client

from durable_analytics.temporal import integration_control as control
from durable_analytics.testing import StandIn
from tests.support.programs import GIT
from tests.worker.load import Load
from tests.worker.processes import (
    ROOT,
    Running,
    clean_environment,
    running,
    worker_environment,
    worker_process,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def earlier_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the commit before."""
    archive = subprocess.run([GIT, "archive", "HEAD~1"], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip("this clone has no commit before: git fetch --deepen 1")
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    program = "import durable_analytics, worker; print(durable_analytics.__file__, worker.__file__)"
    imported = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=clean_environment(PYTHONPATH=python_path(folder)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert imported.stdout.count(str(folder)) == 2
    return folder


def python_path(files: Path) -> str:
    """What lets Python import these files, and not those of this commit."""
    return os.pathsep.join((str(files), str(files / "src")))


@asynccontextmanager
async def earlier_worker(
    client: Client, standin: StandIn, task_queue: str, files: Path
) -> AsyncIterator[Running]:
    """`python -m worker` with the code of the commit before, already polling."""
    environment = worker_environment(client, standin, task_queue, PYTHONPATH=python_path(files))
    async with running("-m", "worker", environment=environment, cwd=files) as process:
        await process.line("worker started")
        yield process


async def test_workers_of_two_commits_share_a_queue(
    temporal: Client, standin: StandIn, task_queue: str, earlier_files: Path
) -> None:
    """What the earlier one has begun goes on in either; nothing fails, and nothing twice."""
    load = Load(task_queue)
    async with earlier_worker(temporal, standin, task_queue, earlier_files) as earlier:
        await load.start(temporal)
        await control.pause(temporal, task_queue, "segment", reason="to have messages in flight")
        await load.start(temporal, singles=30)
        async with worker_process(temporal, standin, task_queue) as current:
            standin.script("segment", *[{"status": 500}] * 5)
            await load.start(temporal, singles=30)
            await control.resume(temporal, task_queue, "segment")
            statuses = await load.statuses(temporal)
            earlier.process.terminate()
            assert await earlier.ended() == 0
            await load.start(temporal)
            statuses |= await load.statuses(temporal)
    who = {
        event.workflow_task_completed_event_attributes.identity.partition("@")[0]
        for handle in load.handles
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_task_completed_event_attributes")
    }

    assert statuses == {"success"}
    assert load.accepted(standin) == load.ids
    assert who == {str(earlier.process.pid), str(current.process.pid)}
