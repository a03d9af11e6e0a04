"""`/metrics`, `/health` and `/ready` of the worker process on its `metrics_address`."""

import asyncio
import signal
import socket
from contextlib import closing

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.free_ports import free_port
from tests.support.gateway_process import BlockableProxy, address
from tests.support.scraped import scrape
from tests.worker.deliveries import outcome, start
from tests.worker.processes import running, worker_environment, worker_process


async def get(url: str) -> tuple[int, object]:
    """The status and the JSON of a response."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        response = await client.get(url)
    return response.status_code, response.json()


async def until_status(url: str, status: int) -> object:
    """Wait until a URL answers with this status; there is no event for it."""
    async with asyncio.timeout(60):
        while True:
            current, body = await get(url)
            if current == status:
                return body
            await asyncio.sleep(0.1)


async def test_one_address_serves_metrics_and_probes(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """The SDK's metrics and ours, under their own names; `/ready` once the worker polls.

    A proxy in the environment is not used for what stays in the process.
    """
    served = f"127.0.0.1:{free_port()}"
    settings = {"ANALYTICS_METRICS_ADDRESS": served, "http_proxy": f"127.0.0.1:{free_port()}"}
    async with worker_process(temporal, standin, task_queue, **settings):
        ready = await until_status(f"http://{served}/ready", 200)
        delivered = await outcome(await start(temporal, task_queue))
        samples = await scrape(served)
        health = await get(f"http://{served}/health")
        status, unknown = await get(f"http://{served}/other")

    assert delivered["status"] == "success"
    assert ready == {"success": True}
    assert health == (200, {"success": True})
    assert status == 404
    assert "/metrics" in str(unknown)
    assert samples.value("analytics_messages_total", integration="segment", stage="delivered") == 1
    assert samples.value("temporal_workflow_completed", workflow_type="Track") == 1
    # In seconds, as Prometheus expects it: in milliseconds, the smallest bucket would be 1 or more.
    latency = "temporal_workflow_endtoend_latency_bucket"
    assert min(float(sample.labels["le"]) for sample in samples if sample.name == latency) < 1
    assert all("service_name" not in sample.labels for sample in samples)


async def test_a_worker_without_temporal_is_healthy_and_not_ready(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """A restart would not help it; the response has the reason. It is ready again afterwards."""
    served = f"127.0.0.1:{free_port()}"
    async with BlockableProxy(address(temporal)) as proxy:
        settings = {"ANALYTICS_METRICS_ADDRESS": served, "TEMPORAL_ADDRESS": proxy.address}
        async with worker_process(temporal, standin, task_queue, **settings):
            await until_status(f"http://{served}/ready", 200)
            proxy.disconnect()
            problem = await until_status(f"http://{served}/ready", 503)
            health = await get(f"http://{served}/health")
            metrics = await scrape(served)
            proxy.restore()
            ready = await until_status(f"http://{served}/ready", 200)

    assert isinstance(problem, dict)
    assert problem["success"] is False
    assert problem["message"]
    assert health == (200, {"success": True})
    assert metrics
    assert ready == {"success": True}


async def test_a_reload_of_the_settings_keeps_the_address_and_the_counts(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    """Before and after SIGHUP, the workers count together."""
    served = f"127.0.0.1:{free_port()}"
    settings = {"ANALYTICS_METRICS_ADDRESS": served}
    async with worker_process(temporal, standin, task_queue, **settings) as worker:
        await outcome(await start(temporal, task_queue))
        worker.process.send_signal(signal.SIGHUP)
        await worker.line("settings reloaded")
        await outcome(await start(temporal, task_queue))
        samples = await scrape(served)
        ready = await until_status(f"http://{served}/ready", 200)

    delivered = samples.by("analytics_messages_total", "integration", "stage")
    assert delivered == {("segment", "received"): 2, ("segment", "delivered"): 2}
    assert ready == {"success": True}


async def test_a_taken_address_is_a_wrong_setting(
    temporal: Client, standin: StandIn, task_queue: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        served = f"127.0.0.1:{taken.getsockname()[1]}"
        environment = worker_environment(
            temporal, standin, task_queue, ANALYTICS_METRICS_ADDRESS=served
        )
        async with running("-m", "worker", environment=environment) as worker:
            status = await worker.ended()

    assert status == 2
    reason = (
        f"metrics_address: cannot listen on {served}: Address already in use; "
        "set another address or port"
    )
    assert any(reason in line for line in worker.lines)


@pytest.mark.parametrize(
    "wrong", ["9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "::1:9464"]
)
async def test_an_address_is_an_ip_address_and_a_port(
    temporal: Client, standin: StandIn, task_queue: str, wrong: str
) -> None:
    """The line says what to write."""
    environment = worker_environment(temporal, standin, task_queue, ANALYTICS_METRICS_ADDRESS=wrong)
    async with running("-m", "worker", environment=environment) as worker:
        status = await worker.ended()

    assert status == 2
    (line,) = worker.lines
    assert line.startswith("metrics_address: ")
    assert '"127.0.0.1:9464"' in line
