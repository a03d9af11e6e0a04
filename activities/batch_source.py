"""The messages of a batch, prepared when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from activities.batch_plan import AttemptPlan
from activities.prepared_batches import PreparedBatches
from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration
from durable_analytics.wire.parsing import BatchInput, batch_message_id, read_batch


@dataclass
class BatchSource:
    """The messages of a batch. Its functions may take long: call them in a thread.

    Args:
        input: The input of the batch, or a part of it.
        plan: The plan.
        cache: The slices that a Validation of the same worker has prepared.
    """

    input: Any
    plan: AttemptPlan
    cache: PreparedBatches

    def prepare(
        self, integration: Integration, bounds: tuple[int, int] | None = None
    ) -> PreparedBatch:
        """Return the messages of a slice, or all of the input."""
        batch_id, first = self.plan.message.message_id, self.plan.first
        slices = [bounds] if bounds else self.plan.slices
        if cached := self.cache.take(integration.name, batch_id, slices):
            return cached
        batch = self._batch
        if bounds:
            start, end = bounds
            messages = batch.messages[start - first : end - first]
            batch, first = replace(batch, messages=messages), start
        defaults = BatchDefaults(batch_id, self.plan.message.timestamp)
        return prepare_batch(batch, integration, defaults, first, self._settled, is_filtered=True)

    def keep(self, prepared: PreparedBatch, slices: Sequence[tuple[int, int]]) -> None:
        """Keep what was prepared for parts of it."""
        self.cache.keep(self.plan.message.message_id, prepared, slices)

    def message_id(self, index: int) -> str | None:
        """Return the id that the message at this index is sent with."""
        message = self._batch.messages[index - self.plan.first]
        return batch_message_id(message, self.plan.message.message_id, index)

    @cached_property
    def _batch(self) -> BatchInput:
        return read_batch(self.input)

    @cached_property
    def _settled(self) -> set[int]:
        return self.plan.settled()
