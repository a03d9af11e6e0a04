"""Segment's SDK for Python delivers durably when its host is the gateway."""

import asyncio
from typing import Any

import pytest

from durable_analytics.testing import StandIn
from tests.gateway.processes import Way
from tests.gateway.sdks.arrivals import Between, all_arrived, ids, plain
from tests.gateway.sdks.calls import DATA, every_call, ids_of, tracks
from tests.gateway.sdks.python_sdk import PythonSdk


@pytest.mark.parametrize("options", [{}, {"gzip": True}, {"sync_mode": True}], ids=str)
async def test_round_trip(options: dict[str, Any], between: Between, standin: StandIn) -> None:
    """What arrives of every method is what the SDK sent, in each of its ways to send."""
    calls = [
        *every_call(),
        ("track", {"userId": 123, "event": "Numbers", "properties": {"large": 2**64 + 1}}),
    ]
    sdk = PythonSdk(between.url, **options)

    await asyncio.to_thread(sdk.send, calls)
    if "sync_mode" not in options:
        await asyncio.to_thread(sdk.close)

    arrived = await all_arrived(standin, between.acknowledged())
    assert plain(arrived, between.slow()) == plain(between.sent(), between.slow())
    assert len(arrived) == len(calls)
    assert DATA in [message["traits"] for message in arrived if message["type"] == "group"]
    assert sdk.failures == []


async def test_batches_arrive_in_order(between: Between, standin: StandIn) -> None:
    """Messages that were tracked fast arrive in few requests, each in the SDK's order."""
    calls = tracks(250)
    sdk = PythonSdk(between.url)

    sdk.send(calls)
    await asyncio.to_thread(sdk.flush)
    flushed = between.acknowledged()
    await asyncio.to_thread(sdk.close)

    assert sorted(flushed) == ids_of(calls)
    arrived = await all_arrived(standin, flushed)
    assert ids(arrived) == ids_of(calls)
    there = [[item["messageId"] for item in row["body"]["batch"]] for row in standin.requests]
    assert sorted(there) == sorted(one.ids for one in between.exchanges if one.status == 200)


async def test_close_waits(between: Between, standin: StandIn) -> None:
    """When the SDK is closed, the gateway has answered for every message."""
    calls = tracks(250)
    sdk = PythonSdk(between.url)

    sdk.send(calls)
    await asyncio.to_thread(sdk.close)

    assert sorted(between.acknowledged()) == ids_of(calls)
    await all_arrived(standin, ids_of(calls))


async def test_retries_while_temporal_is_away(
    way: Way, between_cut: Between, standin: StandIn
) -> None:
    """What was answered 503 comes again once Temporal is back, each message once."""
    calls = tracks(30)
    sdk = PythonSdk(between_cut.url)
    way.cut()

    sdk.send(calls)
    refused = await between_cut.answered(lambda one: one.status == 503)
    way.mend()
    await asyncio.to_thread(sdk.close)

    assert refused[0].retry_after == "1"
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sdk.failures == []


async def test_retries_above_the_limit(between_limited: Between, standin: StandIn) -> None:
    """What was answered 429 comes again when there is room, each message once."""
    calls = tracks(15)
    sdk = PythonSdk(between_limited.url, upload_size=5)

    sdk.send(calls)
    await asyncio.to_thread(sdk.close)

    assert {200, 429} <= set(between_limited.statuses())
    refused = [one for one in between_limited.exchanges if one.status == 429]
    assert {one.retry_after for one in refused} == {"1"}
    assert ids(await all_arrived(standin, ids_of(calls))) == ids_of(calls)
    assert sdk.failures == []


async def test_an_unknown_write_key(between: Between, standin: StandIn) -> None:
    """The SDK tells of it, and does not send it again; nothing arrives."""
    lost, good = tracks(2)
    wrong, right = PythonSdk(between.url, "unknown"), PythonSdk(between.url)

    wrong.send([lost])
    await asyncio.to_thread(wrong.close)
    right.send([good])
    await asyncio.to_thread(right.close)

    ((told, messages),) = wrong.failures
    assert "401" in told
    assert "the write key is missing or unknown" in told
    assert messages == ids_of([lost])
    assert between.statuses()[0] == 401
    assert 401 not in between.statuses()[1:]
    assert ids(await all_arrived(standin, ids_of([good]))) == ids_of([good])
