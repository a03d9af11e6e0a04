"""The pauses of an integration, and which of them counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from durable_analytics.errors import ValidationError
from durable_analytics.wire.health_reports import HealthReport
from durable_analytics.wire.integration_state import RUNNING, paused
from workflows.integration_holds import Holds

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    """So many seconds later."""
    return NOW + timedelta(seconds=seconds)


def breaker(**more: Any) -> HealthReport:
    """A report of a breaker that opens for 30 s."""
    return HealthReport(by="breaker", reason="down", seconds=30, **more)


def test_longest_wait_counts() -> None:
    """A shorter one does not shorten it, and one that is over does nothing."""
    holds = Holds([])
    for seconds in (20, 30, 10):
        holds.report(HealthReport.failing("retry_after", "429", until=after(seconds)), NOW)
    assert holds.next_end() == after(30)
    assert holds.state()["since"] == "2026-01-31T09:30:00.000Z"

    holds.end_expired(after(30))
    assert holds.state() == RUNNING

    holds.report(HealthReport.failing("retry_after", "429", until=after(30)), after(31))
    assert holds.state() == RUNNING


def test_several_workers_open_the_breaker_once() -> None:
    """The second one does not double the pause."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    holds.report(breaker(), after(1))
    assert holds.next_end() == after(30)


def pauses(open_for: float, count: int, *, by_age: bool = True) -> list[float]:
    """The lengths of the first pauses of a breaker whose probes all fail, in seconds."""
    holds, now = Holds([]), NOW
    report = HealthReport(by="breaker", reason="down", seconds=open_for)
    lengths = []
    for _ in range(count):
        holds.report(report, now, by_age=by_age)
        end = holds.next_end()
        assert end
        lengths.append((end - now).total_seconds())
        now = end
        holds.end_expired(now)
        assert holds.state()["state"] == "probing"
    assert holds.state()["since"] == "2026-01-31T09:30:00.000Z"
    return lengths


def test_breaker_doubles_at_first() -> None:
    """Up to half a minute, or to a longer `open_for`."""
    assert pauses(1, 7) == [1, 2, 4, 8, 16, 30, 30]
    assert pauses(30, 4) == [30, 30, 30, 30]
    assert pauses(60, 3) == [60, 60, 60]


def test_breaker_pauses_for_a_tenth_of_the_outage() -> None:
    """At most ten minutes; so once the provider is well, messages wait no longer than that."""
    lengths = pauses(30, 200)

    ages = [sum(lengths[:index]) for index in range(len(lengths))]
    for seconds, age in zip(lengths, ages, strict=True):
        assert seconds == pytest.approx(min(max(30, age / 10), 600), abs=0.01)
    assert lengths[-1] == 600


def test_breaker_doubles_in_executions_of_earlier_releases() -> None:
    """Up to ten minutes."""
    assert pauses(30, 7, by_age=False) == [30, 60, 120, 240, 480, 600, 600]


def test_a_retry_after_of_years_pauses_for_a_day() -> None:
    """What it asks for then is seen in the next response."""
    holds = Holds([])
    years = HealthReport.failing("retry_after", "503", until=NOW + timedelta(days=3650))

    holds.report(years, NOW)

    assert holds.next_end() == NOW + timedelta(days=1)


def test_successful_probe_ends_the_pause_of_its_kind() -> None:
    """A success that was sent before the pause does not."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    recovered = HealthReport(by="breaker", event="recovered")
    holds.report(recovered, after(1))
    assert holds.state()["state"] == "paused"

    holds.end_expired(after(30))
    holds.report(recovered, after(31))
    assert holds.state() == RUNNING


def test_probing_without_a_message_ends() -> None:
    """After ten minutes, nothing is known of the provider."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    holds.end_expired(after(30))
    holds.end_expired(after(630))
    assert holds.state() == RUNNING


def probed(holds: Holds, seconds: float = 8) -> Holds:
    """These holds 30 s later, with a probe in flight that takes at most so many seconds."""
    holds.end_expired(after(30))
    assert holds.reason_to_hold() is None
    holds.report(HealthReport(by="breaker", event="probing", seconds=seconds), after(30))
    return holds


def opened() -> Holds:
    """The holds of a breaker that has opened."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    return holds


def test_the_queue_is_held_while_a_probe_is_in_flight() -> None:
    """The state stays `probing`; the result decides what follows."""
    holds = probed(opened())
    assert holds.reason_to_hold() == "a probe is in flight"
    assert holds.state()["state"] == "probing"

    again = Holds(holds.as_json())
    again.report(breaker(), after(31))
    assert (again.reason_to_hold(), again.next_end()) == ("down", after(61))

    holds.report(HealthReport(by="breaker", event="recovered"), after(31))
    assert holds.reason_to_hold() is None
    assert holds.next_end() is None


def test_a_probe_without_a_result_is_followed_by_another_one() -> None:
    """Its worker was killed, or the response says nothing about the provider."""
    holds = probed(opened(), seconds=8)
    assert holds.next_end() == after(38)

    holds.end_expired(after(38))

    assert holds.reason_to_hold() is None
    assert holds.state()["state"] == "probing"


def test_what_a_paused_integration_sends_is_no_probe() -> None:
    """The workflow's clock decides when the pause of the queue ends."""
    holds = opened()
    holds.report(HealthReport(by="breaker", event="probing", seconds=8), after(29))
    assert holds.next_end() == after(30)
    holds.end_expired(after(30))
    assert holds.reason_to_hold() is None


def test_other_credentials_end_their_pause() -> None:
    """Those of a worker that starts; the same ones do not."""
    holds = Holds([])
    refused = HealthReport(by="credentials", reason="401", seconds=600, credentials="a")
    holds.report(refused, NOW)
    for credentials, state in (("a", "paused"), ("b", "running")):
        started = HealthReport(by="credentials", event="started", credentials=credentials)
        holds.report(started, after(1))
        assert holds.state()["state"] == state


def test_operator_outranks_and_probing_does_not_release() -> None:
    """Only `resume`, or its time, ends an operator's pause."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    holds.add(paused("operator", "maintenance", since=NOW, duration=None))
    holds.end_expired(after(30))
    assert (holds.state()["by"], holds.state()["state"]) == ("operator", "paused")

    holds.report(HealthReport(by="breaker", event="recovered"), after(31))
    assert holds.state()["by"] == "operator"

    holds.end()
    assert holds.state() == RUNNING


def test_a_wait_holds_while_the_breaker_probes() -> None:
    """What is paused comes before what probes."""
    holds = Holds([])
    holds.report(breaker(), NOW)
    holds.end_expired(after(30))
    holds.report(HealthReport.failing("retry_after", "429", until=after(60)), after(31))
    assert (holds.state()["by"], holds.state()["state"]) == ("retry_after", "paused")


def test_holds_continue_as_new() -> None:
    """With the next pause of the breaker; the state has only its public keys."""
    holds = Holds([])
    report = HealthReport(by="breaker", reason="down", seconds=10)
    holds.report(report, NOW)
    again = Holds(holds.as_json())
    again.end_expired(after(10))
    again.report(report, after(10))
    assert again.next_end() == after(30)
    assert again.state().keys() == RUNNING.keys()


@pytest.mark.parametrize(
    "argument", [None, {}, {"by": "somebody"}, {"by": "breaker", "seconds": -1}, "x"]
)
def test_wrong_report_is_refused(argument: Any) -> None:
    """Anybody may send a signal."""
    with pytest.raises(ValidationError):
        HealthReport.read(argument)
