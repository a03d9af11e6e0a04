"""The procedure of all methods: validate the input, send the request, return the output."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from temporalio import exceptions, workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    TimeoutType,
    is_cancelled_exception,
)

from durable_analytics.errors import (
    DELIVERY_ERRORS,
    DeliveryError,
    Internal,
    Unavailable,
    ValidationError,
    shorten,
)
from durable_analytics.wire.activity_results import checked_rest
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.json_writer import PureJson
from durable_analytics.wire.keys import rename_keys
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS, Method
from durable_analytics.wire.outputs import output
from durable_analytics.wire.plans import AttemptRecord, Origin, Plan, Response
from workflows.fan_out import fan_out
from workflows.inputs import readable
from workflows.message_counts import MessageCounts
from workflows.message_request import MessageRequest
from workflows.visibility import conclude

_FAILURE_LIMIT_BYTES = INPUT_LIMIT_BYTES + INPUT_LIMIT_BYTES // 2
"""The largest output of a failure; Temporal refuses more than 2 MiB."""

_READ_LIMIT_BYTES = 256 * 1024
"""The largest refused input whose message is repeated in the output."""

_VALIDATION_TIMEOUT = timedelta(seconds=5)
_VALIDATION_RETRIES = RetryPolicy(maximum_attempts=3)


async def deliver(key: str, input: RawValue) -> JsonObject:
    """Deliver one message.

    Args:
        key: The method's key in `METHODS`.
        input: The raw input; it is passed on unchanged, without decoding and encoding.

    Returns:
        The output of the contract.

    Raises:
        ApplicationError: The delivery failed; its type and first detail follow the contract.
    """
    method = METHODS[key]
    try:
        plan = await validate(method, input)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        outcome = failed_outcome(error)
        output = _failed(method, input, None, outcome)
        MessageCounts(method, input, outcome).refused(output)
        return conclude(outcome, output)
    counts = MessageCounts(method, input, plan)
    counts.received()

    def deliver_to_one(one: Any) -> Awaitable[JsonObject]:
        return counts.ended(one["integration"], _deliver(method, input, one))

    if "plans" in plan:
        return conclude(plan, await fan_out(method, plan, deliver_to_one))
    return conclude(plan, await deliver_to_one(plan))


async def _deliver(method: Method, input: RawValue, plan: Any) -> JsonObject:
    """Deliver a message to one integration; return the output, of a failure too."""
    if "error" in plan:
        return _failed(method, input, None, plan)
    if plan.get("filtered"):
        return _output(method, input, plan, response=None, attempts=[])
    request = MessageRequest(method, input, plan)
    try:
        result = await request.run()
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        outcome = await request.concluded(failed_outcome(error), error)
        return _failed(method, input, plan, outcome)
    return _output(method, input, plan, response=result["response"], attempts=result["attempts"])


def _output(
    method: Method,
    input: RawValue,
    plan: Plan,
    *,
    response: Response | None,
    attempts: list[AttemptRecord],
) -> JsonObject:
    return output(
        method,
        integration=plan["integration"],
        message=_message(method, input, plan),
        response=response,
        attempts=attempts,
        left_out=plan.get("left_out"),
        violations=plan.get("violations"),
        filtered=plan.get("filtered"),
        policies=plan["policies"],
    )


async def validate(method: Method, input: RawValue) -> Any:
    """Run the Validation of a method, and return the plan."""
    info = workflow.info()
    started_at = info.start_time if info.cron_schedule else info.workflow_start_time
    origin: Origin = {
        "started_at": started_at.isoformat(),
        "first_task_at": info.start_time.isoformat(),
        # Each run of a cron schedule is a new message; a retry is not.
        "first_run_id": (
            info.original_execution_run_id if info.cron_schedule else info.first_execution_run_id
        ),
    }
    return await workflow.execute_local_activity(
        method.validation,
        args=[input, origin],
        start_to_close_timeout=_VALIDATION_TIMEOUT,
        retry_policy=_VALIDATION_RETRIES,
    )


def _message(method: Method, input: RawValue, plan: Plan | None) -> JsonObject | None:
    """Return the message as it was delivered, or as far as it can be read."""
    input = readable(input)
    if plan is None and isinstance(input, RawValue) and len(input.payload.data) > _READ_LIMIT_BYTES:
        return None  # reading it would take too long for a workflow task
    try:
        routed = plan.get("routed") if plan else None
        message = (
            routed["message"] if routed else rename_keys(method, decode(input)).get(method.key)
        )
    except ValidationError:
        return None
    if not isinstance(message, dict):
        return None
    delivered = {**message, **plan["message"]} if plan else message
    delivered.pop("default_timestamp", None)  # it has become the timestamp
    return delivered


def _failed(method: Method, input: RawValue, plan: Plan | None, outcome: JsonObject) -> JsonObject:
    """Return the output of a delivery that failed."""
    failed = output(
        method,
        integration=plan["integration"] if plan else outcome.get("integration"),
        message=_message(method, input, plan),
        response=outcome.get("response"),
        attempts=outcome.get("attempts", []),
        left_out=plan.get("left_out") if plan else None,
        violations=plan.get("violations") if plan else None,
        policies=plan["policies"] if plan else None,
        error=outcome["error"],
    )
    if failed[method.key] is not None and len(PureJson(failed).write()) > _FAILURE_LIMIT_BYTES:
        # Temporal would refuse the failure; the history contains the input.
        failed[method.key] = None
    return failed


def failed_outcome(error: FailureError) -> JsonObject:
    """Return the `error` of the last attempt, and the provider's last response if there was one."""
    # The SDK raises the failure of a local activity directly, others inside an ActivityError.
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.type and cause.type in DELIVERY_ERRORS:
        details = checked_rest(cause.details[0] if cause.details else None)
        if details.get("error"):
            return details
        # Temporal has cut the details; the type and the message remain.
        return {"error": DELIVERY_ERRORS[cause.type](cause.message).as_json()}
    if isinstance(cause, exceptions.TimeoutError):
        is_request = isinstance(error, ActivityError)
        return _timed_out(cause) if is_request else {"error": Unavailable(_TOO_SLOW).as_json()}
    if isinstance(cause, ApplicationError):
        # `temporal activity fail` sets no type.
        reason = cause.type or shorten(cause.message)
    else:
        reason = type(cause).__name__
    return {"error": Internal(f"the activity failed unexpectedly ({reason})").as_json()}


