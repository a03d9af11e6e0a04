"""What the log says of an outage."""

import pytest

from durable_analytics.buffering._reports import Outage


def test_an_outage_logs_its_start_every_minute_and_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However many attempts fail."""
    seconds = iter(range(1000, 10_000, 5))
    outage = Outage(lambda: 7, clock=lambda: next(seconds))

    for _ in range(26):
        outage.failed("segment:batch:1", "UNAVAILABLE: gone")
    outage.recovered("segment:batch:1")

    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert caplog.messages == [
        "Temporal does not take messages (UNAVAILABLE: gone): 7 are kept and tried again",
        "Temporal has not taken messages for 60 s (UNAVAILABLE: gone): 7 are kept",
        "Temporal has not taken messages for 120 s (UNAVAILABLE: gone): 7 are kept",
        "Temporal takes messages again, after 130 s",
    ]


def test_a_start_without_failures_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Of a start that went well."""
    outage = Outage(lambda: 0)

    outage.recovered("segment:batch:1")
    outage.recovered("segment:batch:1")

    assert caplog.records == []


def test_each_outage_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Each outage has its two lines."""
    outage = Outage(lambda: 1)
    for _ in range(2):
        outage.failed("segment:batch:1", "gone")
        outage.recovered("segment:batch:1")

    assert [record.getMessage().split(" (")[0].split(",")[0] for record in caplog.records] == [
        "Temporal does not take messages",
        "Temporal takes messages again",
    ] * 2


def test_an_outage_lasts_until_the_failing_batch_recovers(caplog: pytest.LogCaptureFixture) -> None:
    """Does not end the outage each time that another one gets through."""
    outage = Outage(lambda: 1)
    for other in ("a", "b", "c"):
        outage.failed("failing", "gone")
        outage.recovered(other)
    assert len(caplog.messages) == 1

    outage.recovered("failing")

    assert len(caplog.messages) == 2
