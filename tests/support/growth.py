"""How the time and the memory of a reader grow with what it reads, as ratios."""

import gc
import time
import tracemalloc
from collections.abc import Callable

WORST_RATIO = 2.8
"""Of a doubling, averaged over all of them: 2 is linear, 4 quadratic."""

_DOUBLINGS = 3
_REPEATS = 2
_LONG_SECONDS = 1.0
"""A run that takes longer is not repeated, and ends the comparison where it is lost already."""

_NOISE_SECONDS = 0.002
_NOISE_BYTES = 64 * 1024

Prepare = Callable[[int], Callable[[], object]]
"""Makes something of a size, and returns what reads it; only the latter is measured."""


def assert_linear(prepare: Prepare, largest: int) -> None:
    """Fail where CPU time or peak memory grows faster than the size.

    Args:
        prepare: See above.
        largest: The largest size: near what the reader's own limit lets through, or large enough
            for some milliseconds. An eighth, a quarter and a half of it are compared with it.
    """
    costs: list[float] = []
    for doubling in range(_DOUBLINGS + 1):
        costs.append(max(_seconds(prepare(largest >> (_DOUBLINGS - doubling))), _NOISE_SECONDS))
        if doubling == _DOUBLINGS or costs[-1] > _LONG_SECONDS:
            _check("CPU time", costs, doubling)
    # Measuring memory takes ten times as long: only the ends are compared.
    smallest = max(_peak_bytes(prepare(largest >> _DOUBLINGS)), _NOISE_BYTES)
    _check("peak memory", [smallest, _peak_bytes(prepare(largest))], _DOUBLINGS)


def _check(what: str, costs: list[float], doublings: int) -> None:
    ratio = (costs[-1] / costs[0]) ** (1 / max(doublings, 1))
    shown = ", ".join(f"{cost:.3g}" for cost in costs)
    assert ratio < WORST_RATIO, f"{what} grows by {ratio:.1f} with each doubling: {shown}"


def _seconds(read: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        # A collection of all that the tests have loaded would count for one size and not another.
        gc.disable()
        try:
            started = time.process_time()
            read()
            best = min(best, time.process_time() - started)
        finally:
            gc.enable()
        if best > _LONG_SECONDS:
            break
    return best


def _peak_bytes(read: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
