"""The wait that a response asks for: `Retry-After` (RFC 9110, 10.2.3) or a reset time."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_LONGEST = timedelta(days=3650)
"""The longest wait that is returned; it is longer than any policy and valid in Temporal."""

_EPOCH_SECONDS, _EPOCH_MILLISECONDS, _INVALID = 1e9, 1e12, 1e15
"""Above the first, a number is a date in seconds since 1970; above the second, a date in
milliseconds; above the third, it is invalid."""

_NUMBER = re.compile(r"(?:^|,)[\s\"+]*([0-9]+(?:\.[0-9]*)?)")
_NUMBERS = re.compile(r"\s*(?:(?:\"?\+?[0-9]+(?:\.[0-9]*)?s?\"?\s*(?:;[^,]*)?)?(?:,\s*|$))+")
"""One or several numbers with commas, because repeated headers are joined with commas."""

_RESETS = ("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset")


def requested_wait(status_code: int, headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long a response asks to wait; None if it does not.

    Without `Retry-After`, the reset time of a rate limit is used, but only if the rate limit is
    exhausted: many servers send the reset time with every response.

    Args:
        status_code: The status code of the response.
        headers: The headers of the response, their names in lower case.
        now: The current time.
    """
    is_exhausted = status_code == 429 or headers.get("x-ratelimit-remaining", "").strip() == "0"
    names = ["retry-after", *(_RESETS if is_exhausted else ())]
    value = next((headers[name] for name in names if headers.get(name, "").strip()), "")
    return retry_after(value, now)


def retry_after(value: str, now: datetime) -> timedelta | None:
    """Parse the value of a `Retry-After` or reset header; return None if it is not valid.

    The value is a number of seconds, or a date: in the format of HTTP, in ISO 8601, or as seconds
    since 1970 (above 10⁹) or milliseconds since 1970 (above 10¹²). If a repeated header has several
    numbers, the longest wait is returned. Parameters of a number (`30;w=60`) are ignored.

    >>> retry_after("3", datetime.now(UTC))
    datetime.timedelta(seconds=3)
    """
    try:
        if _NUMBERS.fullmatch(value):
            wait = max(_wait_of_number(float(number), now) for number in _NUMBER.findall(value))
        else:
            wait = _parse_date(value.strip()) - now
    except (TypeError, ValueError, OverflowError):
        return None
    return min(wait, _LONGEST) if wait > timedelta(0) else None


def _wait_of_number(number: float, now: datetime) -> timedelta:
    if number > _INVALID:
        raise ValueError(number)
    if number > _EPOCH_MILLISECONDS:
        number /= 1000
    if number > _EPOCH_SECONDS:
        number -= now.timestamp()
    return timedelta(seconds=min(number, _LONGEST.total_seconds()))


def _parse_date(value: str) -> datetime:
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        date = datetime.fromisoformat(value)
    return date if date.tzinfo else date.replace(tzinfo=UTC)
