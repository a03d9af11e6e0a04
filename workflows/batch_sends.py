"""`Batch.Send`, scheduled until all slices of a batch are settled: once, if nothing fails."""

from datetime import timedelta

from temporalio import exceptions, workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from durable_analytics.wire.activity_results import checked_send_result, is_rest
from durable_analytics.wire.methods import BATCH_SEND
from durable_analytics.wire.plans import HeldMessage, SendResult, SlicePlan
from workflows.batch_results import BatchResults
from workflows.delivery import failed_outcome
from workflows.held_messages import HeldWait, explained, is_out_of_time
from workflows.request_policy import HEARTBEAT_TIMEOUT, longest_turn, retries

_COPIES_LIMIT_BYTES = 16 * 1024 * 1024
"""Total bytes of re-sent slices, after which each activity gets only one slice: so a history stays
far below Temporal's 50 MiB, however often slices are retried."""

_UNKNOWN_ACTIVITY = "NotFoundError"
"""The failure type of Temporal's SDK if a worker has no activity of that name."""

_FIRST_WAIT = timedelta(seconds=1)


class BatchSends:
    """The activities of an execution, one after the other."""

    def __init__(self, results: BatchResults) -> None:
        self._results = results
        self._copies_limit = _COPIES_LIMIT_BYTES // results.share
        self._open = results.plan["slices"]
        self._split = [0, 0]
        self._copied_bytes = 0
        self._wait = _FIRST_WAIT
        self._held_wait = HeldWait()
        self._earlier: HeldMessage | None = None
        """The attempts that the first open slice has used up."""

    async def run(self) -> None:
        """Send the open slices until none is open."""
        while self._open:
            remaining = self._results.remaining_time()
            if remaining <= timedelta(0):
                await self._results.reject_expired(self._open[0][0], self._open[-1][1])
                return
            is_full = self._copied_bytes > self._copies_limit
            slices = self._open[:1] if is_full else self._open
            try:
                result = await self._send(slices, remaining)
            except (ActivityError, ApplicationError) as error:
                if is_cancelled_exception(error):
                    raise
                if _is_unknown_activity(error):
                    await self._wait_for_another_worker(remaining)
                else:
                    await self._fail(slices, error)
            else:
                self._results.add(result)
                still_open = result.get("open", [])
                if still_open and self._results.plan["one_by_one"]:
                    still_open = self._results.merge_slices(still_open)
                self._update_open(slices, still_open, result.get("split"))
                self._earlier = result.get("earlier")
                await self._wait_if_held(result)

    async def _send(self, slices: list[list[int]], remaining: timedelta) -> SendResult:
        results, policy, plan = self._results, self._results.policy, self._results.plan
        first, end = slices[0][0], slices[-1][1]
        indexes = results.open_indexes(first, end)
        is_whole = first == plan["slices"][0][0] and end == plan["slices"][-1][1]
        input = results.input if is_whole else results.part_of_input(first, end)
        self._copied_bytes += len(input.payload.data)
        slice_plan = results.slice_plan(
            slices, is_input_whole=is_whole, is_part=slices != plan["slices"]
        )
        planned: SlicePlan = {**slice_plan, "split": self._split}
        if self._earlier:
            planned["earlier"] = self._earlier
        one_attempt = policy.single_attempt_timeout
        requests = len(indexes) if plan["one_by_one"] else len(slices)
        result = await workflow.execute_activity(
            BATCH_SEND,
            args=[input, planned],
            task_queue=plan["task_queue"],
            start_to_close_timeout=one_attempt and (one_attempt + longest_turn(plan)) * requests,
            schedule_to_close_timeout=remaining,
            schedule_to_start_timeout=policy.queue_timeout,
            heartbeat_timeout=policy.heartbeat_timeout or HEARTBEAT_TIMEOUT,
            retry_policy=retries(policy, self._earlier["count"] if self._earlier else 0),
            summary=f"{len(indexes)} to {plan['integration']}",
        )
        return checked_send_result(result, slices, indexes)

    async def _wait_if_held(self, result: SendResult) -> None:
        if result.get("held"):
            await self._held_wait(self._results.remaining_time())

    async def _fail(self, slices: list[list[int]], error: ActivityError | ApplicationError) -> None:
        """Reject the slice whose attempts are used up; those after it have attempts of their own.

        The last heartbeat says which slices were settled before. Without one, a timeout concerns
        the first slice; of any other failure, nobody knows which slices were sent.
        """
        outcome = failed_outcome(error)
        still_open = outcome.get("open")
        if not (still_open and is_rest(still_open, slices)):
            still_open = (
                slices if isinstance(error.cause, exceptions.TimeoutError) else [slices[-1]]
            )
        if is_out_of_time(error):
            outcome = {**outcome, "error": await explained(outcome["error"], self._results.plan)}
        self._results.add_failure(slices[0][0], still_open[0][1], outcome)
        self._update_open(slices, still_open[1:], outcome.get("split"))
        self._earlier = None

    def _update_open(
        self, slices: list[list[int]], still_open: list[list[int]], split: list[int] | None
    ) -> None:
        """Keep open these of the slices that were sent, and all slices after them."""
        self._open = [*still_open, *self._open[len(slices) :]]
        self._results.settle_between(self._open)
        self._split = split or self._split
        self._wait = _FIRST_WAIT

    async def _wait_for_another_worker(self, remaining: timedelta) -> None:
        """Wait, twice as long each time.

        During a deploy, a worker of the release before may take the activity and not know it. If
        the policy allows no other attempt, that fails no message, because nothing was sent.
        """
        await workflow.sleep(min(self._wait, remaining))
        self._wait *= 2


def _is_unknown_activity(error: ActivityError | ApplicationError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type == _UNKNOWN_ACTIVITY
