"""The browser SDK's own retries: whatever goes wrong for a while, all of it arrives."""

import pytest
from temporalio.client import Client

from durable_analytics.testing import StandIn
from tests.conftest import Json
from tests.gateway.browser.arrivals import arrivals, assert_same
from tests.gateway.browser.pages import Browser, Plan
from tests.gateway.processes import Way, address, free_port, gateway_process
from worker import Settings

BATCHING: Json = {"strategy": "batching", "config": {"size": 2, "timeout": 100}}

strategies = pytest.mark.parametrize("strategy", [None, BATCHING], ids=["standard", "batching"])


def tracks(count: int) -> list[list[object]]:
    """So many calls."""
    return [["track", f"Event {n}", {"n": n, "nothing": None}] for n in range(count)]


@strategies
async def test_temporal_is_away(
    browser: Browser,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    strategy: Json | None,
) -> None:
    """503: the SDK keeps the messages and sends them again, with the same ids."""
    async with (
        Way(address(temporal)) as way,
        gateway_process(way.address, running_worker.task_queue) as gateway,
    ):
        way.cut()
        async with browser.visit(gateway.url, Plan(tracks(4), strategy=strategy)) as recorder:
            refused = await recorder.wait_for(lambda one: one.status == 503)
            report = await browser.site.done()
            way.mend()
            arrived = await arrivals(standin, 4)

    assert arrived.keys() == set(report["messageIds"]) >= set(refused.message_ids)
    assert_same(recorder, arrived)
    assert refused.answer_headers["Retry-After"] == "1"
    again = [one for one in recorder.sent if one.status == 200]
    assert any(int(one.headers.get("X-Retry-Count", 0)) > 0 for one in again)
    asked = [one for one in recorder.exchanges if one.method == "OPTIONS"]
    assert any("x-retry-count" in one.headers["Access-Control-Request-Headers"] for one in asked)


@strategies
async def test_too_many_requests(
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
    refused = [one for one in recorder.sent if one.status == 429]
    assert refused
    assert all(one.answer_headers["Retry-After"] == "1" for one in refused)
    if not strategy:
        # With this error the SDK says that it could read the header, across origins.
        assert "RateLimitError: Rate limit exceeded: 429" in report["errors"]


@strategies
async def test_the_gateway_is_killed(
    browser: Browser,
    temporal: Client,
    running_worker: Settings,
    standin: StandIn,
    strategy: Json | None,
) -> None:
    """While the SDK sends: what was answered has arrived, the rest arrives through the next."""
    port = free_port()
    where = address(temporal), running_worker.task_queue
    slow = {"ANALYTICS_GATEWAY__GATHER_INTERVAL": "0.3"}
    async with (
        gateway_process(*where, port=port, settings=slow) as gateway,
        browser.visit(gateway.url, Plan(tracks(20), strategy=strategy)) as recorder,
    ):
        await recorder.wait_for(lambda one: one.status == 200)
        gateway.run.process.kill()
        await gateway.run.ended()
        await recorder.wait_for(lambda one: one.status == 0)
        async with gateway_process(*where, port=port):
            report = await browser.site.done()
            arrived = await arrivals(standin, 20)

    assert arrived.keys() == set(report["messageIds"]) == recorder.taken.keys()


async def test_the_next_page_sends_it(
    browser: Browser, temporal: Client, running_worker: Settings, standin: StandIn
) -> None:
    """What was refused when the visitor went on is sent by the next page, with the same ids."""
    async with (
        Way(address(temporal)) as way,
        gateway_process(way.address, running_worker.task_queue) as gateway,
    ):
        way.cut()
        plans = Plan(tracks(3), next="in time"), Plan([])
        async with browser.visit(gateway.url, *plans) as recorder:
            await browser.site.done()
            refused = {id_ for one in recorder.sent for id_ in one.message_ids}
            way.mend()
            arrived = await arrivals(standin, 3)

    assert arrived.keys() == refused
    assert_same(recorder, arrived)
