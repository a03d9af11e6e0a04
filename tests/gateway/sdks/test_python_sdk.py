"""Segment's SDK for Python delivers durably when its host is the gateway."""

import asyncio
from typing import Any

import pytest

from durable_analytics.testing import StandIn
from tests.support.gateway_process import BlockableProxy
from tests.support.python_sdk import PythonSdk
from tests.support.recording_proxy import RecordingProxy, all_arrived, ids, plain
from tests.support.sdk_calls import DATA, every_call, ids_of, tracks

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"sync_mode": True}], ids=str)
async def test_every_method_arrives_unchanged(
    options: dict[str, Any], recorder: RecordingProxy, standin: StandIn
) -> None:
    """What arrives of every method is what the SDK sent, in each of its ways to send."""
    calls = [
        *every_call(),
        ("track", {"userId": 123, "event": "Numbers", "properties": {"large": 2**64 + 1}}),
    ]
    sdk = PythonSdk(recorder.url, **options)

    await asyncio.to_thread(sdk.send, calls)
    if "sync_mode" not in options:
        await asyncio.to_thread(sdk.close)

    arrived = await all_arrived(standin, recorder.acknowledged())
    assert plain(arrived, recorder.slow()) == plain(recorder.sent(), recorder.slow())
    assert len(arrived) == len(calls)
    assert DATA in [message["traits"] for message in arrived if message["type"] == "group"]
    assert sdk.failures == []


async def test_batches_arrive_in_order(recorder: RecordingProxy, standin: StandIn) -> None:
    """Messages that were tracked fast arrive in few requests, each in the SDK's order."""
    calls = tracks(250)
    sdk = PythonSdk(recorder.url)

    sdk.send(calls)
    await asyncio.to_thread(sdk.flush)
    flushed = recorder.acknowledged()
    await asyncio.to_thread(sdk.close)

    assert sorted(flushed) == ids_of(calls)
    arrived = await all_arrived(standin, flushed)
    assert ids(arrived) == ids_of(calls)
    there = [[item["messageId"] for item in row["body"]["batch"]] for row in standin.requests]
    assert sorted(there) == sorted(
        exchange.ids for exchange in recorder.exchanges if exchange.status == 200
    )


async def test_close_waits_for_every_response(recorder: RecordingProxy, standin: StandIn) -> None:
    """When the SDK is closed, the gateway has answered for every message."""
    calls = tracks(250)
    sdk = PythonSdk(recorder.url)

    sdk.send(calls)
    await asyncio.to_thread(sdk.close)

    assert sorted(recorder.acknowledged()) == ids_of(calls)
    await all_arrived(standin, ids_of(calls))


async def test_messages_are_retried_after_503(
    proxy: BlockableProxy, blockable_recording_proxy: RecordingProxy, standin: StandIn
) -> None:
    """What was answered 503 comes again once Temporal is back, each message once."""
    calls = tracks(30)
    sdk = PythonSdk(blockable_recording_proxy.url)
    proxy.disconnect()

    sdk.send(calls)
    refused = await blockable_recording_proxy.answered(lambda exchange: exchange.status == 503)
    proxy.restore()
    await asyncio.to_thread(sdk.close)

    assert refused[0].retry_after == "1"
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sdk.failures == []


async def test_messages_are_retried_after_429(
    rate_limited_proxy: RecordingProxy, standin: StandIn
) -> None:
    """What was answered 429 comes again when there is room, each message once."""
    calls = tracks(15)
    sdk = PythonSdk(rate_limited_proxy.url, upload_size=5)

    sdk.send(calls)
    await asyncio.to_thread(sdk.close)

    assert {200, 429} <= set(rate_limited_proxy.statuses())
    refused = [exchange for exchange in rate_limited_proxy.exchanges if exchange.status == 429]
    assert {exchange.retry_after for exchange in refused} == {"1"}
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sdk.failures == []


async def test_unknown_write_key_is_reported_and_not_retried(
    recorder: RecordingProxy, standin: StandIn
) -> None:
    """The SDK tells of it, and does not send it again; nothing arrives."""
    lost, good = tracks(2)
    wrong, right = PythonSdk(recorder.url, "unknown"), PythonSdk(recorder.url)

    wrong.send([lost])
    await asyncio.to_thread(wrong.close)
    right.send([good])
    await asyncio.to_thread(right.close)

    ((error, messages),) = wrong.failures
    assert "401" in error
    assert "the write key is missing or unknown" in error
    assert messages == ids_of([lost])
    assert recorder.statuses()[0] == 401
    assert 401 not in recorder.statuses()[1:]
    assert ids(await all_arrived(standin, ids_of([good]))) == ids_of([good])
