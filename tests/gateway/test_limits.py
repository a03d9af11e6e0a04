"""Requests a second: a burst, then as many as the time that goes by has room for."""

import pytest

from gateway.limits import Rate
from gateway.refusals import Refusal


class Clock:
    """Time that goes by when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """One that stands still."""
    return Clock()


def taken(rate: Rate, most: int = 1000) -> int:
    """How many requests go before one is refused."""
    for count in range(most):
        try:
            rate.take()
        except Refusal:
            return count
    return most


def test_no_limit(clock: Clock) -> None:
    """By default all are taken."""
    assert taken(Rate(None, clock)) == 1000


@pytest.mark.parametrize(("per_second", "burst"), [(5, 5), (1, 1), (2.5, 2), (0.5, 1), (0.001, 1)])
def test_a_burst(clock: Clock, per_second: float, burst: int) -> None:
    """As many as come in a second, and one at least."""
    assert taken(Rate(per_second, clock)) == burst


@pytest.mark.parametrize(
    ("seconds", "more"), [(0.0, 0), (0.1, 0), (0.2, 1), (0.5, 2), (1.0, 5), (1000.0, 5)]
)
def test_time_goes_by(clock: Clock, seconds: float, more: int) -> None:
    """It makes room, never for more than a burst."""
    rate = Rate(5, clock)
    taken(rate)

    clock.now += seconds

    assert taken(rate) == more


@pytest.mark.parametrize(("per_second", "wait"), [(5, "1"), (1, "1"), (0.5, "2"), (0.1, "10")])
def test_the_refusal(clock: Clock, per_second: float, wait: str) -> None:
    """429, and after how many whole seconds there is room: then there is."""
    rate = Rate(per_second, clock)
    taken(rate)

    with pytest.raises(Refusal) as refused:
        rate.take()

    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": wait, "X-RateLimit-Reset": wait}
    clock.now += int(wait)
    rate.take()


def test_a_refused_request_is_not_counted(clock: Clock) -> None:
    """Who asks again and again waits no longer for that."""
    rate = Rate(1, clock)
    for _ in range(100):
        taken(rate)
        clock.now += 0.01
    taken(rate)

    clock.now += 1

    assert taken(rate) == 1