_TOO_SLOW = (
    f"Validation took longer than {_VALIDATION_TIMEOUT.total_seconds():.0f} s: "
    "is a transform slow, or the worker overloaded?"
)

_TIMEOUTS = {
    TimeoutType.START_TO_CLOSE: "an attempt took longer than single_attempt_timeout",
    TimeoutType.SCHEDULE_TO_START: "no worker started the request within queue_timeout",
    TimeoutType.SCHEDULE_TO_CLOSE: "the total_timeout of the policy has expired",
    TimeoutType.HEARTBEAT: "the worker stopped sending heartbeats during the request",
}


def _timed_out(timeout: exceptions.TimeoutError) -> JsonObject:
    """Return the outcome of a timeout, with the response in the last heartbeat if there is one."""
    details = timeout.last_heartbeat_details
    last = checked_rest(details[0] if details else None)
    reason = _TIMEOUTS.get(timeout.type, "timed out") if timeout.type else "timed out"
    kind: type[DeliveryError] = Unavailable
    if timeout.type is TimeoutType.SCHEDULE_TO_CLOSE and last.get("error"):
        kind = DELIVERY_ERRORS[last["error"]["type"]]
        reason += f"; the last attempt: {last['error']['message']}"
    return {**last, "error": kind(reason).as_json(), "response": last.get("response")}
