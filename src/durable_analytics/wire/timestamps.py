"""Timestamps: the check of the contract, and the conversion of other formats to ISO 8601."""

import re
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_ISO_8601 = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)
"""The format that providers read; Python accepts any character between date and time."""

_LONG_YEAR = re.compile(r"\A[+-]?\d{5,}(?=-)", re.ASCII)
"""The beginning of a time in ISO 8601 whose year is not between 0 and 9999."""

_NOT_ISO_8601 = 'must be ISO 8601, like "2026-01-31T09:30:00Z"'
_OUT_OF_RANGE = (
    "must be a day and a time that exist, in the years 1 to 9999 in UTC, with seconds from 0 to 59"
)

_LOOSE_ISO_8601 = re.compile(
    r"(\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?"
    r"([T ]\d\d:?\d\d(?::?\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
"""A date that may end after its year or month; hyphens and colons may be absent."""

_PYTHON_ISO_8601 = re.compile(r"\d{4}-?(?:\d\d-?\d\d|W\d\d(?:-?\d)?)(?:[T ][\d:.,Z+-]+)?", re.ASCII)
"""Other forms that Python's `datetime` reads: an offset with seconds, as time zones of the 19th
century have it, a time without minutes, and a week instead of a month."""

_EPOCH = re.compile(r"(\d{10}|\d{13})(\.\d{1,9})?", re.ASCII)
"""Seconds or milliseconds since 1970, as text."""

_JAVASCRIPT_OFFSET = re.compile(r"\b(?:GMT|UTC)([+-]\d\d):?(\d\d)\b")
"""The offset in `String(new Date())`, like "Sun Jun 01 2014 00:00:00 GMT+0200 (CEST)"."""

_NAMES_IN_DATES = frozenset(
    (
        *("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        *("jan", "feb", "mar", "apr", "may", "jun"),
        *("jul", "aug", "sep", "oct", "nov", "dec"),
    )
)

_MOST_SECONDS = 31_557_600_000
"""Larger numbers are milliseconds (the limit of Segment's date parser)."""

_MOST_CHARACTERS = 100
"""A longer text is not a time."""

_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)


def write_timestamp(time: datetime) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds, as Segment's SDKs do.

    >>> write_timestamp(datetime(2026, 1, 31, 9, 30, tzinfo=UTC))
    '2026-01-31T09:30:00.000Z'
    """
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(timestamp: str) -> int:
    """Return the milliseconds from 1970 to a checked timestamp.

    >>> milliseconds("2026-01-31T09:30:00.250Z")
    1769851800250
    """
    return (datetime.fromisoformat(timestamp) - _EPOCH_START) // timedelta(milliseconds=1)


def checked_timestamp(value: str) -> str:
    """Return a timestamp unchanged; add the offset of UTC if it has none.

    Raises:
        ValueError: The timestamp is not ISO 8601, or is outside the years 1 to 9999 in UTC.
    """
    time = _parse_iso(value)
    return value if time.tzinfo else time.replace(tzinfo=UTC).isoformat()


def timestamp_problem(value: Any) -> str:
    """Return what a value that is not a valid timestamp must be, as the rest of a sentence.

    >>> timestamp_problem("yesterday")
    'must be ISO 8601, like "2026-01-31T09:30:00Z"'
    """
    is_iso = isinstance(value, str) and _ISO_8601.fullmatch(_LONG_YEAR.sub("2000", value, count=1))
    return _OUT_OF_RANGE if is_iso else _NOT_ISO_8601


def parse_time(value: Any) -> datetime | None:
    """Read a time in any format that Segment reads; return None if the value is not a time.

    The formats are ISO 8601 (the day or the month may be absent, the hyphens too, and letters may
    be in lower case), RFC 2822, and seconds or milliseconds since 1970 as a number or as text. All
    of ISO 8601 that Python's `datetime` reads is read too, like an offset with seconds. A time
    without an offset is in UTC.

    >>> parse_time("2014-06")
    datetime.datetime(2014, 6, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        time = _parse(value)
        return None if time is None else _in_utc(time)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def to_timestamp(value: Any) -> str | None:
    """Convert a time in any format that Segment reads to ISO 8601; return None if it is not a time.

    A time in ISO 8601 stays unchanged if providers read it.
    """
    if isinstance(value, str):
        try:
            return checked_timestamp(value)
        except ValueError:
            pass
    time = parse_time(value)
    return None if time is None else write_timestamp(time)


def is_missing_time(value: Any) -> bool:
    """Whether a timestamp is not set: absent, null, or a text that is empty or blank."""
    return value is None or (isinstance(value, str) and not value.strip())


def _parse_iso(value: str) -> datetime:
    if not _ISO_8601.fullmatch(value):
        raise ValueError(value)
    time = datetime.fromisoformat(value)
    if not MINYEAR < time.year < MAXYEAR:
        _in_utc(time)  # raises if it is out of range in UTC
    return time


def _parse(value: Any) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _since_epoch(value)
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS:
        return None
    text = value.strip()
    if epoch := _EPOCH.fullmatch(text):
        digits = float(text)
        return _since_epoch(digits if len(epoch[1]) == 10 else digits / 1000)
    return _parse_loose_iso(text.upper()) or _parse_rfc_2822(_JAVASCRIPT_OFFSET.sub(r"\1\2", text))


def _parse_loose_iso(text: str) -> datetime | None:
    if date := _LOOSE_ISO_8601.fullmatch(text):
        year, month, day, time = date.groups()
        return datetime.fromisoformat(f"{year}-{month or '01'}-{day or '01'}{time or ''}")
    return datetime.fromisoformat(text) if _PYTHON_ISO_8601.fullmatch(text) else None


def _parse_rfc_2822(text: str) -> datetime | None:
    time = parsedate_to_datetime(text)
    words = {word[:3].lower() for word in re.findall("[A-Za-z]+", text)}
    # A time without a time zone is in UTC. An unknown name of a time zone may be any offset.
    is_unknown_zone = time.tzinfo is None and not words <= _NAMES_IN_DATES
    return None if is_unknown_zone else time


def _since_epoch(number: float) -> datetime:
    seconds = number if abs(number) < _MOST_SECONDS else number / 1000
    return _EPOCH_START + timedelta(seconds=seconds)


def _in_utc(time: datetime) -> datetime:
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None
