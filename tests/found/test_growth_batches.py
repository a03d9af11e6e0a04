"""Batches, and plans from a caller's own workflow, cost in proportion to their size."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.activities import raw, run
from tests.support.growth import assert_linear
from tests.support.json_objects import Json

pytestmark = pytest.mark.slow

GOOD: Json = {"type": "track", "user_id": "u", "event": "E"}
MESSAGE_ID = "0b2b6a0e-93f5-5a6c-b0f7-1d8d5b3a2c11"

MESSAGES: Mapping[str, Callable[[int], Any]] = {
    "good": lambda n: [GOOD] * n,
    "of many people": lambda n: [{**GOOD, "user_id": f"u{i}"} for i in range(n)],
    "of many methods": lambda n: (
        [
            GOOD,
            {"type": "identify", "user_id": "u"},
            {"type": "alias", "previous_user_id": "a", "new_user_id": "b"},
        ]
        * (n // 3)
    ),
    "without a type": lambda n: [{"a": 1}] * n,
    "that are no objects": lambda n: [None] * n,
    "with wrong fields": lambda n: [{**GOOD, "event": 1, "typo": 1}] * n,
    "with ids that are numbers": lambda n: [{**GOOD, "user_id": i} for i in range(n)],
    "with a context of their own": lambda n: [{**GOOD, "context": {"ip": "::"}}] * n,
}


@pytest.mark.parametrize("messages", MESSAGES)
@pytest.mark.parametrize("integration", ["segment", "trophy"])
def test_messages(integration: str, messages: str) -> None:
    """Good or bad, for a provider with batches and for one without; read strictly first."""

    def prepare(size: int) -> Callable[[], object]:
        batch = {
            "integration": integration,
            "messages": MESSAGES[messages](size),
            "strict": False,
        }
        data = raw(batch)
        return lambda: run("Batch.Validation", data)

    assert_linear(prepare, 240)


@pytest.mark.parametrize(
    "context",
    [lambda n: {"a": "t" * n}, lambda n: {f"k{i}": i for i in range(n // 10)}],
    ids=["a long text", "many keys"],
)
def test_a_context(context: Callable[[int], Any]) -> None:
    """It goes with each message."""

    def prepare(size: int) -> Callable[[], object]:
        batch = {"integration": "segment", "messages": [GOOD] * 100, "context": context(size)}
        data = raw(batch)
        return lambda: run("Batch.Validation", data)

    assert_linear(prepare, 8_000)


def plan_with(**more: Any) -> Json:
    """The plan of a batch."""
    return {
        "integration": "segment",
        "message": {"message_id": MESSAGE_ID, "timestamp": "2026-01-31T09:30:00Z"},
        "policies": {"request": None},
        **more,
    }


BATCH_PLANS: Mapping[str, tuple[Callable[[int], Json], int]] = {
    "slices": (lambda n: plan_with(slices=[[0, 1]] * n), 16_000),
    "wrong slices": (lambda n: plan_with(slices=[["a"]] * n), 16_000),
    "rejected": (lambda n: plan_with(rejected=[{"index": i} for i in range(n)]), 16_000),
    "skipped": (lambda n: plan_with(skipped=list(range(n))), 16_000),
    "wrong skipped": (lambda n: plan_with(skipped=[-1] * n), 16_000),
    "keys": (lambda n: plan_with(**{f"k{i}": 1 for i in range(n)}), 16_000),
    "error types": (
        lambda n: plan_with(
            policies={"request": {"retry_policy": {"non_retryable_error_types": ["E"] * n}}}
        ),
        16_000,
    ),
}


@pytest.mark.parametrize("activity", ["Batch.Request", "Batch.Send"])
@pytest.mark.parametrize("plan", BATCH_PLANS)
def test_a_plan_of_a_batch(plan: str, activity: str) -> None:
    """Whatever a caller's own workflow hands to the activity."""
    make, largest = BATCH_PLANS[plan]

    def prepare(size: int) -> Callable[[], object]:
        arguments = raw({"integration": "segment", "messages": [GOOD] * 10}), raw(make(size))
        return lambda: run(activity, *arguments)

    assert_linear(prepare, largest)


PLANS: Mapping[str, tuple[Callable[[int], Any], int]] = {
    "many fields": (
        lambda n: plan_with(message={"message_id": "m", **{f"k{i}": 1 for i in range(n)}}),
        8_000,
    ),
    "a long list": (
        lambda n: plan_with(message={"message_id": "m", "properties": {"a": [1] * n}}),
        40_000,
    ),
    "wrong values": (
        lambda n: plan_with(message={"message_id": "m", "user_id": [1] * n}),
        40_000,
    ),
    "many keys": (lambda n: plan_with(**{f"k{i}": 1 for i in range(n)}), 16_000),
    "no plan": (lambda n: [1] * n, 40_000),
}


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_of_a_message(plan: str) -> None:
    """Likewise."""
    make, largest = PLANS[plan]

    def prepare(size: int) -> Callable[[], object]:
        data = {"integration": "segment", "track": {"user_id": "u", "event": "E"}}
        arguments = raw(data), raw(make(size))
        return lambda: run("Track.Request", *arguments)

    assert_linear(prepare, largest)
