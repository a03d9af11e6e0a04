"""Times on the command line: ISO 8601, or a duration ago."""

import re
from datetime import UTC, datetime, timedelta

import typer
from pydantic import TypeAdapter, ValidationError

from durable_analytics.wire.timestamps import parse_time

_SHORT = re.compile(r"(\d{1,9})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)


def time_or_ago(text: str) -> datetime:
    """Return a time.

    Args:
        text: ISO 8601, like "2026-01-31T09:30:00Z", or a duration ago, like "24h" or "PT24H".

    Raises:
        typer.BadParameter: It is neither.
    """
    try:
        if duration := _duration(text):
            return datetime.now(UTC) - duration
    except OverflowError:
        raise typer.BadParameter(f"{text} is too long ago") from None
    time = parse_time(text)
    if time is None:
        raise typer.BadParameter(
            f'{text!r} is neither a time nor a duration ago, like "24h" or "PT24H"'
        )
    return time


def read_duration(text: str) -> timedelta:
    """Return a duration.

    Args:
        text: Like "1h" or "PT1H".

    Raises:
        typer.BadParameter: It is no duration, or is not positive.
    """
    try:
        duration = _duration(text)
    except OverflowError:
        duration = None
    if not duration or duration < timedelta(0):
        raise typer.BadParameter(f'{text!r} is not a duration, like "1h" or "PT1H"')
    return duration


def _duration(text: str) -> timedelta | None:
    if match := _SHORT.fullmatch(text):
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not text.startswith("P"):
        return None
    try:
        return _DURATION.validate_python(text)
    except ValidationError:
        return None
