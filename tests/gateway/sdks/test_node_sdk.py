"""Segment's SDK for Node delivers durably when its host is the gateway."""

from pathlib import Path

import pytest

from durable_analytics.testing import StandIn
from tests.support.gateway_process import BlockableProxy
from tests.support.node_sdk import node_sdk
from tests.support.recording_proxy import RecordingProxy, all_arrived, ids, plain
from tests.support.sdk_calls import DATA, every_call, ids_of, tracks

pytestmark = pytest.mark.slow

SOON = 500
"""Milliseconds. While full batches are on their way, `flush` leaves a part of one to this timer."""


async def test_every_method_arrives_unchanged(
    node: Path, recorder: RecordingProxy, standin: StandIn
) -> None:
    """What arrives of every method is what the SDK sent."""
    calls = every_call()

    async with node_sdk(node, recorder.url) as sdk:
        await sdk.send(calls)
        done = await sdk.close()

    arrived = await all_arrived(standin, recorder.acknowledged())
    assert plain(arrived, recorder.slow()) == plain(recorder.sent(), recorder.slow())
    assert len(arrived) == len(calls)
    assert DATA in [message["traits"] for message in arrived if message["type"] == "group"]
    assert sorted(done["delivered"]) == ids(arrived)
    assert done["failed"] == done["errors"] == []


async def test_batches_arrive_in_order(
    node: Path, recorder: RecordingProxy, standin: StandIn
) -> None:
    """Messages that were tracked fast arrive in few requests, each in the SDK's order."""
    calls = tracks(250)

    async with node_sdk(node, recorder.url, flushAt=100, flushInterval=SOON) as sdk:
        await sdk.send(calls)
        done = await sdk.flush()
        flushed = recorder.acknowledged()
        await sdk.close()

    assert sorted(flushed) == sorted(done["delivered"]) == ids_of(calls)
    arrived = await all_arrived(standin, flushed)
    assert ids(arrived) == ids_of(calls)
    # The gateway combines lists that arrive together; each stays whole and in order.
    received = [[item["messageId"] for item in row["body"]["batch"]] for row in standin.requests]
    for exchange in recorder.exchanges:
        if exchange.status == 200:
            (batch,) = [sent for sent in received if exchange.ids[0] in sent]
            start = batch.index(exchange.ids[0])
            assert batch[start : start + len(exchange.ids)] == exchange.ids


async def test_close_waits_for_every_response(
    node: Path, recorder: RecordingProxy, standin: StandIn
) -> None:
    """When the SDK is closed, the gateway has answered for every message."""
    calls = tracks(250)

    async with node_sdk(node, recorder.url, flushInterval=SOON) as sdk:
        await sdk.send(calls)
        await sdk.close()
        closed = recorder.acknowledged()

    assert sorted(closed) == ids_of(calls)
    await all_arrived(standin, ids_of(calls))


async def test_messages_are_retried_after_503(
    node: Path, proxy: BlockableProxy, blockable_recording_proxy: RecordingProxy, standin: StandIn
) -> None:
    """What was answered 503 comes again once Temporal is back, each message once."""
    calls = tracks(30)
    proxy.disconnect()

    async with node_sdk(node, blockable_recording_proxy.url) as sdk:
        await sdk.send(calls)
        refused = await blockable_recording_proxy.answered(lambda exchange: exchange.status == 503)
        proxy.restore()
        done = await sdk.close()

    assert refused[0].retry_after == "1"
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sorted(done["delivered"]) == ids_of(calls)


async def test_messages_are_retried_after_429(
    node: Path, rate_limited_proxy: RecordingProxy, standin: StandIn
) -> None:
    """What was answered 429 comes again when there is room, each message once."""
    calls = tracks(15)

    async with node_sdk(node, rate_limited_proxy.url, flushAt=5) as sdk:
        await sdk.send(calls)
        done = await sdk.close()

    assert {200, 429} <= set(rate_limited_proxy.statuses())
    refused = [exchange for exchange in rate_limited_proxy.exchanges if exchange.status == 429]
    assert {exchange.retry_after for exchange in refused} == {"1"}
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sorted(done["delivered"]) == ids_of(calls)


async def test_unknown_write_key_is_reported_and_not_retried(
    node: Path, recorder: RecordingProxy, standin: StandIn
) -> None:
    """The SDK tells of it, and does not send it again; nothing arrives."""
    lost, good = tracks(2)

    async with (
        node_sdk(node, recorder.url, writeKey="unknown") as wrong,
        node_sdk(node, recorder.url) as right,
    ):
        await wrong.send([lost])
        done = await wrong.close()
        await right.send([good])
        await right.close()

    assert (done["delivered"], done["failed"]) == ([], ids_of([lost]))
    assert done["errors"] == ["delivery_failure: [401] Unauthorized"]
    assert recorder.statuses()[0] == 401
    assert 401 not in recorder.statuses()[1:]
    assert ids(await all_arrived(standin, ids_of([good]))) == ids_of([good])
