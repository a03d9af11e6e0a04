"""The Request of one message: once, or again each time that a worker holds the message back."""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import FailureError

from durable_analytics.wire.activity_results import checked_request_result
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import Method
from durable_analytics.wire.plans import HeldMessage, Plan, RequestResult
from workflows.held_messages import HeldWait, explained, is_out_of_time, out_of_time
from workflows.request_policy import HEARTBEAT_TIMEOUT, longest_turn, policy_of, retries


class MessageRequest:
    """The activities that deliver a message.

    Args:
        method: The method.
        input: The raw input.
        plan: The plan of Validation.
    """

    def __init__(self, method: Method, input: RawValue, plan: Plan) -> None:
        self._method = method
        self._input = input
        self._plan = plan
        self._policy = policy_of(plan)
        self._earlier: HeldMessage = {"attempts": [], "count": 0}
        self._wait = HeldWait()

    async def run(self) -> RequestResult:
        """Return the response and the attempts.

        Raises:
            ActivityError: The attempts of the policy are used up.
            ApplicationError: The result does not match the contract, or the time is over.
        """
        total = self._policy.total_timeout
        remaining = total
        began_at = workflow.now()
        while True:
            result = await self._attempt(remaining)
            if "held" not in result:
                return result
            self._earlier = result["held"]
            await self._wait(_rest(total, began_at))
            if total and (remaining := _rest(total, began_at)) <= timedelta(0):
                raise out_of_time()

    async def concluded(self, outcome: JsonObject, error: FailureError) -> JsonObject:
        """Return the outcome of a failure, with all attempts, and with the pause that caused it.

        Args:
            outcome: What the last activity tells.
            error: Its failure.
        """
        outcome = {**outcome, "attempts": outcome.get("attempts") or self._earlier["attempts"]}
        if is_out_of_time(error):
            outcome["error"] = await explained(outcome["error"], self._plan)
        return outcome

    async def _attempt(self, remaining: timedelta | None) -> RequestResult:
        requested: Plan = {**self._plan, "returns_attempts": True, "can_be_held": True}
        if self._earlier["count"]:
            requested["earlier"] = self._earlier
        one_attempt, turn = self._policy.single_attempt_timeout, longest_turn(self._plan)
        heartbeat_timeout = self._policy.heartbeat_timeout or HEARTBEAT_TIMEOUT
        result = await workflow.execute_activity(
            self._method.request,
            args=[self._input, requested],
            task_queue=self._plan["task_queue"],
            start_to_close_timeout=one_attempt and one_attempt + turn,
            schedule_to_close_timeout=remaining,
            schedule_to_start_timeout=self._policy.queue_timeout,
            heartbeat_timeout=heartbeat_timeout if turn else None,
            retry_policy=retries(self._policy, self._earlier["count"]),
            summary=f"to {self._plan['integration']}",
        )
        return checked_request_result(self._method, result)


def _rest(total: timedelta | None, began_at: datetime) -> timedelta:
    return total - (workflow.now() - began_at) if total else timedelta.max
