"""The result of a comparison, and how the results of its rounds become one figure."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.options import Sizes
from benchmarks.testbed import Testbed

Advance = Callable[[], None]
"""Called after each round of a contender; it moves the progress bar."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the results."""

    name: str
    ours: float
    other: float
    ratio: float
    unit: str
    rounds: Sequence[float] = ()
    """The ratio of each round."""

    details: Mapping[str, Any] = field(default_factory=dict)
    """More keys, for the JSON only."""

    def as_json(self) -> dict[str, Any]:
        """The figure as results.json holds it."""
        return {
            "ours": to_four_digits(self.ours),
            "other": to_four_digits(self.other),
            "ratio": to_four_digits(self.ratio),
            "unit": self.unit,
            "rounds": [to_four_digits(ratio) for ratio in self.rounds],
            **self.details,
        }


@dataclass(frozen=True, slots=True)
class FailedFigure:
    """A row of the results that could not be measured."""

    name: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """The reason as results.json holds it."""
        return {"error": self.reason}


Row = Figure | FailedFigure


@dataclass(frozen=True, slots=True)
class Measure:
    """A comparison, and the names of the figures that it yields."""

    names: tuple[str, ...]
    run: Callable[[Testbed, Sizes, Advance], Awaitable[list[Figure]]]
    count_steps: Callable[[Sizes], int]
    """How often `run` calls its `Advance`."""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round of one contender measured."""

    values: Mapping[str, float]
    """By name: messages a second, MiB and the like."""

    cpu_seconds_per_message: Mapping[str, float] = field(default_factory=dict)
    """By role: `client`, `worker`, `server`, `gateway`, `provider`, `load`."""

    @property
    def own_cpu_seconds(self) -> float:
        """The CPU of the contender's own processes, without the stand-in and load generators."""
        return sum_own_cpu(self.cpu_seconds_per_message)


Rounds = tuple[list[RoundResult], list[RoundResult]]
"""The rounds of ours and of the other contender; rounds with the same index ran back to back."""


def sum_own_cpu(by_role: Mapping[str, float]) -> float:
    """Add up the CPU of a contender's own processes."""
    return sum(seconds for role, seconds in by_role.items() if role not in {"provider", "load"})


async def run_alternately(
    rounds: int,
    ours: Callable[[], Awaitable[RoundResult]],
    other: Callable[[], Awaitable[RoundResult]],
    advance: Advance,
) -> Rounds:
    """Run both contenders in turn; each goes first in every second round."""
    results: Rounds = ([], [])
    for number in range(rounds):
        for contender in (0, 1) if number % 2 == 0 else (1, 0):
            results[contender].append(await (ours, other)[contender]())
            advance()
    return results


def summarize_rounds(
    name: str,
    rounds: Rounds,
    value: str,
    unit: str,
    *,
    less_is_better: bool = False,
    codec: bool | None = None,
    details: Mapping[str, Any] | None = None,
) -> Figure:
    """Make one figure of alternating rounds; its ratio is the median of the rounds' ratios.

    Args:
        name: The name of the figure.
        rounds: The result of `run_alternately`.
        value: Which of the values of a round to compare.
        unit: The unit of the value.
        less_is_better: Divide the other value by ours, so that a higher ratio is better.
        codec: Whether payloads are compressed, if it is a figure of batches or of the gateway.
        details: More keys, for the JSON only.
    """
    ours, other = ([result.values[value] for result in results] for results in rounds)
    ratios = [
        other_value / our_value if less_is_better else our_value / other_value
        for our_value, other_value in zip(ours, other, strict=True)
    ]
    return make_figure(name, ours, other, ratios, unit, codec=codec, rounds=rounds, details=details)


def summarize_cpu(name: str, rounds: Rounds, *, codec: bool, details: Mapping[str, Any]) -> Figure:
    """Make the figure that compares the CPU of a message; less is better."""
    ours, other = ([result.own_cpu_seconds * 1e6 for result in results] for results in rounds)
    ratios = [our_cpu / other_cpu for our_cpu, other_cpu in zip(ours, other, strict=True)]
    return make_figure(
        *(name, ours, other, ratios, "µs"), codec=codec, rounds=rounds, details=details
    )


def make_figure(
    name: str,
    ours: Sequence[float],
    other: Sequence[float],
    ratios: Sequence[float],
    unit: str,
    *,
    codec: bool | None = None,
    rounds: Rounds | None = None,
    details: Mapping[str, Any] | None = None,
) -> Figure:
    """Make a figure of the medians.

    Args:
        name: The name of the figure.
        ours: Our value in each round.
        other: The value of the other contender in each round.
        ratios: The ratio of each round.
        unit: The unit of the values.
        codec: Whether payloads are compressed, if it is a figure of batches or of the gateway.
        rounds: The rounds whose CPU time the JSON holds.
        details: More keys, for the JSON only.
    """
    return Figure(
        name,
        ours=statistics.median(ours),
        other=statistics.median(other),
        ratio=statistics.median(ratios),
        unit=unit,
        rounds=ratios,
        details={
            **({} if codec is None else {"codec": "on" if codec else "off"}),
            **(details or {}),
            **({} if rounds is None else {"cpu_seconds_per_message": _summarize_cpu(rounds)}),
        },
    )


def _summarize_cpu(rounds: Rounds) -> dict[str, dict[str, float]]:
    """The median CPU seconds of each contender's rounds, by role."""
    return {
        contender: {
            role: to_four_digits(
                statistics.median(r.cpu_seconds_per_message.get(role, 0.0) for r in results)
            )
            for role in sorted({role for r in results for role in r.cpu_seconds_per_message})
        }
        for contender, results in zip(("ours", "other"), rounds, strict=True)
    }


def to_four_digits(value: float) -> float:
    """Round to four significant digits; the measurements are not more exact."""
    return float(f"{value:.4g}")
