"""The token bucket of a process: how fast it gives turns, to whom, and what giving up costs."""

import asyncio

import pytest

from activities.http.pace import BURST, Pace

SLACK = 5
"""A busy machine is late, by less than this factor."""


async def seconds_for(pace: Pace, turns: int) -> float:
    """How long these turns take."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(turns)))
    return loop.time() - since


@pytest.mark.parametrize("part", [1, 0.5])
async def test_turns_come_at_the_rate_of_the_part(part: float) -> None:
    """The first of them at once."""
    pace = Pace(100)
    pace.take_part(part)

    taken = await seconds_for(pace, 30)

    least = (30 - BURST) / (100 * part)
    assert least <= taken < least * SLACK


async def test_a_quiet_time_saves_no_more_than_the_burst() -> None:
    """Or a process would send as much as it did not send before."""
    pace = Pace(100)
    await pace.turn()
    await asyncio.sleep(0.3)

    assert await seconds_for(pace, 20) >= (20 - BURST) / 100


async def test_a_larger_part_counts_for_those_who_wait() -> None:
    """At a hundredth of the rate, they would wait for ten seconds."""
    pace = Pace(100)
    pace.take_part(0.01)
    await pace.turn()
    waiting = asyncio.create_task(seconds_for(pace, 10))
    await asyncio.sleep(0)

    pace.take_part(1)

    assert await waiting < 2


async def test_who_gives_up_costs_nobody_a_turn() -> None:
    """Neither one that waits, nor one that has just got its turn."""
    pace = Pace(10)
    await asyncio.gather(*(pace.turn() for _ in range(BURST)))
    waiting = [asyncio.create_task(pace.turn()) for _ in range(50)]
    await asyncio.sleep(0)
    for turn in waiting:
        turn.cancel()
    await asyncio.wait(waiting)

    assert pace.waiting == 0
    assert await seconds_for(pace, 1) < 2


async def test_first_come_first_served() -> None:
    pace = Pace(200)
    served: list[int] = []

    async def serve(number: int) -> None:
        await pace.turn()
        served.append(number)

    await asyncio.gather(*(serve(number) for number in range(20)))

    assert served == list(range(20))
