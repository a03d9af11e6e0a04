"""`Batch.Request`: one attempt to deliver one slice, for executions of earlier releases."""

from dataclasses import dataclass

from temporalio.common import RawValue

from activities.attempt import attempting
from activities.batch_activity import BatchActivity
from activities.responses import as_failure_response, as_response
from activities.slice_send import send_slice
from durable_analytics.wire.methods import ABSENT, BATCH
from durable_analytics.wire.plans import BatchResult


@dataclass(eq=False)
class BatchRequest(BatchActivity):
    """The activity `Batch.Request`. Executions of this release use `Batch.Send`."""

    async def __call__(self, input: RawValue = ABSENT, plan: RawValue = ABSENT) -> BatchResult:
        """Return `accepted`, `rejected` and `responses` as in the output.

        With a plan, `rejected` has only messages that the plan does not reject. A slice of which
        the provider accepts nothing fails.
        """
        with attempting(BATCH.key, self.notify) as attempt:
            batch = await self.start(input, plan, attempt)
            prepared = await batch.prepare()
            if not batch.integration.provider.batch_limits:
                await batch.send_one_by_one(prepared)
            elif response := await send_slice(prepared, attempt, batch.progress, batch.sender):
                # Complete responses to many parts would make the history too large.
                write = as_failure_response if batch.source.plan.is_part else as_response
                batch.progress.responses.append(write(response))
            return batch.result()
