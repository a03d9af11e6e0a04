"""`policy_limits` bind any policies, and say what they changed."""

from datetime import timedelta
from typing import Any

import pytest

from durable_analytics.wire.policies import (
    DEFAULT_POLICY,
    Policies,
    PolicyLimits,
    RequestPolicy,
    RetryPolicy,
    merge_policies,
)

LIMITS = PolicyLimits(
    total_timeout=timedelta(hours=1), maximum_attempts=5, initial_interval=timedelta(seconds=2)
)


def asked(total_timeout: timedelta | None = None, **retry: Any) -> Policies:
    """Policies as a plan has them, with these values."""
    own = RequestPolicy(total_timeout=total_timeout, retry_policy=RetryPolicy(**retry))
    return merge_policies(Policies(request=own))


@pytest.mark.parametrize("attempts", [0, 6])
def test_the_limits_replace_what_goes_beyond_them(attempts: int) -> None:
    """0 means unlimited attempts."""
    limited, names = LIMITS.apply(asked(timedelta(hours=2), maximum_attempts=attempts))

    assert names == ["total_timeout", "maximum_attempts", "initial_interval"]
    assert limited.request
    assert limited.request.total_timeout == timedelta(hours=1)
    assert limited.request.retry_policy
    assert limited.request.retry_policy.maximum_attempts == 5
    assert limited.request.retry_policy.initial_interval == timedelta(seconds=2)


def test_what_is_within_the_limits_stays() -> None:
    """And nothing is named."""
    within = asked(timedelta(minutes=1), maximum_attempts=5, initial_interval=timedelta(seconds=2))

    assert LIMITS.apply(within) == (within, [])


def test_the_longest_wait_is_not_shorter_than_the_shortest() -> None:
    """Temporal would refuse it."""
    short = timedelta(seconds=1)

    limited, names = LIMITS.apply(asked(maximum_attempts=1, maximum_interval=short))

    assert names == ["total_timeout", "initial_interval", "maximum_interval"]
    assert limited.request
    assert limited.request.retry_policy
    assert limited.request.retry_policy.maximum_interval == timedelta(seconds=2)


def test_without_limits_the_defaults_stay() -> None:
    """Each limit is optional."""
    limited, names = PolicyLimits().apply(Policies(request=DEFAULT_POLICY))

    assert (limited.request, names) == (DEFAULT_POLICY, [])
