"""Frees the memory of executions that have ended.

Temporal's SDK leaves the instance of each workflow that has ended in a cycle of references, which
only Python's garbage collector frees. An instance of a batch is a few hundred objects, but holds
the input several times. Python counts objects, not bytes: so without these collections, a worker
kept the inputs of dozens of ended batches.
"""

import gc
from collections.abc import Sequence
from typing import Any

from temporalio.common import RawValue

LIMIT_BYTES = 2 * 1024 * 1024
"""The size of the inputs of ended executions after which the garbage is collected: about nine
batches of 5,000 messages with compressed payloads. A collection takes about 10 ms of CPU."""

_LEAST_BYTES = 16 * 1024
"""The size that a smaller input is counted with, because each instance takes memory too."""


class EndedExecutions:
    """Counts the bytes of ended executions, and collects the garbage when there are many.

    It collects nothing in a process that has not called `gc.freeze`, as `python -m worker` does: a
    collection there goes through all objects of the process, and can take long.
    """

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, args: Sequence[Any]) -> None:
        """Count an execution that has ended; threads of workflows call it.

        Args:
            args: The arguments of the execution.
        """
        size_bytes = sum(len(arg.payload.data) for arg in args if isinstance(arg, RawValue))
        self._bytes += max(size_bytes, _LEAST_BYTES)  # without a lock: it may be inexact
        if self._bytes >= LIMIT_BYTES:
            self._bytes = 0
            if gc.get_freeze_count():
                gc.collect()
