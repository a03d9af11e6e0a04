"""A versioned worker: rollout and rollback with messages in flight."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.workflowservice import v1 as api
from temporalio.client import Client, WorkflowHandle
from temporalio.common import VersioningBehavior
from temporalio.service import RPCError, RPCStatusCode

from durable_analytics.errors import SettingsError
from durable_analytics.temporal import integration_control as control
from durable_analytics.temporal.pollers import last_polls
from durable_analytics.testing import StandIn
from tests.worker.load import Load
from tests.worker.processes import Running, clean_environment, running, worker_process
from worker.versioning import deployment_config, identity

_NOT_YET = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.NOT_FOUND)


def test_off_without_the_variables() -> None:
    """The identity is that of the SDK."""
    assert deployment_config() is None
    assert ":" not in identity()


def test_on_where_both_variables_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Executions go on at the current version."""
    monkeypatch.setenv("TEMPORAL_DEPLOYMENT_NAME", "analytics")
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "v7")

    config = deployment_config()

    assert config
    assert config.use_worker_versioning
    assert config.version.to_canonical_string() == "analytics.v7"
    assert config.default_versioning_behavior is VersioningBehavior.AUTO_UPGRADE
    assert identity().startswith("analytics.v7:")


@pytest.mark.parametrize("name", ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"])
async def test_one_variable_alone_stops_the_worker(temporal: Client, name: str) -> None:
    """With one line that names the other."""
    environment = clean_environment(
        **{
            "TEMPORAL_ADDRESS": temporal.service_client.config.target_host,
            "ANALYTICS_INTEGRATIONS__SEGMENT__WRITE_KEY": "a-key",
            name: "v1",
        }
    )
    async with running("-m", "worker", environment=environment) as worker:
        status = await worker.ended()

    assert status == 2
    line = next(line for line in worker.lines if "is required where" in line)
    assert name in line


def test_one_variable_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "v7")

    with pytest.raises(SettingsError, match="TEMPORAL_DEPLOYMENT_NAME: is required"):
        deployment_config()


@asynccontextmanager
async def version(
    client: Client, standin: StandIn, task_queue: str, build: str
) -> AsyncIterator[Running]:
    """A worker process of a version, which polls."""
    more = {"TEMPORAL_DEPLOYMENT_NAME": task_queue, "TEMPORAL_WORKER_BUILD_ID": build}
    async with worker_process(client, standin, task_queue, **more) as process:
        yield process


async def make_current(client: Client, task_queue: str, build: str) -> None:
    """Do what `temporal worker deployment set-current-version` does, once the version polls."""
    request = api.SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=task_queue,
        build_id=build,
        identity="tests",
    )
    async with asyncio.timeout(60):
        while True:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in _NOT_YET:
                    raise
                await asyncio.sleep(0.2)  # the server has no event for it
            else:
                return


async def version_of(handle: WorkflowHandle[Any, Any]) -> str:
    """The build that worked on an execution last."""
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    return str(info.deployment_version.build_id)


@pytest.mark.slow
async def test_rollout_and_rollback_with_a_thousand_messages_in_flight(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Nothing fails, and nothing is delivered twice; what waits goes on at the current version."""
    load = Load(task_queue)
    failing = [{"status": 500}] * 3
    async with version(temporal, standin, task_queue, "v1") as first:
        await make_current(temporal, task_queue, "v1")
        standin.script("segment", *failing, {"delay": 1.0})
        await load.start(temporal)
        await control.pause(temporal, task_queue, "segment", reason="to have messages in flight")
        await load.start_thousand(temporal)
        async with version(temporal, standin, task_queue, "v2") as second:
            assert load.in_flight(standin) >= 1_000
            await make_current(temporal, task_queue, "v2")
            first.process.terminate()
            assert await first.ended() == 0
            held = load.handles[-1]
            await load.start(temporal)
            await control.resume(temporal, task_queue, "segment")
            standin.script("segment", *failing, {"delay": 1.0})
            assert await load.statuses(temporal) == {"success"}
            rolled_out = await version_of(held)
            await control.pause(temporal, task_queue, "segment", reason="once more")
            already_ended = len(load.handles)
            await load.start_thousand(temporal)
            async with version(temporal, standin, task_queue, "v1") as again:
                assert load.in_flight(standin) == 1_000
                await make_current(temporal, task_queue, "v1")
                second.process.terminate()
                assert await second.ended() == 0
                polls = await last_polls(temporal, task_queue)
                await load.start(temporal)
                await control.resume(temporal, task_queue, "segment")
                assert await load.statuses(temporal) == {"success"}
                rolled_back = [await version_of(one) for one in load.handles[already_ended:]]
                assert again.process.returncode is None

    assert (rolled_out, {*rolled_back}) == ("v2", {"v1"})
    assert load.accepted(standin) == load.ids
    assert any(who.startswith(f"{task_queue}.v1:") for who in polls)
