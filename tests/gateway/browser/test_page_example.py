"""The example of docs/gateway.md for browsers, on a web page as it stands there."""

from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.documentation.pages import blocks, page
from tests.support.browser import Browser, Site
from tests.support.delivered import wait_for_messages
from tests.support.gateway_process import Gateway

pytestmark = pytest.mark.slow

(CODE,) = (block for block in blocks(page("gateway"), "js") if "analytics-next" in block)

HTML = """<!doctype html>
<script>window.analytics = { _cdn: location.origin }</script>
<script src="/analytics-next/bundles/index.js"></script>
<script type="importmap">
{"imports": {"@segment/analytics-next": "data:text/javascript,%s"}}
</script>
<script type="module">
%s</script>
"""
"""The SDK is a script of this page; a bundler finds it by the name of its package."""

NAMES = "export const { AnalyticsBrowser } = window.AnalyticsNext"


async def test_example_sends_its_messages(
    chromium: str, sdk: Path, gateway: Gateway, standin: StandIn, tmp_path: Path
) -> None:
    """The page gets its settings from the gateway, and sends an identify and a track."""
    file = tmp_path / "page.html"
    file.write_text(HTML % (NAMES, CODE.replace("http://localhost:8088", gateway.url)))
    async with Site(sdk, file) as site:
        profile = tmp_path / "profile"
        profile.mkdir()
        async with Browser(chromium, profile, site).visit(gateway.url):
            arrived = {one["type"]: one for one in await wait_for_messages(standin, 2)}
        assert not site.log

    assert arrived["identify"]["userId"] == "u-1"
    assert arrived["track"]["properties"] == {"plan": "pro"}
