"""What a comparison yields, and how its rounds become one figure."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from benchmarks.machine import Machine
from benchmarks.options import Sizes

Step = Callable[[], None]
"""Called after each round of a side, for the progress."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One name of the results."""

    name: str
    ours: float
    other: float
    ratio: float
    unit: str
    rounds: Sequence[float] = ()
    """The ratio of each round."""

    more: Mapping[str, Any] = field(default_factory=dict)
    """Beside them, in the JSON alone."""

    def as_json(self) -> dict[str, Any]:
        """The figure as the results have it."""
        return {
            "ours": _short(self.ours),
            "other": _short(self.other),
            "ratio": _short(self.ratio),
            "unit": self.unit,
            "rounds": [_short(ratio) for ratio in self.rounds],
            **self.more,
        }


@dataclass(frozen=True, slots=True)
class Measure:
    """A comparison, and the names of its figures."""

    names: tuple[str, ...]
    run: Callable[[Machine, Sizes, Step], Awaitable[list[Figure]]]
    steps: Callable[[Sizes], int]


T = TypeVar("T")

Rounds = tuple[list[T], list[T]]
"""Ours and the other side's; those of the same place were measured beside each other."""


async def alternate(
    rounds: int,
    ours: Callable[[], Awaitable[T]],
    other: Callable[[], Awaitable[T]],
    step: Step,
) -> Rounds[T]:
    """Run both sides in turn; each goes first in every other round."""
    results: Rounds[T] = ([], [])
    for number in range(rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            results[side].append(await (ours, other)[side]())
            step()
    return results


def paired(
    name: str,
    rounds: Rounds[T],
    value: Callable[[T], float],
    unit: str,
    *,
    other_over_ours: bool = False,
    more: Mapping[str, Any] | None = None,
) -> Figure:
    """The figure of alternating rounds: the ratio is the median of theirs, not that of the medians.

    Args:
        name: Its name.
        rounds: As `alternate` returned them.
        value: What counts of a round.
        unit: Of the value.
        other_over_ours: Where less is better.
        more: Beside them, in the JSON alone.
    """
    ours, other = ([value(one) for one in side] for side in rounds)
    pairs = zip(ours, other, strict=True)
    ratios = [theirs / mine if other_over_ours else mine / theirs for mine, theirs in pairs]
    medians = statistics.median(ours), statistics.median(other)
    return Figure(name, *medians, statistics.median(ratios), unit, ratios, more or {})


def _short(value: float) -> float:
    """Four digits say all that such a figure knows."""
    return float(f"{value:.4g}")
