"""The metrics of the gateway: requests by source and status, and the messages that it refuses."""

from collections.abc import AsyncIterator

import httpx
import pytest
from temporalio.client import Client

from tests.support.free_ports import free_port
from tests.support.gateway_process import address, gateway_process
from tests.support.scraped import Scraped, scrape
from tests.worker.processes import clean_environment, running

TRACK = {"userId": "u-7f3a", "event": "Signed Up"}


@pytest.fixture
async def served(temporal: Client, task_queue: str) -> AsyncIterator[tuple[str, str]]:
    """The URL of a gateway, and the address of its metrics."""
    metrics = f"127.0.0.1:{free_port()}"
    settings = {
        "ANALYTICS_GATEWAY__METRICS_ADDRESS": metrics,
        "ANALYTICS_SOURCES__SHOP__WRITE_KEY": "a-key",
        "ANALYTICS_SOURCES__SHOP__INTEGRATIONS": "segment, journy",
        "ANALYTICS_SOURCES__SHOP__MESSAGE_LIMIT_BYTES": "1024",
    }
    async with gateway_process(address(temporal), task_queue, settings=settings) as gateway:
        yield gateway.url, metrics


async def send(url: str, requests: list[tuple[str, str, object]]) -> list[int]:
    """Send to paths with write keys; returns the statuses."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return [
            (await client.post(f"{url}{path}", json=body, auth=(key, ""))).status_code
            for path, key, body in requests
        ]


async def test_requests_and_refused_messages_are_counted(served: tuple[str, str]) -> None:
    """By source; a refused message for each of its integrations, with the reason of the status."""
    url, metrics = served
    statuses = await send(
        url,
        [
            ("/v1/track", "a-key", TRACK),
            ("/v1/batch", "a-key", {"batch": [{"type": "track", **TRACK}] * 3}),
            ("/v1/track", "a-key", {**TRACK, "properties": {"a": "x" * 2000}}),
            ("/v1/batch", "a-key", {"batch": [{"type": "track", **TRACK}] * 2501}),
            ("/v1/identify", "another-key", {"userId": "u-7f3a"}),
            ("/v1/u-7f3a", "a-key", TRACK),
        ],
    )
    samples: Scraped = await scrape(metrics)

    assert statuses == [200, 200, 413, 413, 401, 404]
    assert samples.by("analytics_gateway_requests_total", "source", "status") == {
        ("shop", "200"): 2,
        ("shop", "413"): 2,
        ("unknown", "401"): 1,
    }
    refused = {
        ("track", "http_413"): 1,
        ("batch", "http_413"): 2501,
    }
    of_source = {
        (integration, method, stage, reason if stage == "refused" else ""): count
        for integration in ("segment", "journy")
        for (method, reason), count in refused.items()
        for stage in ("received", "refused")
    }
    labels = ("integration", "method", "stage", "reason")
    assert samples.by("analytics_messages_total", *labels) == {
        **of_source,
        ("unknown", "identify", "received", ""): 1,
        ("unknown", "identify", "refused", "http_401"): 1,
    }
    values = {v for s in samples if s.name.startswith("analytics") for v in s.labels.values()}
    assert values & {"u-7f3a", "Signed Up", "another-key", "a-key"} == set()


async def test_probes_and_documents_are_no_requests_with_messages(
    served: tuple[str, str],
) -> None:
    url, metrics = served
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/health", "/ready", "/openapi.json"):
            assert (await client.get(f"{url}{path}")).is_success
    samples = await scrape(metrics)

    assert samples.by("analytics_gateway_requests_total", "source") == {}
    assert samples.value("temporal_request") > 0


async def test_a_taken_address_is_a_wrong_setting(
    temporal: Client, served: tuple[str, str]
) -> None:
    """One line names the setting."""
    _, metrics = served
    environment = clean_environment(
        TEMPORAL_ADDRESS=address(temporal),
        ANALYTICS_GATEWAY__PORT=str(free_port()),
        ANALYTICS_GATEWAY__METRICS_ADDRESS=metrics,
        ANALYTICS_SOURCES__SHOP__WRITE_KEY="a-key",
    )
    async with running("-m", "gateway", environment=environment) as gateway:
        status = await gateway.ended()

    assert status == 2
    assert gateway.lines == [
        f"gateway.metrics_address: cannot listen on {metrics}; set another address or port"
    ]
