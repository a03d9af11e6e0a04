"""When `max_queue_size` messages wait for Temporal: an error or a wait, as the caller chose."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from durable_analytics import BufferingClient, ClientClosed, NotAccepted, QueueFull
from tests.client.buffering.conftest import SOON, Gate, Make, track

BRIEFLY = timedelta(milliseconds=30)


def fill(make: Make, gate: Gate, **options: timedelta) -> BufferingClient:
    """A client with four messages, two of them held in flight."""
    client = make(max_queue_size=4, flush_at=2, max_flushes=1, **options)
    gate.hold()
    track(client, 2)
    gate.wait_for(1)
    track(client, 2)
    return client


def test_an_error_at_once(make: Make, gate: Gate) -> None:
    """Messages in flight count too: Temporal may not have them yet."""
    client = fill(make, gate)

    with pytest.raises(QueueFull) as full:
        track(client)

    assert str(full.value) == "4 messages wait for Temporal: this one was not enqueued"


def test_room_again(make: Make, gate: Gate) -> None:
    """What was refused was not enqueued; what is enqueued later goes out."""
    client = fill(make, gate)
    with pytest.raises(QueueFull):
        track(client, event="refused")

    gate.open()
    client.flush(SOON)
    track(client, 4, event="taken")
    client.flush(SOON)

    events = [message["event"] for start in gate.starts for message in start.messages]
    assert events == ["E"] * 4 + ["taken"] * 4


def test_a_wait(make: Make, gate: Gate) -> None:
    """The thread blocks until there is room; all who wait get theirs."""
    client = fill(make, gate, wait_when_full=SOON)
    with ThreadPoolExecutor() as threads:
        calls = [threads.submit(track, client) for _ in range(5)]
        assert not any(call.done() for call in calls)
        gate.open()
        ids = {id_ for call in calls for id_ in call.result(SOON.total_seconds())}
    client.flush(SOON)

    assert len(ids) == 5
    assert ids < {id_ for start in gate.starts for id_ in start.ids}


def test_a_wait_that_ends(make: Make, gate: Gate) -> None:
    """Then it is the error."""
    client = fill(make, gate, wait_when_full=BRIEFLY)

    with pytest.raises(QueueFull, match="this one was not enqueued, though it could wait"):
        track(client)


def test_a_wait_that_a_close_ends(make: Make, gate: Gate) -> None:
    """Whoever waits learns it at once."""
    client = fill(make, gate, wait_when_full=SOON)
    with ThreadPoolExecutor() as threads:
        call = threads.submit(track, client)
        closing = threads.submit(client.close, BRIEFLY)
        with pytest.raises((ClientClosed, QueueFull)) as ended:
            call.result(SOON.total_seconds())
        with pytest.raises(NotAccepted):
            closing.result(SOON.total_seconds())

    assert ended.type is ClientClosed


async def test_an_event_loop_is_never_blocked(make: Make, gate: Gate) -> None:
    """However long the client may wait: the error says what to do instead."""
    client = fill(make, gate, wait_when_full=SOON)

    with pytest.raises(QueueFull) as full:
        track(client)

    assert str(full.value).endswith("; `await client.room()` before the call")


async def test_room(make: Make, gate: Gate) -> None:
    """At once where there is some; else as soon as there is, for all who wait."""
    client = fill(make, gate)
    empty = make()
    await empty.room()

    async def waits() -> str:
        await client.room()
        return track(client)[0]

    waiting = [asyncio.create_task(waits()) for _ in range(6)]
    done, _ = await asyncio.wait(waiting, timeout=BRIEFLY.total_seconds())
    assert done == set()
    gate.open()
    ids = set(await asyncio.wait_for(asyncio.gather(*waiting), SOON.total_seconds()))
    await client.aflush(SOON)

    assert len(ids) == 6
    assert ids < {id_ for start in gate.starts for id_ in start.ids}


async def test_no_room_any_more(make: Make, gate: Gate) -> None:
    """A closed client will have none."""
    client = fill(make, gate)
    waiting = asyncio.create_task(client.room())
    await asyncio.wait({waiting}, timeout=BRIEFLY.total_seconds())

    with pytest.raises(NotAccepted):
        await client.aclose(BRIEFLY)

    with pytest.raises(ClientClosed):
        await waiting
    with pytest.raises(ClientClosed):
        await client.room()


def test_a_callback_is_never_blocked(make: Make, gate: Gate) -> None:
    """It runs where room is made."""
    client = make(max_queue_size=1, flush_at=1, wait_when_full=SOON)
    refused: list[QueueFull] = []
    told = threading.Event()

    def again(_: object) -> None:
        try:
            track(client)
        except QueueFull as full:
            refused.append(full)
        told.set()

    track(client, callback=again)
    client.flush(SOON)

    assert told.is_set()
    assert len(refused) == 1
    assert len(gate.starts) == 1
