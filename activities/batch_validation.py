"""`Batch.Validation`: checks the messages of a batch, and plans the requests."""

import asyncio
import logging
from dataclasses import dataclass, field

from pydantic_core import to_json
from temporalio import activity
from temporalio.common import RawValue

from activities.origin import Origin
from activities.prepared_batches import PreparedBatches
from activities.search_attributes import SearchAttributes
from activities.validation import (
    add_turn_seconds,
    effective_policies,
    limit_fan_out,
    plan_fan_out,
    reporting,
)
from durable_analytics.delivery.batch_preparation import (
    BatchDefaults,
    PreparedBatch,
    prepare_batch,
)
from durable_analytics.delivery.integrations import Integration, Integrations
from durable_analytics.errors import ValidationError
from durable_analytics.wire.limits import MOST_MESSAGES
from durable_analytics.wire.methods import ABSENT, BATCH
from durable_analytics.wire.outputs import count_left_out
from durable_analytics.wire.parsing import BatchInput, read_batch
from durable_analytics.wire.plans import BatchPlan, FanOutPlan
from durable_analytics.wire.rejections import shorten_filtered, shorten_rejections
from durable_analytics.wire.timestamps import write_timestamp

log = logging.getLogger("durable_analytics.validation")

MOST_REQUESTS = 1_000
"""The limit of requests in one execution; it keeps the history far below Temporal's limit."""

_MOST_KEPT = 16
"""A batch with more slices is not cached for its requests."""

_SHARED_LIMIT_BYTES = 4 * 1024 * 1024
"""The limit for the bytes that all slices together may repeat in a history."""


@dataclass(eq=False)
class BatchValidation:
    """The activity `Batch.Validation`.

    Args:
        integrations: The integrations of the worker.
        prepared: The cache of prepared messages for a Request of the same worker.
    """

    integrations: Integrations
    prepared: PreparedBatches
    search_attributes: SearchAttributes = field(default_factory=SearchAttributes)

    async def __call__(
        self, input: RawValue = ABSENT, origin: RawValue = ABSENT
    ) -> BatchPlan | FanOutPlan:
        """Return the plan, with the rejected messages."""
        with reporting(BATCH) as report:
            report.has_search_attributes = await self.search_attributes.are_registered()
            source = await Origin.find(origin)

            @report.naming_integration(self.integrations, input)
            def read() -> BatchInput:
                return read_batch(input)

            # In a thread: a large batch would block the event loop, and thus other requests.
            batch = await asyncio.to_thread(read)
            made: list[tuple[BatchPlan, PreparedBatch]] = []
            names = batch.envelope.deliver_to

            def plan_for(integration: Integration) -> BatchPlan:
                made.append(plan_batch(batch, integration, source, len(names or [1])))
                return made[-1][0]

            plan: BatchPlan | FanOutPlan
            if names is None:
                report.integration = self.integrations.find(batch.envelope.integration)
                plan = await asyncio.to_thread(plan_for, report.integration)
            else:
                integrations = self.integrations.all_of(names)
                limit_fan_out(input, len(names))
                _limit_deliveries(batch, len(names))
                plan = await asyncio.to_thread(plan_fan_out, BATCH, integrations, plan_for, {})
            for one, prepared in made:
                if len(one["slices"]) <= _MOST_KEPT and not one["one_by_one"]:
                    self.prepared.keep(one["message"]["message_id"], prepared, one["slices"])
                if one["rejected"]:
                    _log_refusals(one)
            return report.complete(plan)


def _limit_deliveries(batch: BatchInput, integrations: int) -> None:
    """Refuse a fan-out whose plans and output could be larger than those of one batch."""
    deliveries = len(batch.messages) * integrations
    if deliveries > MOST_MESSAGES:
        raise ValidationError.at(
            "messages",
            f"are {len(batch.messages)} for {integrations} integrations, which is {deliveries} "
            f"together; the limit is {MOST_MESSAGES}: split it into several inputs",
        )


def _log_refusals(plan: BatchPlan) -> None:
    """Log refused messages: an execution with some refused messages does not fail."""
    errors = [rejection["error"] for rejection in plan["rejected"]]
    fields = [field["path"] for error in errors for field in error["fields"]]
    log.warning(
        "messages refused",
        extra={
            "workflow_id": activity.info().workflow_id,
            "integration": plan["integration"],
            "method": BATCH.key,
            "rejected": len(errors),
            "fields": fields[: ValidationError.MOST_FIELDS],
        },
    )


def plan_batch(
    batch: BatchInput, integration: Integration, origin: Origin, share: int = 1
) -> tuple[BatchPlan, PreparedBatch]:
    """Check a batch, and return the plan and the prepared messages.

    Args:
        batch: The input.
        integration: The integration.
        origin: The execution.
        share: How many plans are stored together, and share one size limit.

    Raises:
        ValidationError: The batch needs too many requests or repeats too many bytes.
    """
    envelope = batch.envelope
    defaults = BatchDefaults(origin.message_id(), origin.started_at)
    prepared = prepare_batch(batch, integration, defaults)
    slices = list(prepared.slices(origin.started_at))
    one_by_one = not integration.provider.batch_limits
    requests = len(prepared.messages) if one_by_one else len(slices)
    if requests > MOST_REQUESTS:
        raise ValidationError.at(
            "messages",
            f"need {requests} requests to {integration.provider.title}; "
            f"the limit is {MOST_REQUESTS} for one execution: send fewer messages",
        )
    options = envelope.options.model_dump(mode="json")
    source_plan = envelope.tracking_plan and envelope.tracking_plan.model_dump(mode="json")
    shared = len(to_json([options, envelope.context, source_plan]))
    if shared * (len(slices) - 1) * share > _SHARED_LIMIT_BYTES:
        raise ValidationError.at(
            "messages",
            f"need {len(slices)} requests, and each repeats {shared} bytes of the input: "
            "send fewer messages, or a smaller context",
        )
    plan: BatchPlan = {
        "integration": integration.name,
        "message": {
            "message_id": defaults.batch_id,
            "timestamp": write_timestamp(defaults.started_at),
        },
        "policies": effective_policies(BATCH, integration, envelope.policies),
        "task_queue": integration.task_queue(activity.info().task_queue),
        "rejected": shorten_rejections(prepared.rejected, share),
        "slices": [list(bounds) for bounds in slices],
        "one_by_one": one_by_one,
        "batch_send": True,
    }
    add_turn_seconds(plan, integration)
    if prepared.filtered:
        plan["filtered_messages"] = shorten_filtered(prepared.filtered, share)
    if prepared.violations:
        plan["violations"] = count_left_out(prepared.violations)
    if prepared.left_out:
        plan["left_out"] = count_left_out(prepared.left_out)
    return plan, prepared
