"""What the activities `Batch.Request` and `Batch.Send` have in common."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from activities.attempt import Attempt
from activities.batch_plan import AttemptPlan
from activities.batch_sender import BatchSender
from activities.batch_source import BatchSource
from activities.batch_validation import plan_batch
from activities.http import HttpClient
from activities.one_by_one import OneByOne
from activities.origin import Origin
from activities.prepared_batches import PreparedBatches
from activities.progress import Progress
from activities.turns import Turns
from durable_analytics.delivery.batch_preparation import PreparedBatch
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.events import AttemptFailed
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.parsing import read_batch
from durable_analytics.wire.plans import BatchResult, FilteredMessage
from durable_analytics.wire.rejections import all_rejected, shorten_rejections


@dataclass(eq=False)
class BatchActivity:
    """The parts of a worker that an attempt needs.

    Args:
        integrations: The integrations of the worker.
        clients: The HTTP client of each integration, by name.
        notify: Called with each failed attempt; returns at once and never raises.
        prepared: The slices that a Validation of the same worker has prepared.
    """

    integrations: Integrations
    clients: Mapping[str, HttpClient]
    notify: Callable[[AttemptFailed], None]
    prepared: PreparedBatches

    can_leave_open: ClassVar = False
    """Whether it may return messages that it has not sent."""

    async def start(self, input: Any, plan: Any, attempt: Attempt) -> "BatchAttempt":
        """Read the plan and the progress of earlier attempts; without a plan, make one."""
        plan = decode(plan, "plan")
        rejected, filtered = [], []
        if plan is None:
            plan = await asyncio.to_thread(self._validate, input)
            rejected, filtered = plan["rejected"], plan.get("filtered_messages", [])
        checked = AttemptPlan.read(plan)
        source = BatchSource(input, checked, self.prepared)
        progress = await asyncio.to_thread(Progress.of_earlier_attempts, source.message_id)
        progress.add_rejected(rejected)
        attempt.progress = progress.as_json
        integration = attempt.integration = self.integrations.find(checked.integration)
        client = self.clients[integration.name]
        turns = Turns(client.pace, may_be_held=self.can_leave_open)
        sender = BatchSender(client, integration.provider, attempt, checked.deadline(), turns)
        return BatchAttempt(source, integration, attempt, progress, sender, filtered)

    def _validate(self, input: Any) -> Any:
        batch = read_batch(input)
        integration = self.integrations.find(batch.envelope.integration, batch.envelope.deliver_to)
        plan, prepared = plan_batch(batch, integration, Origin.read(None))
        if not prepared.messages and prepared.rejected:
            raise all_rejected(prepared.rejected)
        self.prepared.keep(plan["message"]["message_id"], prepared, plan["slices"])
        return plan


@dataclass(frozen=True, slots=True)
class BatchAttempt:
    """An attempt that has started."""

    source: BatchSource
    integration: Integration
    attempt: Attempt
    progress: Progress
    sender: BatchSender
    filtered: list[FilteredMessage]
    """The messages that it has filtered itself, without a plan."""

    async def prepare(self, bounds: tuple[int, int] | None = None) -> PreparedBatch:
        """Return the messages of a slice, or all of the input; reject those that are invalid."""
        prepared = await asyncio.to_thread(self.source.prepare, self.integration, bounds)
        self.progress.add_rejected(prepared.rejected)
        return prepared

    async def send_one_by_one(
        self, prepared: PreparedBatch, must_stop: Callable[[], bool] = bool
    ) -> bool:
        """Send each message in a request of its own.

        Args:
            prepared: The messages.
            must_stop: Whether the messages that are not sent yet must be left open.

        Returns:
            Whether messages are open because a request was held back.
        """
        sending = OneByOne(prepared, self.attempt, self.sender, self.progress, must_stop)
        await sending.run()
        return sending.held is not None

    def result(self) -> BatchResult:
        """Return `accepted`, `rejected` and `responses`, and log the success."""
        progress = self.progress
        rejected = shorten_rejections(progress.rejected.values())
        self.attempt.succeeded(accepted=len(progress.accepted), rejected=len(rejected))
        result: BatchResult = {
            "accepted": len(progress.accepted),
            "rejected": rejected,
            "responses": progress.responses,
        }
        if self.filtered:
            result["filtered"] = self.filtered
        return result
