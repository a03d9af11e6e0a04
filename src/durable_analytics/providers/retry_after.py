"""`Retry-After`: seconds or a date (RFC 9110, section 10.2.3)."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = timedelta(days=3650)
"""Longer than any policy; keeps absurd values inside Temporal's range."""


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Read the header's value; None where it says nothing to go by.

    >>> retry_after("3", datetime.now(UTC))
    datetime.timedelta(seconds=3)
    """
    value = value.strip()
    try:
        if value.replace(".", "", 1).isdecimal():
            wait = timedelta(seconds=min(float(value), _LONGEST.total_seconds()))
        else:
            then = parsedate_to_datetime(value)
            wait = (then if then.tzinfo else then.replace(tzinfo=UTC)) - now
    except (TypeError, ValueError, OverflowError):
        return None
    return min(wait, _LONGEST) if wait > timedelta(0) else None
