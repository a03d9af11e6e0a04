"""A cache of prepared slices between Validation and Request in the same worker."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from durable_analytics.delivery.batch_preparation import PreparedBatch


class PreparedBatches:
    """A cache of prepared slices with a size limit.

    A Request in another worker, or a later attempt, prepares its slice again.
    """

    def __init__(self, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._free_bytes = most_bytes
        self._slices: OrderedDict[tuple[str, str, int, int], PreparedBatch] = OrderedDict()

    def keep(self, batch_id: str, prepared: PreparedBatch, slices: Sequence[Sequence[int]]) -> None:
        """Store the slices of a batch, and remove the oldest slices beyond the limit."""
        name = prepared.integration.name
        for first, end in slices:
            messages = [item for item in prepared.messages if first <= item.index < end]
            part = replace(prepared, messages=messages, rejected=[])
            self.take(name, batch_id, [(first, end)])  # it may have been prepared before
            self._slices[name, batch_id, first, end] = part
            self._free_bytes -= part.size()
        while self._free_bytes < 0:
            _, oldest = self._slices.popitem(last=False)
            self._free_bytes += oldest.size()

    def take(
        self, integration: str, batch_id: str, slices: Sequence[Sequence[int]]
    ) -> PreparedBatch | None:
        """Remove and return a slice; None if it is not stored, or if `slices` has several."""
        if len(slices) != 1:
            return None
        first, end = slices[0]
        part = self._slices.pop((integration, batch_id, first, end), None)
        self._free_bytes += part.size() if part else 0
        return part
