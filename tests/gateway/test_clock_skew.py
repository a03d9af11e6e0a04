"""Timestamps are corrected as the Segment specification says."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.translation import NOW, translate_batch, translate_single


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "meant"),
    [
        # A clock that is an hour ahead, one that is an hour behind.
        ("2026-01-31T10:20:00Z", "2026-01-31T10:30:00Z", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31T08:20:00Z", "2026-01-31T08:30:00Z", "2026-01-31T09:20:00.000Z"),
        # With UTC offsets, and without, which means UTC.
        ("2026-01-31T12:20:00+02:00", "2026-01-31T05:30:00-05:00", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31T10:20:00", "2026-01-31 10:30", "2026-01-31T09:20:00.000Z"),
        ("2026-01-31", "2026-02-01", "2026-01-30T09:30:00.000Z"),
        # Later than the time of sending.
        ("2026-01-31T11:30:00Z", "2026-01-31T10:30:00Z", "2026-01-31T10:30:00.000Z"),
    ],
)
def test_timestamp_of_a_wrong_clock_is_corrected(timestamp: str, sent_at: str, meant: str) -> None:
    """`timestamp = receivedAt - (sentAt - timestamp)`."""
    times = {"timestamp": timestamp, "sentAt": sent_at}

    assert translate_single(times)["timestamp"] == meant
    assert translate_batch(
        {"batch": [{"timestamp": timestamp, "type": "track"}], "sentAt": sent_at}
    )[0]["timestamp"] == (meant)


@pytest.mark.parametrize(
    ("off", "is_kept"),
    [(-1.001, False), (-1, False), (-0.999, True), (0, True), (0.999, True), (1, False)],
)
def test_timestamp_is_kept_within_a_second_of_skew(off: float, is_kept: bool) -> None:
    """In the spelling of the sender."""
    sent_at = (NOW + timedelta(seconds=off)).isoformat()

    timestamp = translate_single({"timestamp": "2026-01-31T12:00:00+03:00", "sentAt": sent_at})[
        "timestamp"
    ]

    assert (timestamp == "2026-01-31T12:00:00+03:00") == is_kept


@pytest.mark.parametrize(
    ("off", "is_kept"), [(-86_401, True), (-86_400, False), (86_400, False), (86_401, True)]
)
def test_timestamp_is_kept_beyond_a_day_of_skew(off: float, is_kept: bool) -> None:
    """Such a clock says nothing about the time of the message."""
    sent_at = (NOW + timedelta(seconds=off)).isoformat()

    timestamp = translate_single({"timestamp": "2026-01-31T08:00:00Z", "sentAt": sent_at})[
        "timestamp"
    ]

    assert (timestamp == "2026-01-31T08:00:00Z") == is_kept


TIMES = ["soon", "", 0, None, {}, [], True, "2026-13-01", "9999-99-99T00:00:00Z"]


@pytest.mark.parametrize("timestamp", [1769846400, "1769846400000", "2026-01-31t08:00:00z"])
def test_every_time_format_of_segment_is_corrected(timestamp: Any) -> None:
    """Numbers of seconds or milliseconds, and lower-case letters."""
    sent_at = (NOW - timedelta(hours=1)).isoformat()

    assert translate_single({"timestamp": timestamp, "sentAt": sent_at})["timestamp"] == (
        "2026-01-31T09:00:00.000Z"
    )


@pytest.mark.parametrize("sent_at", TIMES)
def test_timestamp_is_kept_if_sent_at_is_invalid(sent_at: Any) -> None:
    """The correction needs both times."""
    times = {"timestamp": "2026-01-31T08:00:00Z", "sentAt": sent_at}

    assert translate_single(times)["timestamp"] == "2026-01-31T08:00:00Z"


@pytest.mark.parametrize("timestamp", [time for time in TIMES if time != 0])
def test_invalid_timestamp_is_kept(timestamp: Any) -> None:
    """The worker reports it."""
    message = translate_single({"timestamp": timestamp, "sentAt": "2026-01-31T08:00:00Z"})

    assert message["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("timestamp", "sent_at"),
    [("9999-12-31T23:59:59Z", "2000-01-01"), ("0001-01-01", "9999-12-31T23:59:59+00:00")],
)
def test_timestamp_is_kept_if_correction_overflows(timestamp: str, sent_at: str) -> None:
    """At both ends of the range."""
    assert translate_single({"timestamp": timestamp, "sentAt": sent_at})["timestamp"] == timestamp


def test_original_timestamp_is_used_without_timestamp() -> None:
    """Browsers send it instead of the timestamp."""
    sent = {"sentAt": "2026-01-31T10:30:00Z", "originalTimestamp": "2026-01-31T10:20:00Z"}

    assert translate_single(sent)["timestamp"] == "2026-01-31T09:20:00.000Z"
    assert translate_single({**sent, "timestamp": "2026-01-31T10:25:00Z"})["timestamp"] == (
        "2026-01-31T09:25:00.000Z"
    )


def test_sent_at_of_the_message_overrides_the_request() -> None:
    """If both have one."""
    own = {"type": "track", "timestamp": "2026-01-31T10:20:00Z", "sentAt": "2026-01-31T10:30:00Z"}

    (message,) = translate_batch({"batch": [own], "sentAt": "2026-01-31T05:00:00Z"})

    assert message["timestamp"] == "2026-01-31T09:20:00.000Z"


def test_missing_timestamp_stays_missing() -> None:
    """The worker uses the start time of the execution."""
    assert "timestamp" not in translate_single({"sentAt": "2026-01-31T08:00:00Z"})
