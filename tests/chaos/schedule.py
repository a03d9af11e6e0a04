"""The schedule of a run: which fault begins when, and for how long, from a seed."""

import random
from dataclasses import dataclass

DUPLICATING = frozenset(
    {
        *("kill worker", "terminate worker", "freeze worker"),
        *("kill gateway", "terminate gateway", "freeze gateway"),
        *("kill server", "cut temporal", "stall temporal", "delay temporal"),
        *("cut provider", "delay provider", "cut answers of provider", "provider hangs"),
    }
)
"""The faults that may repeat a message: somebody does not learn that a step has succeeded."""

VISIBLE = frozenset(
    {"provider 500", "provider 429", "provider malformed", "provider 5 MB", "provider 401", "pause"}
)
"""The faults after which everybody knows whether the provider has the message."""

KINDS = sorted(DUPLICATING | VISIBLE)

_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.5, 3.0
_LEAD_SECONDS = 2.0
"""The first messages arrive before the first fault."""

_GAP_SECONDS = 4.0
"""At least, on average, between two faults, unless their number is given."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        at: When it begins, in seconds since the load began.
        kind: One of `KINDS`.
        seconds: How long it lasts; a killed process is started again after this time.
        target: Which of the workers or gateways it concerns.
    """

    at: float
    kind: str
    seconds: float
    target: int


def plan(seed: int, seconds: float, count: int | None = None) -> list[Fault]:
    """Return the faults of a run, in order. No kind occurs again before every kind has occurred.

    Args:
        seed: The seed.
        seconds: How long the load lasts.
        count: How many faults; None for each kind once, or fewer in a short run.
    """
    rng = random.Random(f"faults {seed}")  # noqa: S311  # repeatable, not secret
    if count is None:
        count = min(len(KINDS), int((seconds - _LEAD_SECONDS) / _GAP_SECONDS))
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += rng.sample(KINDS, len(KINDS))
    gap = (seconds - _LEAD_SECONDS) / max(count, 1)
    return [
        Fault(
            at=round(_LEAD_SECONDS + gap * (index + 0.5 * rng.random()), 2),
            kind=kind,
            seconds=round(rng.uniform(_SHORTEST_SECONDS, _LONGEST_SECONDS), 2),
            target=rng.randrange(2),
        )
        for index, kind in enumerate(kinds[:count])
    ]
