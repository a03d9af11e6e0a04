"""What a request checks before it is sent: the pause, then its turn, then the pause once more."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.http import Pace
from activities.provider_health import Held, ProviderHealth
from activities.turns import Turns
from durable_analytics.wire.integration_state import RUNNING

DEADLINE = timedelta(seconds=3)
WAIT = timedelta(minutes=10)


def health() -> ProviderHealth:
    """The health of a provider that has sent nothing."""
    return ProviderHealth(None, 0)


async def busy_pace() -> Pace:
    """A pace whose next turn is far away."""
    pace = Pace(0.01)
    await pace.turn()
    pace.asked.clear()
    return pace


async def in_activity(turns: Turns, seen: ProviderHealth) -> None:
    """Wait for a turn as an activity does."""
    await ActivityEnvironment().run(turns.wait, seen)


async def test_a_pause_holds_before_the_turn() -> None:
    """The request takes no turn from those that may be sent."""
    seen = health()
    seen.asked_to_wait("HTTP 429", WAIT)
    pace = Pace(0.01)

    with pytest.raises(Held) as held:
        await in_activity(Turns(pace, may_be_held=True), seen)

    assert held.value.by == "retry_after"
    assert held.value.rest is not None
    assert not pace.asked.is_set()


async def test_a_pause_ends_the_wait_for_a_turn() -> None:
    """Soon, and the turn is left to others."""
    seen, pace = health(), await busy_pace()
    waiting = asyncio.create_task(in_activity(Turns(pace, may_be_held=True), seen))
    await pace.asked.wait()
    seen.asked_to_wait("HTTP 429", WAIT)

    with pytest.raises(Held):
        await asyncio.wait_for(waiting, timeout=20)
    await asyncio.sleep(0)
    assert not pace.waiting


async def test_what_cannot_be_given_back_waits_for_its_turn() -> None:
    """An execution of an earlier release: a pause of this process does not concern it."""
    seen = health()
    seen.asked_to_wait("HTTP 429", WAIT)

    await in_activity(Turns(Pace(100), may_be_held=False), seen)


async def test_a_worker_that_ends_gives_back_what_waits() -> None:
    """The failure says so, for those whose workflow takes nothing back."""
    pace, environment = await busy_pace(), ActivityEnvironment()
    environment.worker_shutdown()

    with pytest.raises(Held, match="the worker ends") as held:
        await environment.run(Turns(pace, may_be_held=True).wait, health())

    assert held.value.by == "shutdown"


async def test_without_a_limit_nobody_waits() -> None:
    """The pause is then checked when the request starts."""
    seen = health()
    seen.asked_to_wait("HTTP 429", WAIT)

    await in_activity(Turns(None, may_be_held=True), seen)
    with pytest.raises(Held):
        seen.enter(DEADLINE)


async def test_a_check_takes_no_probe() -> None:
    """Requests that wait for their turn do not hold back those that may probe."""
    seen = health()
    seen.learn({"state": "probing", "reason": "503", "by": "breaker", "since": None, "until": None})

    for _ in range(20):
        seen.check()

    assert [seen.enter(DEADLINE) for _ in range(4)] == [True] * 4
    with pytest.raises(Held):
        seen.check()
    seen.learn(RUNNING)
    seen.check()
