"""The health check, against a real server and a real worker."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from socket import gethostname

import pytest
from temporalio.client import Client

from durable_analytics.temporal.connection import connect
from durable_analytics.testing import StandIn
from tests.support.json_objects import Execute
from tests.support.worker_settings import settings_for
from tests.worker.deliveries import own_process
from tests.worker.processes import running, worker_environment
from worker import Settings, health

Check = Callable[[Mapping[str, str]], Awaitable[tuple[int, str]]]

MESSAGE = {"track": {"user_id": "u-1", "event": "Signed Up"}}


@pytest.fixture
async def polling(execute: Execute, running_worker: Settings) -> Settings:
    """The settings of a worker that has certainly polled: it has delivered."""
    await execute("Track", MESSAGE)
    return running_worker


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Check:
    """Run the check in this process; returns its exit status and what it printed."""
    monkeypatch.chdir(tmp_path)

    async def run(environment: Mapping[str, str]) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        status = await asyncio.to_thread(health.main)
        return status, capsys.readouterr().err

    return run


async def _health(environment: dict[str, str]) -> tuple[int, str]:
    """Run the check as the container does; returns its exit status and what it printed."""
    async with running("-m", "worker.health", environment=environment) as check:
        status = await check.ended()
    return status, "".join(f"{line}\n" for line in check.lines)


async def test_is_healthy_while_a_worker_of_this_host_polls(
    temporal: Client, standin: StandIn, polling: Settings
) -> None:
    environment = worker_environment(temporal, standin, polling.task_queue)
    environment["ANALYTICS_INTEGRATION_QUEUES"] = "false"

    assert await _health(environment) == (0, "")


async def test_is_healthy_only_while_the_queues_of_all_integrations_are_polled(
    temporal: Client, standin: StandIn, polling: Settings, task_queue: str, check: Check
) -> None:
    """A worker of one queue alone is not healthy; the line names the queue that nobody polls."""
    one = await check(worker_environment(temporal, standin, polling.task_queue))
    async with own_process(temporal, settings_for(standin, task_queue=task_queue)):
        all_queues = await check(worker_environment(temporal, standin, task_queue))

    assert one == (
        1,
        (
            f"no worker on {gethostname()} has polled task queue "
            f"{polling.task_queue}.amplitude lately\n"
        ),
    )
    assert all_queues == (0, "")


async def test_is_unhealthy_without_a_worker(temporal: Client, standin: StandIn) -> None:
    """One line names the host and the task queue."""
    environment = worker_environment(temporal, standin, "nobody-polls")

    assert await _health(environment) == (
        1,
        f"no worker on {gethostname()} has polled task queue nobody-polls lately\n",
    )


async def test_is_unhealthy_without_a_server(
    temporal: Client, standin: StandIn, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "connect", partial(connect, timedelta(seconds=0.5)))
    environment = worker_environment(temporal, standin, "analytics")

    assert await check(environment | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}) == (
        1,
        (
            "no Temporal server responds at 127.0.0.1:1 (connection refused): "
            "start one, or set TEMPORAL_ADDRESS\n"
        ),
    )


async def test_a_wrong_setting_or_profile_is_told(
    temporal: Client, standin: StandIn, check: Check
) -> None:
    """As text, without a traceback."""
    environment = worker_environment(temporal, standin, "analytics")

    assert await check(environment | {"TEMPORAL_PROFILE": "none"}) == (
        1,
        "the connection to Temporal: Profile 'none' not found\n",
    )
    status, output = await check(environment | {"ANALYTICS_TASK_QUEUE": ""})
    assert status == 1
    assert output.startswith("task_queue: ")


async def test_a_poll_of_long_ago_does_not_count(
    temporal: Client, polling: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What polled once, and does no longer, is unhealthy; the line says since when."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.service_client.config.target_host)
    monkeypatch.setattr(health, "RECENT", timedelta(0))

    problem = await health.check([polling.task_queue])

    assert problem
    assert problem.startswith(
        f"no worker on {gethostname()} has polled task queue analytics since "
    )


async def test_workers_of_other_hosts_do_not_count(temporal: Client, polling: Settings) -> None:
    queue = polling.task_queue

    assert await health.last_poll(temporal, queue, "another-host") is None
    assert await health.last_poll(temporal, queue, gethostname()) is not None


def test_main_returns_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without an integration there is no worker to be healthy."""
    monkeypatch.chdir(tmp_path)

    assert health.main() == 1
    assert "integrations" in capsys.readouterr().err
