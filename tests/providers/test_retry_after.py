"""`Retry-After`: seconds, or a date in the forms that HTTP has."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_analytics.providers._retry_after import retry_after

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
LONGEST = timedelta(days=3650)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("3", timedelta(seconds=3)),
        ("  120 ", timedelta(seconds=120)),
        ("1.5", timedelta(seconds=1.5)),
        ("0", None),
        ("-5", None),
        ("1000000000", LONGEST),
        ("1769852103", timedelta(minutes=5, seconds=3)),
        ("1769852103.5", timedelta(minutes=5, seconds=3.5)),
        ("1769852103000", timedelta(minutes=5, seconds=3)),
        ("1769851800", None),
        ("1700000000", None),
        ("1700000000000", None),
        ("99999999999", LONGEST),
        ("9" * 16, None),
        ("9" * 30, None),
        ("9" * 400, None),
        ("2026-01-31T09:30:03Z", timedelta(seconds=3)),
        ("2026-01-31T10:30:03+01:00", timedelta(seconds=3)),
        ("2026-01-31 09:30:03", timedelta(seconds=3)),
        ("2026-01-30", None),
        ("\uff12", None),
        ("Sat, 31 Jan 2026 09:30:03 GMT", timedelta(seconds=3)),
        ("Sat, 31 Jan 2026 10:30:03 +0100", timedelta(seconds=3)),
        ("Sat, 31 Jan 2026 09:30:03 -0000", timedelta(seconds=3)),
        ("Sat, 31 Jan 2026 09:30:03", timedelta(seconds=3)),
        ("Saturday, 31-Jan-26 09:31:00 GMT", timedelta(minutes=1)),
        ("Sat Jan 31 09:31:00 2026", timedelta(minutes=1)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
        ("Sat, 31 Jan 2026 09:30:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("Sat, 99 Jan 2026 09:30:03 GMT", None),
        ("Sat, 31 Jan 2026 09:30:03 +9999", None),
        ("", None),
        (".", None),
        ("1e3", None),
        ("1.2.3", None),
        ("inf", None),
        ("soon", None),
    ],
)
def test_how_long_to_wait(value: str, wait: timedelta | None) -> None:
    """None where it says nothing to go by; never longer than Temporal can hold."""
    assert retry_after(value, NOW) == wait


@given(st.text() | st.from_regex(r"\w{3}, \d{2} \w{3} \d{1,5} \d{2}:\d{2}:\d{2} [-+\w]{0,6}"))
def test_nothing_in_a_header_breaks_it(value: str) -> None:
    """A provider may answer anything."""
    wait = retry_after(value, NOW)

    assert wait is None or timedelta(0) < wait <= LONGEST
