"""When `max_queue_size` messages wait for Temporal: an error or a wait, as the caller chose."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from durable_analytics import BufferingClient, ClientClosed, NotAccepted, QueueFull
from tests.support.buffering import SOON, Gate, Make, track

BRIEFLY = timedelta(milliseconds=30)


def fill(make: Make, gate: Gate, **options: timedelta) -> BufferingClient:
    """A client with four messages, two of them held in flight."""
    client = make(max_queue_size=4, flush_at=2, max_flushes=1, **options)
    gate.hold()
    track(client, 2)
    gate.wait_for(1)
    track(client, 2)
    return client


def test_a_full_queue_raises_at_once(make: Make, gate: Gate) -> None:
    """Messages in flight count too: Temporal may not have them yet."""
    client = fill(make, gate)

    with pytest.raises(QueueFull) as full:
        track(client)

    assert (
        str(full.value)
        == "4 messages wait for Temporal (max_queue_size): this message was not enqueued"
    )


def test_a_queue_with_room_again_takes_messages(make: Make, gate: Gate) -> None:
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


def test_wait_when_full_blocks_until_there_is_room(make: Make, gate: Gate) -> None:
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


def test_wait_when_full_raises_when_its_time_is_over(make: Make, gate: Gate) -> None:
    """Then it is the error."""
    client = fill(make, gate, wait_when_full=BRIEFLY)

    with pytest.raises(
        QueueFull, match="this message was not enqueued, and wait_when_full has expired"
    ):
        track(client)


def test_closing_ends_a_wait_for_room(make: Make, gate: Gate) -> None:
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


async def test_room_waits_until_there_is_room(make: Make, gate: Gate) -> None:
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


async def test_room_raises_once_the_client_is_closed(make: Make, gate: Gate) -> None:
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


def test_a_callback_is_never_blocked_by_a_full_queue(make: Make, gate: Gate) -> None:
    """It runs where room is made."""
    client = make(max_queue_size=1, flush_at=1, wait_when_full=SOON)
    refused: list[QueueFull] = []
    was_called = threading.Event()

    def again(_: object) -> None:
        try:
            track(client)
        except QueueFull as full:
            refused.append(full)
        was_called.set()

    track(client, callback=again)
    client.flush(SOON)

    assert was_called.is_set()
    assert len(refused) == 1
    assert len(gate.starts) == 1
