"""The clock of all processes, and the least disturbance by what was made before."""

import gc
import time

now = time.monotonic
"""Seconds; the same clock in every process of a machine, unlike `time.perf_counter` on some."""


def settle() -> None:
    """Keep the garbage collector from going through the prepared messages again and again."""
    gc.collect()
    gc.freeze()
