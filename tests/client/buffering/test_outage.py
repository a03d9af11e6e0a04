"""What the log says of an outage."""

import pytest

from durable_analytics.buffering.outage import Outage


def test_one_line_when_it_starts_one_a_minute_one_on_recovery(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However many attempts fail."""
    seconds = iter(range(1000, 10_000, 5))
    outage = Outage(lambda: 7, clock=lambda: next(seconds))

    for _ in range(26):
        outage.goes_on("segment:batch:1", "UNAVAILABLE: gone")
    outage.is_over("segment:batch:1")

    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert caplog.messages == [
        "Temporal does not take messages (UNAVAILABLE: gone): 7 are kept and tried again",
        "Temporal has not taken messages for 60 s (UNAVAILABLE: gone): 7 are kept",
        "Temporal has not taken messages for 120 s (UNAVAILABLE: gone): 7 are kept",
        "Temporal takes messages again, after 130 s",
    ]


def test_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    """Of a start that went well."""
    outage = Outage(lambda: 0)

    outage.is_over("segment:batch:1")
    outage.is_over("segment:batch:1")

    assert caplog.records == []


def test_the_next_one_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    """Each outage has its two lines."""
    outage = Outage(lambda: 1)
    for _ in range(2):
        outage.goes_on("segment:batch:1", "gone")
        outage.is_over("segment:batch:1")

    assert [record.getMessage().split(" (")[0].split(",")[0] for record in caplog.records] == [
        "Temporal does not take messages",
        "Temporal takes messages again",
    ] * 2


def test_one_batch_that_fails_among_others(caplog: pytest.LogCaptureFixture) -> None:
    """Does not end the outage each time that another one gets through."""
    outage = Outage(lambda: 1)
    for other in ("a", "b", "c"):
        outage.goes_on("failing", "gone")
        outage.is_over(other)
    assert len(caplog.messages) == 1

    outage.is_over("failing")

    assert len(caplog.messages) == 2
