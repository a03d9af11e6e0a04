"""When a flush starts, and what it takes: by count, by bytes, by interval; and all that fits."""

from datetime import timedelta

import pytest

from durable_analytics import NotAccepted
from durable_analytics.buffering import _flusher
from tests.support.buffering import NEVER, SOON, Gate, Make, track

ONE_BYTE_MORE = len(b",")


def test_flush_at_messages_start_a_flush(make: Make, gate: Gate) -> None:
    """The last of `flush_at` starts it; one fewer waits."""
    client = make(flush_at=3)

    first = track(client, 2)
    assert gate.starts == []
    last = track(client)

    (start,) = gate.wait_for(1)
    assert start.ids == first + last


def test_a_full_batch_starts_a_flush(make: Make, gate: Gate) -> None:
    """As soon as a batch is full, however few messages that are."""
    client = make(flush_at=1000, max_batch_bytes=3000)
    large = {"text": "x" * 1000}

    ids = track(client, 2, properties=large)
    assert gate.starts == []
    ids += track(client, properties=large)

    starts = gate.wait_for(2)
    assert [start.ids for start in starts] == [ids[:2], ids[2:]]


def test_the_flush_interval_starts_a_flush(make: Make, gate: Gate) -> None:
    """Those that are too few do not wait for more for ever."""
    client = make(flush_interval=timedelta(milliseconds=20))

    ids = track(client, 2)

    (start,) = gate.wait_for(1)
    assert start.ids == ids


def test_the_interval_begins_with_the_first_message(make: Make, gate: Gate) -> None:
    """Again after each flush, and not before there is a message."""
    client = make(flush_interval=timedelta(milliseconds=20))

    for number in range(1, 4):
        ids = track(client)
        assert gate.wait_for(number)[-1].ids == ids


def test_flush_starts_a_flush_at_once(make: Make, gate: Gate) -> None:
    """`flush` waits for nothing else."""
    client = make()
    ids = track(client, 5)

    client.flush(SOON)

    assert [start.ids for start in gate.starts] == [ids]


def test_batches_grow_with_the_load(make: Make, gate: Gate) -> None:
    """What comes while all flushes are in flight goes with the next one, however much it is."""
    client = make(flush_at=10, max_flushes=1)
    first_is_in = gate.hold()
    ids = track(client, 10)
    gate.wait_for(1)

    ids += track(client, 500)
    assert len(gate.starts) == 1
    first_is_in.set_result(None)

    first, second = gate.wait_for(2)
    assert (len(first.ids), len(second.ids)) == (10, 500)
    assert first.ids + second.ids == ids


def test_at_most_max_flushes_are_in_flight(make: Make, gate: Gate) -> None:
    """`max_flushes` of them, and no more before one of them has ended."""
    client = make(flush_at=1, max_flushes=2)
    held = [gate.hold() for _ in range(3)]
    for number in (1, 2):
        track(client)
        gate.wait_for(number)

    track(client)
    with pytest.raises(NotAccepted):
        client.flush(timedelta(milliseconds=100))
    assert len(gate.starts) == 2
    held[1].set_result(None)

    assert len(gate.wait_for(3)) == 3


def test_a_batch_holds_at_most_max_batch_messages(make: Make, gate: Gate) -> None:
    """The others follow at once, in order."""
    client = make(max_batch_messages=10, max_flushes=1)
    ids = track(client, 25)

    client.flush(SOON)

    assert [len(start.ids) for start in gate.starts] == [10, 10, 5]
    assert [id_ for start in gate.starts for id_ in start.ids] == ids


def test_a_batch_holds_at_most_max_batch_bytes(make: Make, gate: Gate) -> None:
    """Each message counts with the context that all share: providers get it with each."""
    client = make(max_batch_bytes=5000, max_flushes=1, context={"locale": "en-US"})
    ids = track(client, 40, properties={"text": "x" * 200})

    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids
    items = gate.starts[0].payload.partition(b'"messages":[')[2].removesuffix(b"]}")
    context = b'{"library":{"name":"durable-analytics","version":"0.1.0"},"locale":"en-US"}'
    assert gate.starts[0].payload.startswith(b'{"context":' + context)
    message_bytes = len(items) // len(gate.starts[0].ids) + len(context) + ONE_BYTE_MORE
    assert len(gate.starts[0].ids) == 5000 // message_bytes


def test_a_batch_may_have_exactly_max_batch_bytes(make: Make, gate: Gate) -> None:
    """The limit itself is within the limit."""
    client = make()
    track(client)
    client.flush(SOON)
    data = gate.starts[0].payload
    context = data.removeprefix(b'{"context":').partition(b',"messages":[')[0]
    item = data.partition(b'"messages":[')[2].removesuffix(b"]}")
    message_bytes = len(item) + len(context) + ONE_BYTE_MORE

    exactly, less = (
        make(max_batch_bytes=2 * message_bytes),
        make(max_batch_bytes=2 * message_bytes - 1),
    )
    for limited in (exactly, less):
        track(limited, 2)
        limited.flush(SOON)

    assert [len(start.ids) for start in gate.starts[1:]] == [2, 1, 1]


@pytest.mark.parametrize("max_flushes", [1, 2, 5])
def test_batches_keep_the_order_of_the_calls(make: Make, gate: Gate, max_flushes: int) -> None:
    """Messages are cut in the order of the calls, whatever is in flight."""
    client = make(flush_at=7, max_flushes=max_flushes, max_batch_messages=20)

    ids = [id_ for _ in range(50) for id_ in track(client, 3)]
    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids


def test_a_hundred_messages_start_a_flush_by_default(gate: Gate, make: Make) -> None:
    """A hundred messages start a flush."""
    client = make(flush_interval=NEVER)
    track(client, 99)
    assert gate.starts == []

    track(client)

    assert len(gate.wait_for(1)[0].ids) == 100


def test_batches_fill_under_load(make: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each start takes no time: 30,000 messages are 6 full batches and few others."""
    monkeypatch.setattr(_flusher, "_LOAD", 1)  # a slow machine must not look idle
    monkeypatch.setattr(_flusher, "_STEP_SECONDS", SOON.total_seconds())
    client = make(
        max_batch_messages=5_000, max_batch_bytes=1_900_000, max_queue_size=30_000, flush_at=100
    )

    ids = track(client, 30_000)
    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids
    assert len(gate.starts) <= 8


def test_a_batch_does_not_wait_for_messages_that_do_not_come(make: Make, gate: Gate) -> None:
    """After a burst the rest goes, though it fills no batch."""
    client = make(flush_at=10)

    ids = track(client, 10)
    gate.wait_for(1)
    ids += track(client, 30)

    while sum(len(start.ids) for start in gate.starts) < len(ids):
        gate.wait_for(len(gate.starts) + 1)
    assert [id_ for start in gate.starts for id_ in start.ids] == ids


def test_flush_does_not_wait_for_a_full_batch(
    make: Make, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do messages that come while it waits."""
    monkeypatch.setattr(_flusher, "_STEP_SECONDS", 10 * SOON.total_seconds())
    client = make(flush_at=10)

    ids = track(client, 10)
    gate.wait_for(1)
    ids += track(client, 30)
    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids
