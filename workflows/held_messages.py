"""What a delivery does while its integration is paused: wait, and say why its time was over."""

from datetime import timedelta

from temporalio import exceptions, workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)

from durable_analytics.errors import Unavailable
from durable_analytics.wire.integration_state import READ_STATE, IntegrationState, described
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.plans import Plan

_EXPIRED = "the total_timeout of the policy has expired"
_EXPLAINED = "explain-pause"
_READ_TIMEOUT = timedelta(seconds=5)

_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(seconds=30)
_SOON = timedelta(seconds=2)


class HeldWait:
    """The waits of what a worker holds back, before it is scheduled again.

    The first time there is none, because the task queue holds it. If a worker soon holds it back
    again, Temporal may not hold the task queue, and the waits grow.
    """

    def __init__(self) -> None:
        self._wait = timedelta(0)
        self._scheduled_at = workflow.now()

    async def __call__(self, remaining: timedelta) -> None:
        """Wait, at most for the rest of `total_timeout`."""
        if workflow.now() - self._scheduled_at > _SOON:
            self._wait = timedelta(0)
        if wait := min(self._wait, max(remaining, timedelta(0))):
            await workflow.sleep(wait)
        self._wait = min(max(2 * self._wait, _FIRST_WAIT), _LONGEST_WAIT)
        self._scheduled_at = workflow.now()


def out_of_time() -> ApplicationError:
    """Return the failure of a message that was held back until its time was over."""
    error = Unavailable(_EXPIRED)
    details = {"response": None, "error": error.as_json()}
    return ApplicationError(_EXPIRED, details, type=error.wire_name(), non_retryable=True)


def is_out_of_time(error: FailureError) -> bool:
    """Whether `total_timeout` or `queue_timeout` has ended a delivery."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, exceptions.TimeoutError):
        return cause.type in (TimeoutType.SCHEDULE_TO_START, TimeoutType.SCHEDULE_TO_CLOSE)
    return isinstance(cause, ApplicationError) and cause.message == _EXPIRED


async def explained(error: JsonObject, plan: Plan) -> JsonObject:
    """Return the error of a delivery whose time is over; it says if the integration is paused.

    Args:
        error: The `error` object of the contract.
        plan: The plan of the delivery.
    """
    if plan["task_queue"] == workflow.info().task_queue or not workflow.patched(_EXPLAINED):
        return error
    try:
        state: IntegrationState = await workflow.execute_local_activity(
            READ_STATE, plan["integration"], schedule_to_close_timeout=_READ_TIMEOUT
        )
    except (ActivityError, ApplicationError) as failure:
        if is_cancelled_exception(failure):
            raise
        return error
    if not isinstance(state, dict) or state.get("by") is None:
        return error
    reason = f"{described(plan['integration'], state)}; {error['message']}"
    return Unavailable(reason).as_json()
