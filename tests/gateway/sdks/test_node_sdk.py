"""Segment's SDK for Node delivers durably when its host is the gateway."""

from pathlib import Path

from durable_analytics.testing import StandIn
from tests.gateway.processes import Way
from tests.gateway.sdks.arrivals import Between, all_arrived, ids, plain
from tests.gateway.sdks.calls import DATA, every_call, ids_of, tracks
from tests.gateway.sdks.node_sdk import node_sdk

SOON = 500
"""Milliseconds. While full batches are on their way, `flush` leaves a part of one to this timer."""


async def test_round_trip(node: Path, between: Between, standin: StandIn) -> None:
    """What arrives of every method is what the SDK sent."""
    calls = every_call()

    async with node_sdk(node, between.url) as sdk:
        await sdk.send(calls)
        done = await sdk.close()

    arrived = await all_arrived(standin, between.acknowledged())
    assert plain(arrived, between.slow()) == plain(between.sent(), between.slow())
    assert len(arrived) == len(calls)
    assert DATA in [message["traits"] for message in arrived if message["type"] == "group"]
    assert sorted(done["delivered"]) == ids(arrived)
    assert done["failed"] == done["errors"] == []


async def test_batches_arrive_in_order(node: Path, between: Between, standin: StandIn) -> None:
    """Messages that were tracked fast arrive in few requests, each in the SDK's order."""
    calls = tracks(250)

    async with node_sdk(node, between.url, flushAt=100, flushInterval=SOON) as sdk:
        await sdk.send(calls)
        done = await sdk.flush()
        flushed = between.acknowledged()
        await sdk.close()

    assert sorted(flushed) == sorted(done["delivered"]) == ids_of(calls)
    arrived = await all_arrived(standin, flushed)
    assert ids(arrived) == ids_of(calls)
    there = [[item["messageId"] for item in row["body"]["batch"]] for row in standin.requests]
    assert sorted(there) == sorted(one.ids for one in between.exchanges if one.status == 200)
    assert all(one == sorted(one) for one in there)


async def test_close_waits(node: Path, between: Between, standin: StandIn) -> None:
    """When the SDK is closed, the gateway has answered for every message."""
    calls = tracks(250)

    async with node_sdk(node, between.url, flushInterval=SOON) as sdk:
        await sdk.send(calls)
        await sdk.close()
        closed = between.acknowledged()

    assert sorted(closed) == ids_of(calls)
    await all_arrived(standin, ids_of(calls))


async def test_retries_while_temporal_is_away(
    node: Path, way: Way, between_cut: Between, standin: StandIn
) -> None:
    """What was answered 503 comes again once Temporal is back, each message once."""
    calls = tracks(30)
    way.cut()

    async with node_sdk(node, between_cut.url) as sdk:
        await sdk.send(calls)
        refused = await between_cut.answered(lambda one: one.status == 503)
        way.mend()
        done = await sdk.close()

    assert refused[0].retry_after == "1"
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sorted(done["delivered"]) == ids_of(calls)


async def test_retries_above_the_limit(
    node: Path, between_limited: Between, standin: StandIn
) -> None:
    """What was answered 429 comes again when there is room, each message once."""
    calls = tracks(15)

    async with node_sdk(node, between_limited.url, flushAt=5) as sdk:
        await sdk.send(calls)
        done = await sdk.close()

    assert {200, 429} <= set(between_limited.statuses())
    refused = [one for one in between_limited.exchanges if one.status == 429]
    assert {one.retry_after for one in refused} == {"1"}
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sorted(done["delivered"]) == ids_of(calls)


async def test_an_unknown_write_key(node: Path, between: Between, standin: StandIn) -> None:
    """The SDK tells of it, and does not send it again; nothing arrives."""
    lost, good = tracks(2)

    async with (
        node_sdk(node, between.url, writeKey="unknown") as wrong,
        node_sdk(node, between.url) as right,
    ):
        await wrong.send([lost])
        done = await wrong.close()
        await right.send([good])
        await right.close()

    assert (done["delivered"], done["failed"]) == ([], ids_of([lost]))
    assert done["errors"] == ["delivery_failure: [401] Unauthorized"]
    assert between.statuses()[0] == 401
    assert 401 not in between.statuses()[1:]
    assert ids(await all_arrived(standin, ids_of([good]))) == ids_of([good])
