"""The timeouts and retries of a plan, as Temporal takes them."""

from dataclasses import replace
from datetime import timedelta

from temporalio.common import RetryPolicy

from durable_analytics.wire.plans import Plan
from durable_analytics.wire.policies import RECORDED, PlannedPolicies, RequestPolicy

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""The default heartbeat timeout of an activity that sends several requests, or whose request waits
for its turn."""


def policy_of(plan: Plan) -> RequestPolicy:
    """Return the request policy of a plan."""
    policies = PlannedPolicies.model_validate(plan["policies"], context=RECORDED)
    return policies.request or RequestPolicy()


def retries(policy: RequestPolicy, used: int = 0) -> RetryPolicy:
    """Return Temporal's retry policy for a request policy.

    Args:
        policy: The policy.
        used: The attempts of earlier activities for the same message.
    """
    retry = policy.retry_policy
    settings = {} if retry is None else retry.model_dump(exclude_none=True)
    made = RetryPolicy(**settings)
    most = made.maximum_attempts
    return replace(made, maximum_attempts=max(most - used, 1)) if most else made


def longest_turn(plan: Plan) -> timedelta:
    """Return how long each request may wait for its turn, besides the timeout of an attempt."""
    return timedelta(seconds=plan.get("turn_seconds", 0))
