"""What a process counts of a provider's responses, and when it reports a change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from activities.provider_health import BreakerLimits, Held, ProviderHealth
from durable_analytics.wire.health_reports import HealthReport
from durable_analytics.wire.integration_state import RUNNING, IntegrationState, paused

DEADLINE = timedelta(seconds=3)
PROBING: IntegrationState = {**RUNNING, "state": "probing", "by": "breaker"}

LIMITS = BreakerLimits(0.8, 20, timedelta(seconds=30), timedelta(seconds=30))


@dataclass
class Seen:
    """The health of a provider, at a time that the test sets."""

    limits: BreakerLimits | None = LIMITS
    pause_after_unauthorized: int = 3
    now: float = 1_000_000.0
    reports: list[HealthReport] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.health = ProviderHealth(
            self.limits, self.pause_after_unauthorized, clock=lambda: self.now
        )
        self.health.listener = lambda report: self.reports.append(report) if report else None
        self.health.on_level = lambda level, _: self.levels.append(level)

    def send(self, outcome: Callable[[bool], None]) -> None:
        """Send a request; the outcome gets whether it is a probe."""
        is_probe = self.health.enter(DEADLINE)
        outcome(is_probe)
        self.health.leave(is_probe=is_probe)

    def fail(self, count: int = 1) -> None:
        """Send requests that find the provider unavailable."""
        for _ in range(count):
            self.send(lambda is_probe: self.health.unavailable("no answer", is_probe=is_probe))

    def succeed(self, count: int = 1, credentials: str = "") -> None:
        """Send requests that succeed."""
        for _ in range(count):
            self.send(lambda is_probe: self.health.succeeded(credentials, is_probe=is_probe))

    def refuse(self, count: int = 1, credentials: str = "") -> None:
        """Send requests whose credentials are refused."""
        for _ in range(count):
            self.send(
                lambda is_probe: self.health.unauthorized(credentials, "401", is_probe=is_probe)
            )

    def is_held(self) -> bool:
        """Whether a request would be held back."""
        try:
            self.health.leave(is_probe=self.health.enter(DEADLINE))
        except Held:
            return True
        return False


def test_breaker_opens_on_the_share_of_failures() -> None:
    """Not before `minimum` attempts, and once."""
    seen = Seen()
    seen.succeed(4)
    seen.fail(15)
    assert not seen.reports

    seen.fail()

    (report,) = seen.reports
    assert (report.by, report.event, report.seconds) == ("breaker", "failing", 30)
    assert report.reason == "16 of 20 attempts failed; the last: no answer"
    assert seen.is_held()


def test_attempts_before_the_window_do_not_count() -> None:
    """A thousand successes long ago do not keep it closed."""
    seen = Seen()
    seen.succeed(1000)
    seen.now += 33
    seen.fail(20)
    assert len(seen.reports) == 1


def test_without_a_breaker_failures_hold_nothing() -> None:
    """The setting `false`."""
    seen = Seen(limits=None)
    seen.fail(100)
    assert not seen.reports
    assert not seen.is_held()


def test_up_to_four_messages_probe_and_the_first_answer_decides() -> None:
    """A success lets all others go; only one process-wide report follows."""
    seen = Seen()
    seen.fail(20)
    seen.now += 31
    probes = [seen.health.enter(DEADLINE) for _ in range(4)]
    assert probes == [True] * 4
    assert seen.is_held()

    seen.health.succeeded("", is_probe=True)
    seen.health.succeeded("", is_probe=True)

    assert [report.event for report in seen.reports] == ["failing", "probing", "recovered"]
    assert not seen.is_held()


def test_the_start_of_a_probe_is_reported_once() -> None:
    """With the time after which there is no result any more; then the next one is reported."""
    seen = Seen()
    seen.health.learn(PROBING)
    for _ in range(4):
        seen.health.enter(DEADLINE)
    (report,) = seen.reports
    assert (report.by, report.event, report.seconds) == ("breaker", "probing", 8)

    for _ in range(4):
        seen.health.leave(is_probe=True)
    seen.health.enter(DEADLINE)

    assert [report.event for report in seen.reports] == ["probing"] * 2


def test_failed_probe_doubles_the_pause_up_to_ten_minutes() -> None:
    """The other probes change nothing."""
    seen = Seen()
    seen.fail(20)
    for seconds in (60, 120, 240, 480, 600, 600):
        seen.now = (seen.health._until or 0) + 0.1  # noqa: SLF001  # the end of the pause
        for _ in range(4):
            seen.health.enter(DEADLINE)
        for _ in range(4):
            seen.health.unavailable("still", is_probe=True)
            seen.health.leave(is_probe=True)
        assert seen.health._until == pytest.approx(seen.now + seconds)  # noqa: SLF001
    assert [report.event for report in seen.reports] == ["failing", *["probing", "failing"] * 6]


@pytest.mark.parametrize(("seconds", "is_shared"), [(1.9, False), (2, True), (20, True)])
def test_shared_wait(seconds: float, *, is_shared: bool) -> None:
    """A wait below two seconds concerns only its message."""
    seen = Seen()
    seen.health.asked_to_wait("429", timedelta(seconds=seconds))
    assert len(seen.reports) == is_shared
    assert seen.is_held() == is_shared


def test_wait_is_reported_again_only_if_it_moves_by_more_than_a_second() -> None:
    """A hundred responses in flight are one report."""
    seen = Seen()
    for _ in range(100):
        seen.health.asked_to_wait("429", timedelta(seconds=20))
        seen.now += 0.01
    seen.health.asked_to_wait("429", timedelta(seconds=15))
    assert len(seen.reports) == 1

    seen.health.asked_to_wait("429", timedelta(seconds=22))
    assert len(seen.reports) == 2

    seen.now += 21.9
    assert seen.is_held()
    seen.now += 0.2
    assert not seen.is_held()


def test_unauthorized_in_a_row_pauses() -> None:
    """A success begins anew; of other credentials, it does not."""
    seen = Seen()
    seen.refuse(2)
    seen.succeed()
    seen.refuse(2)
    assert not seen.reports

    seen.succeed(credentials="other")
    seen.refuse()

    (report,) = seen.reports
    assert (report.by, report.event) == ("credentials", "failing")
    assert seen.is_held()


def test_zero_never_pauses_for_credentials() -> None:
    """As the setting says."""
    seen = Seen(pause_after_unauthorized=0)
    seen.refuse(1000)
    assert not seen.reports


def test_a_probe_with_refused_credentials_pauses_again() -> None:
    """One is enough; a success ends it."""
    seen = Seen()
    seen.refuse(3)
    seen.now += 601
    seen.refuse()
    assert [report.event for report in seen.reports] == ["failing", "probing", "failing"]
    assert seen.is_held()

    seen.now += 601
    seen.succeed()
    assert seen.reports[-1].event == "recovered"
    assert not seen.is_held()


def test_learns_of_a_pause_and_of_its_end() -> None:
    """What other processes have seen, or an operator has done."""
    seen = Seen()
    now = datetime.fromtimestamp(seen.now, UTC)
    seen.health.learn(paused("operator", "maintenance", since=now, duration=None))
    assert seen.is_held()
    assert seen.health.is_troubled()

    seen.health.learn(RUNNING)
    assert not seen.is_held()
    assert not seen.health.is_troubled()


def test_an_earlier_state_does_not_end_a_pause_that_is_being_reported() -> None:
    """Temporal has it only after the report has arrived."""
    seen = Seen()
    seen.fail(20)
    seen.health.learn(RUNNING)
    assert seen.is_held()

    seen.now += 4
    seen.health.learn(RUNNING)
    assert not seen.is_held()


def test_watches_while_attempts_fail() -> None:
    """And no longer than the window."""
    seen = Seen()
    seen.succeed(10)
    assert not seen.health.is_troubled()
    seen.fail()
    assert seen.health.is_troubled()
    seen.now += 33
    assert not seen.health.is_troubled()


@pytest.mark.parametrize(
    ("seconds", "is_paused", "asks"), [(1, False, 1), (0.5, False, 0), (60, True, 0)]
)
async def test_a_message_that_waited_asks_what_others_know(
    seconds: float, asks: int, *, is_paused: bool
) -> None:
    """It may come from a task queue that was held; one that comes at once does not."""
    seen, asked = Seen(), []

    async def ask() -> None:
        asked.append(seen.now)

    seen.health.ask = ask
    if is_paused:
        now = datetime.fromtimestamp(seen.now, UTC)
        seen.health.learn(paused("operator", "maintenance", since=now, duration=None))

    await seen.health.ask_others(timedelta(seconds=seconds))

    assert len(asked) == asks


def test_each_part_of_the_breakers_threshold_is_told_once() -> None:
    """At 20 attempts, the threshold is 16 failures: 8 are 50 %, 12 are 75 %, 15 are 94 %."""
    seen = Seen()
    levels_by_failures = []
    for _ in range(16):
        seen.fail()
        levels_by_failures.append(seen.levels[-1] if seen.levels else 0)
    assert levels_by_failures == [0] * 7 + [50] * 4 + [70] * 3 + [90] * 2
    assert seen.reports == []

    seen.fail(4)

    assert seen.levels == [50, 70, 90, 100]
    assert [report.by for report in seen.reports] == ["breaker"]


def test_a_part_of_the_threshold_is_told_again_after_it_was_left() -> None:
    seen = Seen()
    seen.fail(8)
    seen.succeed(100)
    seen.fail(8)
    assert seen.levels == [50]

    seen.now += 60
    seen.fail(8)
    seen.succeed()
    seen.fail(1)

    assert seen.levels == [50, 50]


def test_without_a_breaker_there_is_no_threshold() -> None:
    seen = Seen(limits=None)
    seen.fail(100)

    assert seen.levels == []
