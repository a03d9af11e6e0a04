"""The procedure of a batch: validate it, send it, return the output."""

from collections.abc import Awaitable
from typing import Any

from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.outputs import batch_output
from workflows.batch_results import BatchResults
from workflows.batch_sends import BatchSends
from workflows.delivery import failed_outcome, validate
from workflows.fan_out import fan_out
from workflows.message_counts import MessageCounts
from workflows.slice_requests import SliceRequests
from workflows.visibility import conclude


async def deliver_batch(input: RawValue) -> JsonObject:
    """Deliver a batch.

    Args:
        input: The raw input; it is passed on unchanged if one activity can send it.

    Returns:
        The output of the contract.

    Raises:
        ApplicationError: Nothing was accepted; its type and first detail follow the contract.
    """
    try:
        plan = await validate(BATCH, input)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        outcome = failed_outcome(error)
        output = _refused(outcome)
        MessageCounts(BATCH, input, outcome).refused(output)
        return conclude(outcome, output)
    counts = MessageCounts(BATCH, input, plan)
    counts.received()
    share = len(plan.get("plans", [plan]))

    def deliver_to_one(one: Any) -> Awaitable[JsonObject]:
        return counts.ended(one["integration"], _deliver(input, one, share))

    if "plans" in plan:
        return conclude(plan, await fan_out(BATCH, plan, deliver_to_one))
    return conclude(plan, await deliver_to_one(plan))


async def _deliver(input: RawValue, plan: Any, share: int = 1) -> JsonObject:
    """Deliver the messages to one integration; return the output, of a failure too."""
    if "slices" not in plan:
        return _refused(plan)
    results = BatchResults(input, plan, share)
    if plan["slices"]:
        # Not `workflow.patched`: the plan is in the history too, and a patch would be two events.
        requests = BatchSends if plan.get("batch_send") else SliceRequests
        await requests(results).run()
    return results.output()


def _refused(outcome: JsonObject) -> JsonObject:
    """Return the output of a batch of which Validation accepted nothing."""
    return batch_output(
        integration=outcome.get("integration"), policies=None, error=outcome["error"]
    )
