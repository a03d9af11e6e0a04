"""Correction of timestamps from senders whose clocks are wrong."""

from datetime import datetime, timedelta
from typing import Any

from durable_analytics.wire.timestamps import parse_time, write_timestamp

_MIN_SKEW = timedelta(seconds=1)
"""A smaller difference between sending and receiving is network latency."""

_MAX_SKEW = timedelta(days=1)
"""A larger difference says nothing about the time of the message."""


def correct_timestamp(timestamp: Any, sent_at: Any, received_at: datetime) -> Any:
    """Return `receivedAt - (sentAt - timestamp)`, as the Segment specification defines it.

    The timestamp is returned unchanged if one of the values is no time, or if the sender's clock
    differs by less than a second or by more than a day.
    """
    sent = parse_time(sent_at)
    if sent is None or not _MIN_SKEW <= abs(received_at - sent) <= _MAX_SKEW:
        return timestamp
    happened = parse_time(timestamp)
    if happened is None:
        return timestamp
    try:
        return write_timestamp(happened + (received_at - sent))
    except OverflowError:
        return timestamp
