"""When a flush starts, and what it takes: by count, by bytes, by interval; and all that fits."""

from datetime import timedelta

import pytest

from durable_analytics import NotAccepted
from tests.client.buffering.conftest import NEVER, SOON, Gate, Make, track

ONE_BYTE_MORE = len(b",")


def test_by_count(make: Make, gate: Gate) -> None:
    """The last of `flush_at` starts it; one fewer waits."""
    client = make(flush_at=3)

    first = track(client, 2)
    assert gate.starts == []
    last = track(client)

    (start,) = gate.wait_for(1)
    assert start.ids == first + last


def test_by_bytes(make: Make, gate: Gate) -> None:
    """As soon as a batch is full, however few messages that are."""
    client = make(flush_at=1000, max_batch_bytes=3000)
    large = {"text": "x" * 1000}

    ids = track(client, 2, properties=large)
    assert gate.starts == []
    ids += track(client, properties=large)

    starts = gate.wait_for(2)
    assert [start.ids for start in starts] == [ids[:2], ids[2:]]


def test_by_interval(make: Make, gate: Gate) -> None:
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


def test_when_told(make: Make, gate: Gate) -> None:
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


def test_few_flushes_are_in_flight(make: Make, gate: Gate) -> None:
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


def test_no_more_messages_than_fit(make: Make, gate: Gate) -> None:
    """The others follow at once, in order."""
    client = make(max_batch_messages=10, max_flushes=1)
    ids = track(client, 25)

    client.flush(SOON)

    assert [len(start.ids) for start in gate.starts] == [10, 10, 5]
    assert [id_ for start in gate.starts for id_ in start.ids] == ids


def test_no_more_bytes_than_fit(make: Make, gate: Gate) -> None:
    """Each message counts with the context that all share: providers get it with each."""
    client = make(max_batch_bytes=5000, max_flushes=1, context={"locale": "en-US"})
    ids = track(client, 40, properties={"text": "x" * 200})

    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids
    items = gate.starts[0].payload.partition(b'"messages":[')[2].removesuffix(b"]}")
    context = b'{"library":{"name":"durable-analytics","version":"0.1.0"},"locale":"en-US"}'
    assert gate.starts[0].payload.startswith(b'{"context":' + context)
    one = len(items) // len(gate.starts[0].ids) + len(context) + ONE_BYTE_MORE
    assert len(gate.starts[0].ids) == 5000 // one


def test_what_fits_exactly(make: Make, gate: Gate) -> None:
    """The limit itself is within the limit."""
    client = make()
    track(client)
    client.flush(SOON)
    data = gate.starts[0].payload
    context = data.removeprefix(b'{"context":').partition(b',"messages":[')[0]
    item = data.partition(b'"messages":[')[2].removesuffix(b"]}")
    one = len(item) + len(context) + ONE_BYTE_MORE

    exactly, less = make(max_batch_bytes=2 * one), make(max_batch_bytes=2 * one - 1)
    for limited in (exactly, less):
        track(limited, 2)
        limited.flush(SOON)

    assert [len(start.ids) for start in gate.starts[1:]] == [2, 1, 1]


@pytest.mark.parametrize("max_flushes", [1, 2, 5])
def test_order(make: Make, gate: Gate, max_flushes: int) -> None:
    """Messages are cut in the order of the calls, whatever is in flight."""
    client = make(flush_at=7, max_flushes=max_flushes, max_batch_messages=20)

    ids = [id_ for _ in range(50) for id_ in track(client, 3)]
    client.flush(SOON)

    assert [id_ for start in gate.starts for id_ in start.ids] == ids


def test_the_settings_usual_defaults(gate: Gate, make: Make) -> None:
    """A hundred messages start a flush."""
    client = make(flush_interval=NEVER)
    track(client, 99)
    assert gate.starts == []

    track(client)

    assert len(gate.wait_for(1)[0].ids) == 100
