"""RudderStack's browser SDK as it is: the gateway is all that it needs."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.support.browser import Browser, Calls, Plan, Site
from tests.support.browser_arrivals import arrivals
from tests.support.browser_recorder import Recorder
from tests.support.gateway_process import Gateway
from tests.support.json_objects import Json
from tests.support.programs import TOOLS, run_program

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).with_name("rudder")

CALLS: Calls = [
    ["identify", "u-1", {"plan": "pro", "city": "Köln"}],
    ["track", "Order Completed 🛒", {"revenue": 19.99}],
    ["page", "Docs", "Start", {"n": 1}],
    ["group", "g-1", {"employees": 12}],
    ["alias", "u-2", "u-1"],
]


@dataclass(frozen=True)
class RudderPlan(Plan):
    """What the page does with RudderStack's SDK.

    Args:
        beacon: Whether the SDK sends with `sendBeacon`, which cannot set headers.
    """

    beacon: bool = False

    def to_json(self, recorder: Recorder) -> Json:
        """As the page reads it."""
        queue = {"flushQueueInterval": 200}
        options = {"useBeacon": self.beacon, "beaconQueueOptions": queue}
        return {
            "writeKey": self.write_key,
            "url": recorder.url,
            "options": options,
            "calls": self.calls,
        }


@pytest.fixture
async def rudder_browser(chromium: str, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser, and a page with the SDK that the lock file names."""
    await run_program(TOOLS / "npm", "ci", "--prefer-offline", "--no-progress", cwd=FOLDER)
    package = FOLDER / "node_modules" / "@rudderstack" / "analytics-js"
    bundles = package / "dist" / "npm" / "modern" / "bundled" / "esm"
    async with Site(bundles, FOLDER / "page.html", "/sdk") as site:
        yield Browser(chromium, tmp_path, site)


@pytest.mark.parametrize("beacon", [False, True], ids=["requests", "beacon"])
async def test_every_method_arrives_by_request_or_beacon(
    rudder_browser: Browser, gateway: Gateway, standin: StandIn, beacon: bool
) -> None:
    """It asks the gateway for its configuration, and every method arrives, beacon or not."""
    async with rudder_browser.visit(gateway.url, RudderPlan(CALLS, beacon=beacon)) as recorder:
        await rudder_browser.site.done()
        arrived = await arrivals(standin, len(CALLS))

    types = sorted(one["type"] for one in arrived.values())
    assert types == sorted(call[0] for call in CALLS)
    asked = [exchange for exchange in recorder.exchanges if exchange.path == "/sourceConfig/"]
    assert {exchange.status for exchange in asked if exchange.method == "GET"} == {200}
    sent = {(exchange.path, exchange.status) for exchange in recorder.sent}
    if beacon:
        assert sent == {("/beacon/v1/batch", 200)}
        assert not any("Authorization" in exchange.headers for exchange in recorder.sent)
    else:
        assert {status for _, status in sent} == {200}
