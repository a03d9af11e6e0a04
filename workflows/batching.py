"""The procedure of a batch: validate it, send it, return the output."""

from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from workflows.batch_results import BatchResults, batch_failure
from workflows.batch_sends import BatchSends
from workflows.delivery import failed_outcome, validate
from workflows.slice_requests import SliceRequests
from workflows.visibility import show_failed


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
        show_failed(outcome, outcome.get("integration"), outcome["error"]["type"], None)
        raise batch_failure(
            outcome["error"], integration=outcome.get("integration"), policies=None
        ) from None
    results = BatchResults(input, plan)
    if plan["slices"]:
        # Not `workflow.patched`: the plan is in the history too, and a patch would be two events.
        requests = BatchSends if plan.get("batch_send") else SliceRequests
        await requests(results).run()
    return results.output()
