"""The browser SDK as it is, on a page of another origin: what it sends arrives."""

from datetime import UTC, datetime, timedelta

import pytest

from durable_analytics.testing import StandIn
from tests.support.browser import Browser, Calls, Plan
from tests.support.browser_arrivals import arrivals, assert_same, time_of
from tests.support.gateway_process import Gateway
from tests.support.json_objects import Json

pytestmark = pytest.mark.slow

ANYTHING: Json = {
    "nothing": None,
    "text": 'Grüße aus Zürich 🛒👩‍💻 \u0000 \u2028 " \\ </script>',
    "whole": 9007199254740991,
    "part": -0.1,
    "huge": 1.7976931348623157e308,
    "tiny": 5e-324,
    "true": True,
    "one": 1,
    "list": [None, [], {}, ["a", {"b": [False]}]],
    "nested": {"a": {"b": {"c": None, "ü.ö $ä": ""}}},
    "": "no name",
}
WHEN = "2026-01-31T09:30:00.123Z"
OPTIONS: Json = {
    "timestamp": WHEN,
    "integrations": {
        "All": False,
        "Segment": True,
        "Mixpanel": True,
        "Amplitude": {"session_id": 1795263851146},
    },
    "context": {"active": True, "app": {"name": "Läden", "build": None}, "ip": "192.0.2.7"},
}

CALLS: Calls = [
    ["setAnonymousId", "anonymous-ü"],
    ["alias", "u-1", "anonymous-ü"],
    ["identify", "u-1", {**ANYTHING, "email": "ö@example.com", "createdAt": WHEN}, OPTIONS],
    ["identify", {"plan": None}],
    ["group", "g-1", {**ANYTHING, "employees": 12}, OPTIONS],
    ["track", "Order Completed 🛒", {**ANYTHING, "revenue": 19.99, "currency": "EUR"}, OPTIONS],
    ["track", "Bare"],
    ["track", "Named", {}, {"messageId": "my-own-id", "userId": "u-2", "anonymousId": "a-2"}],
    ["page", "Docs", "Start", {**ANYTHING, "keywords": ["a", "b"]}, OPTIONS],
    ["page"],
    ["pageView", "/elsewhere"],
    ["screen", "Shop", "Cart", ANYTHING, OPTIONS],
    ["screen", "Bare"],
    ["trackLink", "Link Clicked", ANYTHING],
    ["trackClick", "Click Seen", {"n": 1}],
    ["trackSubmit", "Form Submitted", {"n": 2}],
    ["trackForm", "Form Sent", {"n": 3}],
    ["reset"],
    ["track", "Somebody Else"],
]
NO_MESSAGE = ("setAnonymousId", "reset")


async def test_every_method_arrives_unchanged(
    browser: Browser, gateway: Gateway, standin: StandIn
) -> None:
    """Each call arrives as the SDK sent it, key by key, through the path of its type."""
    count = sum(call[0] not in NO_MESSAGE for call in CALLS) + len(["ajs_uid", "ajs_event"])
    query = "ajs_uid=u-0&ajs_trait_city=K%C3%B6ln&ajs_event=Came&ajs_prop_from=mail&utm_source=mail"

    async with browser.visit(gateway.url, Plan(CALLS), query=query) as recorder:
        report = await browser.site.done()
        arrived = await arrivals(standin, count)

    assert report["errors"] == []
    assert set(report["messageIds"]) < arrived.keys()
    assert_same(recorder, arrived)
    assert len(recorder.sent) == count
    assert {exchange.status for exchange in recorder.exchanges} == {200}
    types = {
        exchange.path: {message["type"] for message in exchange.messages}
        for exchange in recorder.sent
    }
    assert types == {
        "/v1/a": {"alias"},
        "/v1/g": {"group"},
        "/v1/i": {"identify"},
        "/v1/p": {"page"},
        "/v1/s": {"screen"},
        "/v1/t": {"track"},
    }
    named = {one["event"]: one for one in arrived.values() if one["type"] == "track"}
    order = named["Order Completed 🛒"]
    assert order["properties"] == {**ANYTHING, "revenue": 19.99, "currency": "EUR"}
    assert order["integrations"] == OPTIONS["integrations"]
    assert order["context"].items() > OPTIONS["context"].items()
    assert named["Named"]["messageId"] == "my-own-id"


