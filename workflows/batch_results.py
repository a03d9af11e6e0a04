"""The results of a batch so far: the accepted and rejected messages, and the responses."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cached_property

from pydantic_core import to_json
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from durable_analytics.errors import DELIVERY_ERRORS, Unavailable
from durable_analytics.wire.activity_results import drop_large_bodies, drop_old_attempts
from durable_analytics.wire.indexes import decode_indexes
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.outputs import batch_output
from durable_analytics.wire.parsing import batch_message_id, decode_batch
from durable_analytics.wire.plans import BatchPlan, BatchResult, Rejection, Response, SlicePlan
from durable_analytics.wire.reasons import decode_reasons
from durable_analytics.wire.rejections import all_rejected, reject, shorten_rejections
from workflows.held_messages import explained
from workflows.inputs import readable
from workflows.request_policy import policy_of

_NO_TIMEOUT = timedelta(days=3650)


class BatchResults:
    """The plan of a batch, and the results of its messages.

    Args:
        input: The raw input.
        plan: The plan.
        share: How many such results share the size of one output.
    """

    def __init__(self, input: RawValue, plan: BatchPlan, share: int = 1) -> None:
        self.input = input
        self.share = share
        self.plan = plan
        self.policy = policy_of(plan)
        self._deadline: datetime = workflow.now() + (self.policy.total_timeout or _NO_TIMEOUT)
        self._accepted = 0
        self._rejected: list[Rejection] = list(plan["rejected"])
        self._filtered = plan.get("filtered_messages", [])
        self._settled_before = {one["index"] for one in (*self._rejected, *self._filtered)}
        """The indexes of messages that must not be sent: Validation has rejected or filtered them,
        or an earlier activity has settled them."""

        self._responses: list[Response] = []

    def output(self) -> JsonObject:
        """Return the output of the contract; its status is `failure` if nothing was accepted."""
        rejected = shorten_rejections(self._rejected, self.share)
        error = all_rejected(rejected).as_json() if rejected and not self._accepted else None
        return batch_output(
            integration=self.plan["integration"],
            accepted=self._accepted,
            rejected=rejected,
            filtered=self._filtered,
            responses=drop_old_attempts(drop_large_bodies(self._responses)),
            left_out=self.plan.get("left_out"),
            violations=self.plan.get("violations"),
            policies=self.plan["policies"],
            error=error,
        )

    def remaining_time(self) -> timedelta:
        """Return the rest of `total_timeout`."""
        return self._deadline - workflow.now()

    def open_indexes(self, first: int, end: int) -> list[int]:
        """Return the indexes of the messages that are not settled."""
        return [index for index in range(first, end) if index not in self._settled_before]

    def part_of_input(self, first: int, end: int) -> RawValue:
        """Return the input with only these messages; null replaces a message that is settled."""
        messages = self._data["messages"]
        kept = [None if i in self._settled_before else messages[i] for i in range(first, end)]
        part = to_json({**self._data, "messages": kept})
        return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=part))

    def slice_plan(
        self, slices: list[list[int]], *, is_input_whole: bool, is_part: bool
    ) -> SlicePlan:
        """Return the plan that an activity needs for these slices."""
        indexes = range(slices[0][0], slices[-1][1])
        settled = self._settled_before if is_input_whole else self._settled_before & {*indexes}
        return {
            "integration": self.plan["integration"],
            "message": self.plan["message"],
            "policies": self.plan["policies"],
            "slices": slices,
            "first": 0 if is_input_whole else slices[0][0],
            "skipped": sorted(settled),
            "is_part": is_part,
        }

    def add(self, result: BatchResult) -> None:
        """Add the result of an activity."""
        self._accepted += result["accepted"]
        self._rejected += result["rejected"]
        self._responses += result["responses"]

    def merge_slices(self, slices: list[list[int]]) -> list[list[int]]:
        """Return one slice that spans these slices; the messages between them count as settled."""
        self.settle_between(slices)
        return [[slices[0][0], slices[-1][1]]]

    def settle_between(self, slices: list[list[int]]) -> None:
        """Count the messages between open slices as settled: they were sent, or rejected."""
        if slices:
            remaining = {index for first, end in slices for index in range(first, end)}
            self._settled_before |= {*range(slices[0][0], slices[-1][1])} - remaining

    def add_failure(self, first: int, end: int, outcome: JsonObject) -> None:
        """Add the results of an activity that failed.

        The messages that it has settled keep their results. The others are rejected with the error
        of its last attempt.

        Args:
            first: The index of its first message.
            end: The index after its last message.
            outcome: The details of its failure.
        """
        sent = set(self.open_indexes(first, end))
        accepted = sent.intersection(decode_indexes(outcome.get("accepted") or ""))
        rejected = {rejection["index"]: rejection for rejection in outcome.get("rejected") or []}
        for index, error in decode_reasons(outcome.get("reasons") or []).items():
            if index in sent:
                rejected[index] = {**self._rejection(index, outcome["error"]), "error": error}
        refused = sent.intersection(rejected) - accepted
        self._accepted += len(accepted)
        self._rejected += [rejected[index] for index in sorted(refused)]
        self._responses += outcome.get("responses") or []
        last: Response | None = outcome.get("response")
        if last:
            attempts = outcome.get("attempts") or []
            if len(attempts) > 1:
                last["attempts"] = attempts
            self._responses.append(last)
        self._reject(first, end, outcome["error"], accepted | refused)

    async def reject_expired(self, first: int, end: int) -> None:
        """Reject messages for which no time is left."""
        error = Unavailable("the total_timeout of the policy has expired")
        self._reject(first, end, await explained(error.as_json(), self.plan))

    def _reject(
        self, first: int, end: int, error: JsonObject, settled: Collection[int] = ()
    ) -> None:
        self._rejected += [
            self._rejection(index, error)
            for index in self.open_indexes(first, end)
            if index not in settled
        ]

    def _rejection(self, index: int, error: JsonObject) -> Rejection:
        message = self._data["messages"][index]
        message_id = batch_message_id(message, self.plan["message"]["message_id"], index)
        failure = DELIVERY_ERRORS[error["type"]](error["message"])
        return reject(index, {"message_id": message_id}, failure)

    @cached_property
    def _data(self) -> JsonObject:
        """The decoded input, which is needed only for parts and failures."""
        data: JsonObject = decode_batch(readable(self.input))
        return data
