"""One `Batch.Request` for each slice, in executions of earlier releases.

Those in flight replay this code, and end with it. It can be removed when none is left.
"""

from collections import deque
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from durable_analytics.wire.activity_results import checked_batch_result
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH
from durable_analytics.wire.plans import BatchResult
from workflows.batch_results import BatchResults
from workflows.delivery import failed_outcome
from workflows.request_policy import HEARTBEAT_TIMEOUT, retries

_MOST_SPLITS = 500
"""The most splits of slices after the status 413; further slices that are too large are
rejected."""

_PARTS_LIMIT_BYTES = 16 * 1024 * 1024
"""Total bytes of re-sent slices after which no further splits are made."""

_TOO_LARGE = 413


class SliceRequests:
    """The activities of an execution, in order."""

    def __init__(self, results: BatchResults) -> None:
        self._results = results
        self._splits = 0
        self._parts_bytes = 0

    async def run(self) -> None:
        """Send the slices in order."""
        results = self._results
        slices = deque((first, end) for first, end in results.plan["slices"])
        is_part = len(slices) > 1
        while slices:
            first, end = slices.popleft()
            remaining = results.remaining_time()
            if remaining <= timedelta(0):
                await results.reject_expired(first, end)
                continue
            try:
                results.add(await self._request(first, end, remaining, is_part=is_part))
            except (ActivityError, ApplicationError) as error:
                if is_cancelled_exception(error):
                    raise
                outcome = failed_outcome(error)
                if halves := self._halves(first, end, outcome):
                    is_part = True
                    slices.extendleft(reversed(halves))
                else:
                    results.add_failure(first, end, outcome)

    async def _request(
        self, first: int, end: int, remaining: timedelta, *, is_part: bool
    ) -> BatchResult:
        results, policy, plan = self._results, self._results.policy, self._results.plan
        indexes = results.open_indexes(first, end)
        one_attempt = policy.single_attempt_timeout
        heartbeat_timeout = None
        if plan["one_by_one"]:
            one_attempt = one_attempt and one_attempt * len(indexes)
            heartbeat_timeout = policy.heartbeat_timeout or HEARTBEAT_TIMEOUT
        input = results.input
        if is_part:
            input = results.part_of_input(first, end)
            self._parts_bytes += len(input.payload.data)
        slice_plan = results.slice_plan([[first, end]], is_input_whole=not is_part, is_part=is_part)
        result = await workflow.execute_activity(
            BATCH.request,
            args=[input, slice_plan],
            task_queue=plan["task_queue"],
            start_to_close_timeout=one_attempt,
            schedule_to_close_timeout=remaining,
            schedule_to_start_timeout=policy.queue_timeout,
            heartbeat_timeout=heartbeat_timeout,
            retry_policy=retries(policy),
            summary=f"{len(indexes)} to {plan['integration']}",
        )
        return checked_batch_result(result, indexes)

    def _halves(self, first: int, end: int, outcome: JsonObject) -> list[tuple[int, int]]:
        """Return the halves of a slice that was too large for the provider, or an empty list."""
        response, indexes = outcome.get("response") or {}, self._results.open_indexes(first, end)
        if response.get("status_code") != _TOO_LARGE or len(indexes) < 2:
            return []
        self._splits += 1
        is_enough = self._splits > _MOST_SPLITS or self._parts_bytes > _PARTS_LIMIT_BYTES
        if is_enough or self._results.plan["one_by_one"]:
            return []
        middle = indexes[len(indexes) // 2]
        return [(first, middle), (middle, end)]
