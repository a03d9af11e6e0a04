"""Clocks that are wrong are corrected, as the Segment specification says."""

from datetime import timedelta
from typing import Any

import pytest

from tests.gateway.test_messages import NOW, many, one


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "meant"),
    [
        # A clock that is an hour ahead, one that is an hour behind, one that is years behind.
        ("2026-01-31T10:20:00Z", "2026-01-31T10:30:00Z", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31T08:20:00Z", "2026-01-31T08:30:00Z", "2026-01-31T09:20:00.000Z"),
        ("1970-01-01T00:00:01Z", "1970-01-01T00:00:02.500Z", "2026-01-31T09:29:58.500Z"),
        # In other places of the world, and without an offset, which is UTC.
        ("2026-01-31T12:20:00+02:00", "2026-01-31T05:30:00-05:00", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31T10:20:00", "2026-01-31 10:30", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31", "2026-02-01", "2026-01-30T09:30:00.000Z"),
        # In the future of the sender, too.
        ("2026-01-31T11:30:00Z", "2026-01-31T10:30:00Z", "2026-01-31T10:30:00.000Z"),
    ],
)
def test_a_clock_that_is_wrong(timestamp: str, sent_at: str, meant: str) -> None:
    """`timestamp = receivedAt - (sentAt - timestamp)`."""
    times = {"timestamp": timestamp, "sentAt": sent_at}

    assert one(times)["timestamp"] == meant
    assert many({"batch": [{"timestamp": timestamp, "type": "track"}], "sentAt": sent_at})[0][
        "timestamp"
    ] == (meant)


@pytest.mark.parametrize(
    ("off", "is_kept"),
    [(-1.001, False), (-1, False), (-0.999, True), (0, True), (0.999, True), (1, False)],
)
def test_a_clock_that_is_right(off: float, is_kept: bool) -> None:
    """What is sent within a second of its arrival keeps the time as it was written."""
    sent_at = (NOW + timedelta(seconds=off)).isoformat()

    timestamp = one({"timestamp": "2026-01-31T12:00:00+03:00", "sentAt": sent_at})["timestamp"]

    assert (timestamp == "2026-01-31T12:00:00+03:00") == is_kept


TIMES = ["soon", "", 0, 1769851800, None, {}, [], True, "2026-13-01", "9999-99-99T00:00:00Z"]


@pytest.mark.parametrize("sent_at", TIMES)
def test_a_time_of_sending_that_cannot_be_read(sent_at: Any) -> None:
    """The message keeps its own."""
    times = {"timestamp": "2026-01-31T08:00:00Z", "sentAt": sent_at}

    assert one(times)["timestamp"] == "2026-01-31T08:00:00Z"


@pytest.mark.parametrize("timestamp", TIMES)
def test_a_time_that_cannot_be_read(timestamp: Any) -> None:
    """It stays as it is: the worker tells."""
    message = one({"timestamp": timestamp, "sentAt": "2026-01-31T08:00:00Z"})

    assert message["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("timestamp", "sent_at"),
    [("9999-12-31T23:59:59Z", "2000-01-01"), ("0001-01-01", "9999-12-31T23:59:59+00:00")],
)
def test_a_time_out_of_range(timestamp: str, sent_at: str) -> None:
    """It stays as it is."""
    assert one({"timestamp": timestamp, "sentAt": sent_at})["timestamp"] == timestamp


def test_the_original_time() -> None:
    """Browsers send it in place of the timestamp; beside one it has no say."""
    sent = {"sentAt": "2026-01-31T10:30:00Z", "originalTimestamp": "2026-01-31T10:20:00Z"}

    assert one(sent)["timestamp"] == "2026-01-31T09:20:00.000Z"
    assert one({**sent, "timestamp": "2026-01-31T10:25:00Z"})["timestamp"] == (
        "2026-01-31T09:25:00.000Z"
    )


def test_a_message_with_a_time_of_sending_of_its_own() -> None:
    """It goes before the request's."""
    own = {"type": "track", "timestamp": "2026-01-31T10:20:00Z", "sentAt": "2026-01-31T10:30:00Z"}

    (message,) = many({"batch": [own], "sentAt": "2026-01-31T05:00:00Z"})

    assert message["timestamp"] == "2026-01-31T09:20:00.000Z"


def test_no_time() -> None:
    """None is made up: the worker knows when the execution started."""
    assert "timestamp" not in one({"sentAt": "2026-01-31T08:00:00Z"})
