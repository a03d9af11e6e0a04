"""A cache of prepared slices between Validation and Request in the same worker."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from durable_analytics.delivery.batch_preparation import PreparedBatch


class PreparedBatches:
    """A cache of prepared slices with a size limit.

    A Request in another worker, or a later attempt, prepares its slice again.
    """

    def __init__(self, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._lock = Lock()  # slices are taken in threads
        self._free_bytes = most_bytes
        self._slices: OrderedDict[tuple[str, str, int, int], tuple[PreparedBatch, int]] = (
            OrderedDict()
        )

    def keep(self, batch_id: str, prepared: PreparedBatch, slices: Sequence[Sequence[int]]) -> None:
        """Store the slices of a batch, and remove the oldest slices beyond the limit."""
        name = prepared.integration.name
        for first, end in slices:
            messages = [item for item in prepared.messages if first <= item.index < end]
            part = replace(prepared, messages=messages, rejected=[])
            self.take(name, batch_id, [(first, end)])  # it may have been prepared before
            size = part.size()
            with self._lock:
                self._slices[name, batch_id, first, end] = part, size
                self._free_bytes -= size
        with self._lock:
            while self._free_bytes < 0 and self._slices:
                _, (_, size) = self._slices.popitem(last=False)
                self._free_bytes += size

    def take(
        self, integration: str, batch_id: str, slices: Sequence[Sequence[int]]
    ) -> PreparedBatch | None:
        """Remove and return a slice; None if it is not stored, or if `slices` has several."""
        if len(slices) != 1:
            return None
        first, end = slices[0]
        with self._lock:
            part, size = self._slices.pop((integration, batch_id, first, end), (None, 0))
            self._free_bytes += size
        return part
