"""Pages that may not send: of another origin than the gateway allows, or with another key."""

import httpx
import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.browser import Browser, Plan
from tests.support.browser_arrivals import arrivals, assert_same
from tests.support.gateway_process import Gateway, address, gateway_process
from worker import Settings

pytestmark = pytest.mark.slow

SHOP = "https://shop.example.com"
HI = [["track", "Hi"]]


async def test_disallowed_origin_can_neither_read_settings_nor_send(
    browser: Browser, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """The browser neither shows the settings to a page that is not allowed, nor sends for it."""
    allowed = {"ANALYTICS_GATEWAY__CORS_ORIGINS": SHOP}
    async with gateway_process(
        address(temporal), running_worker.task_queue, settings=allowed
    ) as gateway:
        async with browser.visit(gateway.url, Plan(HI)) as asking:
            report = await browser.site.done()
        assert report["errors"] == ["TypeError: Failed to fetch"]
        assert not asking.sent

        async with browser.visit(gateway.url, Plan(HI, asks=False)) as recorder:
            report = await browser.site.done()
        assert report["errors"] == ["TypeError: Failed to fetch"]
        assert {exchange.method for exchange in recorder.exchanges} == {"OPTIONS"}

    assert standin.requests == []


async def test_allowed_origin_can_send(
    browser: Browser, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """A page that is allowed, beside another, sends."""
    allowed = {"ANALYTICS_GATEWAY__CORS_ORIGINS": f"{SHOP}, {browser.site.origin}"}
    async with (
        gateway_process(address(temporal), running_worker.task_queue, settings=allowed) as gateway,
        browser.visit(gateway.url, Plan(HI)) as recorder,
    ):
        await browser.site.done()
        arrived = await arrivals(standin, 1)

        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as http:
            asking = {"Access-Control-Request-Method": "POST"}
            shop = await http.options("/v1/t", headers={"Origin": SHOP, **asking})
            other = await http.options("/v1/t", headers={"Origin": f"{SHOP}:444", **asking})

    assert_same(recorder, arrived)
    assert (shop.status_code, shop.headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert other.status_code == 400
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_unknown_write_key_is_reported_to_the_page(
    browser: Browser, gateway: Gateway, standin: StandIn
) -> None:
    """The page is told what is wrong, and what it sends nevertheless is refused for good."""
    async with browser.visit(gateway.url, Plan(HI, write_key="unknown")) as asking:
        report = await browser.site.done()
    assert "the write key is missing or unknown" in report["errors"][0]
    assert [exchange.status for exchange in asking.exchanges] == [401]

    async with browser.visit(gateway.url, Plan(HI, write_key="unknown", asks=False)) as recorder:
        report = await browser.site.done()
    assert set(report["errors"]) == {"NonRetryableError: Non-retryable error: 401"}
    assert [exchange.status for exchange in recorder.sent] == [401]

    assert standin.requests == []
