"""The procedure of all methods: validate the input, send the request, return the output."""

import json
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
)
from durable_analytics.wire.activity_results import (
    checked_request_result,
    checked_rest,
    open_attempts,
)
from durable_analytics.wire.decoding import decode
from durable_analytics.wire.keys import rename_keys
from durable_analytics.wire.limits import INPUT_LIMIT_BYTES
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import METHODS, Method
from durable_analytics.wire.outputs import output
from durable_analytics.wire.plans import Origin, Plan, RequestResult
from durable_analytics.wire.policies import RECORDED, PlannedPolicies, RequestPolicy
from workflows.visibility import show_delivered, show_failed

_FAILURE_LIMIT_BYTES = INPUT_LIMIT_BYTES + INPUT_LIMIT_BYTES // 2
"""The largest output of a failure; Temporal refuses more than 2 MiB."""

_READ_LIMIT_BYTES = 256 * 1024
"""The largest refused input whose message is repeated in the output."""

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
"""The default heartbeat timeout of an activity that sends several requests, or whose request waits
for its turn."""

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
    plan: Plan | None = None
    try:
        plan = await validate(method, input)
        result = await _request(method, input, plan)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        # Without the cause, which would store the same details again.
        raise _failure(method, input, plan, error) from None
    show_delivered(plan["integration"], result["response"])
    return output(
        method,
        integration=plan["integration"],
        message=_message(method, input, plan),
        response=result["response"],
        attempts=result["attempts"],
        left_out=plan.get("left_out"),
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


async def _request(method: Method, input: RawValue, plan: Plan) -> RequestResult:
    """Schedule Request until the message is sent; once, unless it had to wait for its turn."""
    policy, turn, began_at = policy_of(plan), longest_turn(plan), workflow.now()
    one_attempt, remaining = policy.single_attempt_timeout, policy.total_timeout
    requested: Plan = {**plan, "returns_attempts": True}
    if turn:
        requested["returns_open"] = True
    while True:
        result = await workflow.execute_activity(
            method.request,
            args=[input, requested],
            task_queue=plan["task_queue"],
            start_to_close_timeout=one_attempt and one_attempt + turn,
            schedule_to_close_timeout=remaining,
            schedule_to_start_timeout=policy.queue_timeout,
            heartbeat_timeout=(policy.heartbeat_timeout or HEARTBEAT_TIMEOUT) if turn else None,
            retry_policy=retries(policy),
            summary=f"to {plan['integration']}",
        )
        attempts = open_attempts(result)
        if attempts is None:
            return checked_request_result(method, result)
        requested["attempts"] = attempts
        if policy.total_timeout:
            remaining = policy.total_timeout - (workflow.now() - began_at)
            if remaining <= timedelta(0):
                raise ApplicationError(_EXPIRED, type=Unavailable.wire_name())


def longest_turn(plan: Plan) -> timedelta:
    """Return how long each request may wait for its turn, besides the timeout of an attempt."""
    return timedelta(seconds=plan.get("turn_seconds", 0))


def policy_of(plan: Plan) -> RequestPolicy:
    """Return the request policy of a plan."""
    policies = PlannedPolicies.model_validate(plan["policies"], context=RECORDED)
    return policies.request or RequestPolicy()


def retries(policy: RequestPolicy) -> RetryPolicy:
    """Return Temporal's retry policy for a request policy."""
    retry = policy.retry_policy
    settings = {} if retry is None else retry.model_dump(exclude_none=True)
    return RetryPolicy(**settings)


def _message(method: Method, input: RawValue, plan: Plan | None) -> JsonObject | None:
    """Return the message as it was delivered, or as far as it can be read."""
    if plan is None and isinstance(input, RawValue) and len(input.payload.data) > _READ_LIMIT_BYTES:
        return None  # reading it would take too long for a workflow task
    try:
        message = rename_keys(method, decode(input)).get(method.key)
    except ValidationError:
        return None
    if not isinstance(message, dict):
        return None
    delivered = {**message, **plan["message"]} if plan else message
    delivered.pop("default_timestamp", None)  # it has become the timestamp
    return delivered


def _failure(
    method: Method, input: RawValue, plan: Plan | None, error: FailureError
) -> ApplicationError:
    outcome = failed_outcome(error)
    integration = plan["integration"] if plan else outcome.get("integration")
    show_failed(plan or outcome, integration, outcome["error"]["type"], outcome.get("response"))
    failed = output(
        method,
        integration=integration,
        message=_message(method, input, plan),
        response=outcome.get("response"),
        attempts=outcome.get("attempts", []),
        left_out=plan.get("left_out") if plan else None,
        policies=plan["policies"] if plan else None,
        error=outcome["error"],
    )
    if failed[method.key] is not None and len(json.dumps(failed)) > _FAILURE_LIMIT_BYTES:
        # Temporal would refuse the failure; the history contains the input.
        failed[method.key] = None
    error_json = outcome["error"]
    return ApplicationError(
        error_json["message"], failed, type=error_json["type"], non_retryable=True
    )


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
        return _timed_out(cause)
    name = cause.type if isinstance(cause, ApplicationError) else type(cause).__name__
    return {"error": Internal(f"the activity failed unexpectedly ({name})").as_json()}


_EXPIRED = "the total_timeout of the policy has expired"

_TIMEOUTS = {
    TimeoutType.START_TO_CLOSE: "an attempt took longer than single_attempt_timeout",
    TimeoutType.SCHEDULE_TO_START: "no worker started the request within queue_timeout",
    TimeoutType.SCHEDULE_TO_CLOSE: _EXPIRED,
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
