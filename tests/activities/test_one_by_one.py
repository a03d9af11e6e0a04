"""Many requests of a batch at once: as many as allowed, one for each user, until one stops it."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from tests.support.batch_activities import Alone
from tests.support.batches import numbered


async def test_as_many_users_at_once_as_allowed(alone: Alone) -> None:
    """`max_in_flight` requests, no more; and of each user one at a time, in order."""
    most, in_flight, full = 0, set[str](), asyncio.Event()
    sent: dict[str, list[str]] = {}

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal most
        data = json.loads(request.content)["data"]
        user = data["distinct_id"]
        assert user not in in_flight
        in_flight.add(user)
        most = max(most, len(in_flight))
        sent.setdefault(user, []).append(data["event"])
        if most == 40:
            asyncio.get_running_loop().call_later(0.05, full.set)  # further ones would start now
        await full.wait()
        in_flight.remove(user)
        return httpx.Response(200, json={"status": "success"})

    alone.answering(answer, max_in_flight=40)
    messages = [
        {"type": "track", "user_id": f"u-{number % 60}", "event": f"E {number // 60}"}
        for number in range(180)
    ]
    result = await alone.send({"integration": "trakio", "messages": messages})

    assert (result["accepted"], most) == (180, 40)
    assert sent == {f"u-{user}": ["E 0", "E 1", "E 2"] for user in range(60)}


async def test_executions_share_max_in_flight(alone: Alone) -> None:
    """However many there are, no more requests are on their way."""
    most, in_flight = 0, 0

    async def answer(_: httpx.Request) -> httpx.Response:
        nonlocal most, in_flight
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.01)
        in_flight -= 1
        return httpx.Response(200, json={"status": "success"})

    alone.answering(answer, max_in_flight=5)
    data = {"integration": "trakio", "messages": numbered(20)}
    results = await asyncio.gather(*(alone.send(data) for _ in range(4)))

    assert [result["accepted"] for result in results] == [20] * 4
    assert most == 5


async def test_a_rate_limit_stops_messages_that_wait_for_their_turn(alone: Alone) -> None:
    """Nothing is sent after it but what was in flight."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(429)

    alone.answering(answer, max_in_flight=2)
    async with alone.clients["trakio"].turn(timedelta(minutes=1)):
        sending = asyncio.create_task(
            alone.send({"integration": "trakio", "messages": numbered(5)})
        )
        with pytest.raises(ApplicationError) as failed:
            await sending

    assert failed.value.type == "RateLimited"
    assert len(sent) == 1


async def test_the_longest_wait_counts(alone: Alone) -> None:
    """What one message's `Retry-After` asks for is kept, whatever comes of those in flight."""
    both, limited = asyncio.Barrier(2), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        await both.wait()
        if b'"u-0"' in request.content:
            asyncio.get_running_loop().call_later(0.05, limited.set)  # once the other is read
            return httpx.Response(429, headers={"Retry-After": "7"})
        await limited.wait()
        return httpx.Response(500)

    alone.answering(answer)
    with pytest.raises(ApplicationError) as failed:
        await alone.request({"integration": "trakio", "messages": numbered(2)})

    assert failed.value.next_retry_delay == timedelta(seconds=7)
    assert failed.value.type == "RateLimited"
