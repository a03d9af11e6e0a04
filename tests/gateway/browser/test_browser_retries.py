"""The browser SDK's own retries: whatever goes wrong for a while, all of it arrives."""

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.support.browser import Browser, Plan
from tests.support.browser_arrivals import arrivals, assert_same
from tests.support.free_ports import free_port
from tests.support.gateway_process import BlockableProxy, address, gateway_process
from tests.support.json_objects import Json
from worker import Settings

pytestmark = pytest.mark.slow

BATCHING: Json = {"strategy": "batching", "config": {"size": 2, "timeout": 100}}

strategies = pytest.mark.parametrize("strategy", [None, BATCHING], ids=["standard", "batching"])


def tracks(count: int) -> list[list[object]]:
    """So many calls."""
    return [["track", f"Event {n}", {"n": n, "nothing": None}] for n in range(count)]


@strategies
async def test_messages_are_retried_after_503(
    browser: Browser,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    strategy: Json | None,
) -> None:
    """503: the SDK keeps the messages and sends them again, with the same ids."""
    async with (
        BlockableProxy(address(temporal)) as proxy,
        gateway_process(proxy.address, running_worker.task_queue) as gateway,
    ):
        proxy.disconnect()
        async with browser.visit(gateway.url, Plan(tracks(4), strategy=strategy)) as recorder:
            refused = await recorder.wait_for(lambda exchange: exchange.status == 503)
            report = await browser.site.done()
            proxy.restore()
            arrived = await arrivals(standin, 4)
            # What was being stored arrives before its sender tries again.
            await recorder.wait_for(lambda _: arrived.keys() == recorder.taken.keys())

    assert arrived.keys() == set(report["messageIds"]) >= set(refused.message_ids)
    assert_same(recorder, arrived)
    assert refused.response_headers["Retry-After"] == "1"
    again = [exchange for exchange in recorder.sent if exchange.status == 200]
    assert any(int(exchange.headers.get("X-Retry-Count", 0)) > 0 for exchange in again)
    asked = [exchange for exchange in recorder.exchanges if exchange.method == "OPTIONS"]
    assert any(
        "x-retry-count" in exchange.headers["Access-Control-Request-Headers"] for exchange in asked
    )


@strategies
async def test_messages_are_retried_after_429(
    browser: Browser,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    strategy: Json | None,
) -> None:
    """429: the SDK reads when to try again, and does."""
    one_a_second = {"ANALYTICS_SOURCES__SEGMENT__REQUESTS_PER_SECOND": "1"}
    async with (
        gateway_process(
            address(temporal), running_worker.task_queue, settings=one_a_second
        ) as gateway,
        browser.visit(gateway.url, Plan(tracks(4), strategy=strategy)) as recorder,
    ):
        report = await browser.site.done()
        arrived = await arrivals(standin, 4)

    assert arrived.keys() == set(report["messageIds"])
    assert_same(recorder, arrived)
    refused = [exchange for exchange in recorder.sent if exchange.status == 429]
    assert refused
    assert all(exchange.response_headers["Retry-After"] == "1" for exchange in refused)
    if not strategy:
        # With this error the SDK says that it could read the header, across origins.
        assert "RateLimitError: Rate limit exceeded: 429" in report["errors"]


@strategies
async def test_messages_are_retried_after_the_gateway_is_killed(
    browser: Browser,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    strategy: Json | None,
) -> None:
    """While the SDK sends: what was answered has arrived, the rest arrives through the next."""
    port = free_port()
    where = address(temporal), running_worker.task_queue
    # Longer than the kill takes, and more requests than the browser sends at once.
    slow = {"ANALYTICS_GATEWAY__GATHER_INTERVAL": "2"}
    async with (
        gateway_process(*where, port=port, settings=slow) as gateway,
        browser.visit(gateway.url, Plan(tracks(60), strategy=strategy)) as recorder,
    ):
        if strategy:
            # The SDK sends two lists at once, and has then sent everything.
            await recorder.wait_until_sending()
        else:
            await recorder.wait_for(lambda exchange: exchange.status == 200)
        gateway.run.process.kill()
        await gateway.run.ended()
        await recorder.wait_for(lambda exchange: exchange.status == 0)
        async with gateway_process(*where, port=port):
            report = await browser.site.done()
            arrived = await arrivals(standin, 60)
            # What was stored before the kill has arrived; its response may come from the next one.
            await recorder.wait_for(lambda _: recorder.taken.keys() >= arrived.keys())

    assert arrived.keys() == set(report["messageIds"]) == recorder.taken.keys()


async def test_next_page_retries_messages_of_the_previous_one(
    browser: Browser, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """What was refused when the visitor went on is sent by the next page, with the same ids."""
    async with (
        BlockableProxy(address(temporal)) as proxy,
        gateway_process(proxy.address, running_worker.task_queue) as gateway,
    ):
        proxy.disconnect()
        plans = Plan(tracks(3), next="in time"), Plan([])
        async with browser.visit(gateway.url, *plans) as recorder:
            await browser.site.done()
            refused = {id_ for exchange in recorder.sent for id_ in exchange.message_ids}
            proxy.restore()
            arrived = await arrivals(standin, 3)
            # The gateway stores it in any case; the response to the page may come later.
            await recorder.wait_for(lambda _: recorder.taken.keys() >= arrived.keys())

    assert arrived.keys() == refused
    assert_same(recorder, arrived)
