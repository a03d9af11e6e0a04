"""A real Prometheus beside the real processes: the dashboard has data, and alerts fire and end."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.free_ports import free_ports
from tests.support.gateway_process import address, gateway_process
from tests.support.prometheus import Prometheus, dashboard_queries, running_prometheus
from tests.worker.processes import worker_process

pytestmark = pytest.mark.slow

OUTAGE = 5_000
"""More failing responses than the test sends requests."""

SETTINGS = {
    # The breaker opens and probes within seconds; a message fails after two attempts.
    "ANALYTICS_INTEGRATIONS__JOURNY__BREAKER__MINIMUM": "5",
    "ANALYTICS_INTEGRATIONS__JOURNY__BREAKER__OPEN_FOR": "PT2S",
}


@asynccontextmanager
async def traffic(url: str, keys: tuple[str, ...]) -> AsyncIterator[None]:
    """Send one message of each source ten times a second, until the end of the block."""
    numbers = itertools.count()

    async def send(client: httpx.AsyncClient) -> None:
        while True:
            number = next(numbers)
            for key in keys:
                body = {"userId": "u-1", "event": "Hi", "messageId": f"{key}-{number}"}
                response = await client.post(f"{url}/v1/track", json=body, auth=(key, ""))
                assert response.status_code == 200
            # A refusal of the worker, and one of the gateway.
            await client.post(f"{url}/v1/track", json={"userId": "u-1"}, auth=(keys[0], ""))
            await client.post(f"{url}/v1/track", json={}, auth=("nobody", ""))
            await asyncio.sleep(0.1)

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        sending = asyncio.create_task(send(client))
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def without_data(prometheus: Prometheus) -> list[str]:
    """The panels of the dashboard that show nothing but NaN, or nothing."""
    empty = []
    for title, query in dashboard_queries().items():
        values = [one["value"][1] for one in await prometheus.query(query)]
        if not set(values) - {"NaN"}:
            empty.append(title)
    return empty


async def until_all_panels_have_data(prometheus: Prometheus) -> list[str]:
    """Wait until each panel has data; returns those that have none after a minute."""
    for _ in range(60):
        if not (empty := await without_data(prometheus)):
            break
        await asyncio.sleep(1)
    return empty


async def test_the_dashboard_has_data_and_the_right_alerts_fire_and_end(
    temporal: Client, standin: StandIn, task_queue: str, tmp_path: Path
) -> None:
    """Under traffic nothing fires; in an outage of one provider its alerts do, and no others."""
    worker_address, gateway_address = (f"127.0.0.1:{port}" for port in free_ports(2))
    targets = {"analytics-worker": worker_address, "analytics-gateway": gateway_address}
    gateway_settings = {"ANALYTICS_GATEWAY__METRICS_ADDRESS": gateway_address}
    worker_settings = {**SETTINGS, "ANALYTICS_METRICS_ADDRESS": worker_address}
    paused = ("AnalyticsIntegrationPaused", "journy")
    low = ("AnalyticsDeliveryRateLow", "journy")
    quiet = ("AnalyticsSourceQuiet", "segment")
    async with (
        running_prometheus(tmp_path, targets) as prometheus,
        gateway_process(address(temporal), task_queue, settings=gateway_settings) as gateway,
    ):
        async with (
            worker_process(temporal, standin, task_queue, **worker_settings),
            traffic(gateway.url, ("journy",)),
        ):
            async with traffic(gateway.url, ("segment",)):
                assert await until_all_panels_have_data(prometheus) == []
                await prometheus.until_nothing_fires()

                standin.script("journy", *[{"status": 503}] * OUTAGE)
                await prometheus.until(low, fires=True)
                await prometheus.until(paused, fires=True)
                during = await prometheus.firing()

                standin.clear()
                await prometheus.until(paused, fires=False)
                await prometheus.until(low, fires=False)
            await prometheus.until(quiet, fires=True)
            async with traffic(gateway.url, ("segment",)):
                await prometheus.until(quiet, fires=False)
        await prometheus.until(("AnalyticsNoWorker", ""), fires=True)
        async with worker_process(temporal, standin, task_queue, **worker_settings):
            await prometheus.until(("AnalyticsNoWorker", ""), fires=False)

    assert {name for name, about in during if about == "segment"} == set()
    assert {low, paused} <= during
