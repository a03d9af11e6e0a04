"""The one procedure of all methods: validate, request, compose the output."""

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

from durable_analytics.contract import METHODS, Method, output
from durable_analytics.errors import (
    DELIVERY_ERRORS,
    DeliveryError,
    Internal,
    Unavailable,
    ValidationError,
)
from durable_analytics.messages import JsonObject
from durable_analytics.policies import Policies, RequestPolicy
from durable_analytics.reading import LIMIT_BYTES, decode, respell

_FAILURE_LIMIT_BYTES = LIMIT_BYTES + LIMIT_BYTES // 2
"""Temporal refuses more than 2 MiB."""

_VALIDATION_TIMEOUT = timedelta(seconds=5)
_VALIDATION_RETRIES = RetryPolicy(maximum_attempts=3)


async def deliver(key: str, input: RawValue) -> JsonObject:
    """Deliver one message.

    Args:
        key: The method's key in `METHODS`.
        input: The input as it arrived; handed on untouched, so that it is neither decoded nor
            encoded on its way.

    Returns:
        The output of the contract.

    Raises:
        ApplicationError: The delivery failed; its type and first detail are the contract's.
    """
    method = METHODS[key]
    plan = None
    try:
        plan = await validate(method, input)
        response = await _request(method, input, plan)
    except (ActivityError, ApplicationError) as error:
        if is_cancelled_exception(error):
            raise
        raise _failure(method, input, plan, error) from error
    return output(
        method,
        integration=plan["integration"],
        message=_message(method, input, plan),
        response=response,
        policies=plan["policies"],
    )


async def validate(method: Method, input: RawValue) -> JsonObject:
    """Run the Validation of a method; returns the plan."""
    info = workflow.info()
    origin = {
        "started_at": info.workflow_start_time.isoformat(),
        # Each execution of a cron schedule is a message of its own; a retry of one is not.
        "first_run_id": (
            info.original_execution_run_id if info.cron_schedule else info.first_execution_run_id
        ),
    }
    plan: JsonObject = await workflow.execute_local_activity(
        method.validation,
        args=[input, origin],
        start_to_close_timeout=_VALIDATION_TIMEOUT,
        retry_policy=_VALIDATION_RETRIES,
    )
    return plan


async def _request(method: Method, input: RawValue, plan: JsonObject) -> JsonObject:
    policy = policy_of(plan)
    response: JsonObject = await workflow.execute_activity(
        method.request,
        args=[input, plan],
        task_queue=plan["task_queue"],
        start_to_close_timeout=policy.single_attempt_timeout,
        schedule_to_close_timeout=policy.total_timeout,
        schedule_to_start_timeout=policy.queue_timeout,
        retry_policy=retries(policy),
        summary=f"to {plan['integration']}",
    )
    return response


def policy_of(plan: JsonObject) -> RequestPolicy:
    """The policy in force."""
    return Policies.model_validate(plan["policies"]).request or RequestPolicy()


def retries(policy: RequestPolicy) -> RetryPolicy:
    """A policy's retries, as Temporal has them."""
    ours = policy.retry_policy
    settings = {} if ours is None else ours.model_dump(exclude_none=True)
    return RetryPolicy(**settings)


def _message(method: Method, input: RawValue, plan: JsonObject | None) -> JsonObject | None:
    """The message as delivered, or as far as it can be read."""
    try:
        message = respell(method, decode(input)).get(method.key)
    except ValidationError:
        return None
    if not isinstance(message, dict):
        return None
    return {**message, **plan["message"]} if plan else message


def _failure(
    method: Method, input: RawValue, plan: JsonObject | None, error: FailureError
) -> ApplicationError:
    known = known_of(error)
    failed = output(
        method,
        integration=plan["integration"] if plan else known.get("integration"),
        message=_message(method, input, plan),
        response=known.get("response"),
        policies=plan["policies"] if plan else None,
        error=known["error"],
    )
    if failed[method.key] is not None and len(json.dumps(failed)) > _FAILURE_LIMIT_BYTES:
        # Temporal would refuse the failure; the input stands in the history.
        failed[method.key] = None
    told = known["error"]
    return ApplicationError(told["message"], failed, type=told["type"], non_retryable=True)


def known_of(error: FailureError) -> JsonObject:
    """What the last attempt left: `error`, and the provider's last answer where there was one."""
    # The SDK hands a local activity's failure over bare, a remote one's inside an ActivityError.
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.type and cause.type in DELIVERY_ERRORS:
        detail = cause.details[0] if cause.details else None
        if isinstance(detail, dict) and "error" in detail:
            return detail
        # Temporal cut the details: the type and the message are still there.
        return {"error": DELIVERY_ERRORS[cause.type](cause.message).as_json()}
    if isinstance(cause, exceptions.TimeoutError):
        return _timed_out(cause)
    name = cause.type if isinstance(cause, ApplicationError) else type(cause).__name__
    return {"error": Internal(f"the activity failed unexpectedly ({name})").as_json()}


_TIMEOUTS = {
    TimeoutType.START_TO_CLOSE: "an attempt took longer than single_attempt_timeout",
    TimeoutType.SCHEDULE_TO_START: "no worker took the request within queue_timeout",
    TimeoutType.SCHEDULE_TO_CLOSE: "the policy's total_timeout ran out",
    TimeoutType.HEARTBEAT: "the worker went silent during the request",
}


def _timed_out(timeout: exceptions.TimeoutError) -> JsonObject:
    """The attempt before it may have left an answer in its heartbeat."""
    left: Any = timeout.last_heartbeat_details[0] if timeout.last_heartbeat_details else None
    last: JsonObject = left if isinstance(left, dict) else {}
    words = _TIMEOUTS.get(timeout.type, "timed out") if timeout.type else "timed out"
    kind: type[DeliveryError] = Unavailable
    if timeout.type is TimeoutType.SCHEDULE_TO_CLOSE and "error" in last:
        kind = DELIVERY_ERRORS.get(last["error"].get("type"), Unavailable)
        words += f"; the last answer: {last['error'].get('message')}"
    return {**last, "error": kind(words).as_json(), "response": last.get("response")}
