"""The clocks of the contenders, and the preparation for a measurement."""

import gc
import time

now = time.monotonic
"""Monotonic time in seconds; on Linux, all processes of a machine share this clock."""

cpu_seconds = time.process_time
"""CPU seconds of this process, all its threads together."""


def settle() -> None:
    """Exclude the prepared messages from garbage collection, so that it does not slow the rest."""
    gc.collect()
    gc.freeze()