async def test_browser_sends_a_preflight_request(
    browser: Browser, gateway: Gateway, standin: StandIn
) -> None:
    """The gateway is of another origin: the browser asks before it sends the write key."""
    async with browser.visit(gateway.url, Plan([["track", "Hi"]])) as recorder:
        await browser.site.done()
        await arrivals(standin, 1)

    asked, sent = (exchange for exchange in recorder.exchanges if exchange.path == "/v1/t")
    assert asked.method == "OPTIONS"
    assert asked.headers["Access-Control-Request-Headers"] == "authorization"
    assert "authorization" in asked.response_headers["Access-Control-Allow-Headers"]
    assert sent.headers["Origin"] == browser.site.origin
    assert sent.headers["Authorization"].startswith("Basic ")
    assert sent.headers["Content-Type"].startswith("text/plain")


async def test_batches_arrive_unchanged(
    browser: Browser, gateway: Gateway, standin: StandIn
) -> None:
    """With the SDK's strategy "batching", all of it arrives through `/v1/b`."""
    strategy = {"strategy": "batching", "config": {"size": 10, "timeout": 100}}
    tracks: Calls = [["track", f"Event {n}", {**ANYTHING, "n": n}, OPTIONS] for n in range(22)]
    others = [call for call in CALLS if call[0] in {"alias", "identify", "group", "page", "screen"}]
    calls = [*tracks, *others]

    async with browser.visit(gateway.url, Plan(calls, strategy=strategy)) as recorder:
        report = await browser.site.done()
        arrived = await arrivals(standin, len(calls))

    assert report["errors"] == []
    assert set(report["messageIds"]) == arrived.keys()
    assert_same(recorder, arrived)
    assert {exchange.path for exchange in recorder.sent} == {"/v1/b"}
    assert 1 < len(recorder.sent) < len(calls)


async def test_unpaired_surrogate_arrives_replaced(
    browser: Browser, gateway: Gateway, standin: StandIn
) -> None:
    """JavaScript that cuts a text leaves half an emoji behind; the rest of the text arrives."""
    async with browser.visit(gateway.url, Plan([["track", "Hi", {"cut": "so \ud83d"}]])):
        await browser.site.done()
        (message,) = (await arrivals(standin, 1)).values()

    assert message["properties"] == {"cut": "so \ufffd"}


STRATEGIES: list[Json | None] = [
    None,
    {"strategy": "batching", "config": {"size": 3, "timeout": 100}},
]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=["standard", "batching"])
async def test_timestamps_of_a_wrong_clock_are_corrected(
    browser: Browser, gateway: Gateway, standin: StandIn, strategy: Json | None
) -> None:
    """A browser whose clock is ahead: the messages arrive with the time that it was."""
    fast_by = timedelta(hours=5)
    told = (datetime.now(UTC) + fast_by - timedelta(days=1)).isoformat()
    calls: Calls = [["track", "Now"], ["track", "Yesterday", {}, {"timestamp": told}]]
    plan = Plan(calls, strategy=strategy, clock_is_fast_by=fast_by // timedelta(milliseconds=1))
    # The SDK writes milliseconds.
    began = datetime.now(UTC) - timedelta(milliseconds=1)

    async with browser.visit(gateway.url, plan) as recorder:
        await browser.site.done()
        arrived = {one["event"]: one for one in (await arrivals(standin, 2)).values()}

    ended = datetime.now(UTC)
    assert all(exchange.sent_at > ended + timedelta(hours=4) for exchange in recorder.sent)
    assert began <= time_of(arrived["Now"]) <= ended
    day = timedelta(days=1)
    assert began - day - timedelta(seconds=60) <= time_of(arrived["Yesterday"]) <= ended - day


LEFT = [
    ({"config": {"keepalive": True}}, "at once"),
    ({"strategy": "batching", "config": {"size": 100, "timeout": 600_000}}, "in time"),
]


@pytest.mark.parametrize(("strategy", "when"), LEFT, ids=["standard", "batching"])
async def test_messages_arrive_after_the_page_is_left(
    browser: Browser, gateway: Gateway, standin: StandIn, strategy: Json, when: str
) -> None:
    """What was just tracked, or waits for its batch, arrives although the page is gone."""
    calls: Calls = [["track", f"Event {n}"] for n in range(3)]
    plans = Plan(calls, strategy=strategy, next=when), Plan([])

    async with browser.visit(gateway.url, *plans) as recorder:
        await browser.site.done()
        arrived = await arrivals(standin, len(calls))

    assert_same(recorder, arrived)
