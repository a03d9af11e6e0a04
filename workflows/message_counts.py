"""Counts the messages of an execution for the metrics of the worker, once and never on replay."""

from collections.abc import Awaitable, Iterable, Mapping
from functools import cached_property
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import is_cancelled_exception

from durable_analytics.wire.message_counts import (
    CANCELED,
    MessageCount,
    count_ended,
    count_messages,
    integrations_of,
)
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method
from workflows.inputs import readable

RECORD = "durable_analytics_record_messages"
"""The extern function of the worker, which gets the method's key, the counts, and the seconds since
Temporal accepted the messages. Without it, nothing is counted."""


class MessageCounts:
    """The counts of one execution.

    Args:
        method: The method.
        input: The raw input.
        plan: The plan of Validation, or the outcome of a Validation that failed.
    """

    def __init__(self, method: Method, input: RawValue, plan: Mapping[str, Any]) -> None:
        self._method = method
        self._input = input
        self._plan = plan

    def received(self) -> None:
        """Count the messages in the first workflow task."""
        if not workflow.unsafe.is_replaying():
            self._record(
                MessageCount(name, "received", "", self._messages)
                for name in integrations_of(self._plan)
            )

    def refused(self, output: JsonObject) -> None:
        """Count the messages of an input that Validation has refused as a whole."""
        self.received()
        self._ended(output)

    async def ended(self, integration: str | None, delivery: Awaitable[JsonObject]) -> JsonObject:
        """Wait for the delivery to one integration, count its messages, and return its output."""
        try:
            output = await delivery
        except BaseException as error:
            # The eviction of an execution from the cache is a cancellation too, and a replay.
            if is_cancelled_exception(error) and not workflow.unsafe.is_replaying():
                self._record([MessageCount(integration, "failed", CANCELED, self._messages)])
            raise
        self._ended({**output, "integration": integration})
        return output

    @cached_property
    def _messages(self) -> int:
        return count_messages(self._method, lambda: readable(self._input), self._plan)

    def _ended(self, output: JsonObject) -> None:
        if not workflow.unsafe.is_replaying():
            self._record(count_ended(output, self._messages))

    def _record(self, counts: Iterable[MessageCount]) -> None:
        if record := workflow.extern_functions().get(RECORD):
            info = workflow.info()
            accepted_at = info.start_time if info.cron_schedule else info.workflow_start_time
            seconds = (workflow.now() - accepted_at).total_seconds()
            record(self._method.key, list(counts), max(seconds, 0.0))
