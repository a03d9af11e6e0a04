"""The token bucket that limits the requests of a source."""

import pytest

from gateway.errors import RequestError
from gateway.rate_limit import RateLimit


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


def taken(rate: RateLimit, most: int = 1000) -> int:
    """Return the number of requests that pass before one is rejected."""
    for count in range(most):
        try:
            rate.take()
        except RequestError:
            return count
    return most


def test_every_request_passes_without_a_limit(clock: Clock) -> None:
    """Without a configured limit."""
    assert taken(RateLimit(None, clock)) == 1000


@pytest.mark.parametrize(("per_second", "burst"), [(5, 5), (1, 1), (2.5, 2), (0.5, 1), (0.001, 1)])
def test_burst_is_limited_to_one_second_of_requests(
    clock: Clock, per_second: float, burst: int
) -> None:
    """At least one request passes."""
    assert taken(RateLimit(per_second, clock)) == burst


@pytest.mark.parametrize(
    ("seconds", "more"), [(0.0, 0), (0.1, 0), (0.2, 1), (0.5, 2), (1.0, 5), (1000.0, 5)]
)
def test_bucket_refills_with_time(clock: Clock, seconds: float, more: int) -> None:
    """Never above its capacity."""
    rate = RateLimit(5, clock)
    taken(rate)

    clock.now += seconds

    assert taken(rate) == more


@pytest.mark.parametrize(("per_second", "wait"), [(5, "1"), (1, "1"), (0.5, "2"), (0.1, "10")])
def test_exceeded_limit_gets_429_with_the_wait(clock: Clock, per_second: float, wait: str) -> None:
    """After that many seconds, a request passes."""
    rate = RateLimit(per_second, clock)
    taken(rate)

    with pytest.raises(RequestError) as refused:
        rate.take()

    assert refused.value.status == 429
    assert refused.value.headers == {"Retry-After": wait, "X-RateLimit-Reset": wait}
    clock.now += int(wait)
    rate.take()


def test_rejected_request_is_not_counted(clock: Clock) -> None:
    """Frequent retries do not delay the next accepted request."""
    rate = RateLimit(1, clock)
    for _ in range(100):
        taken(rate)
        clock.now += 0.01
    taken(rate)

    clock.now += 1

    assert taken(rate) == 1
