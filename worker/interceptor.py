"""The interceptor: refuses surplus inputs, and reports executions to the hook and the metrics."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from activities import activity_names
from activities.failures import application_error
from durable_analytics.errors import UnreadablePayload, ValidationError
from durable_analytics.events import ExecutionFailed
from durable_analytics.temporal.encryption import named_key, waits_for_key
from durable_analytics.wire.message_counts import MessageCount
from durable_analytics.wire.messages import JsonObject
from durable_analytics.wire.methods import BATCH, METHODS, Method
from durable_analytics.wire.outputs import batch_output, output
from worker.ended_executions import EndedExecutions
from workflows.message_counts import RECORD, MessageCounts

log = logging.getLogger("durable_analytics.encryption")

_WAIT_FOR_KEY = timedelta(seconds=10)
"""The wait before the next attempt, at another worker or with other settings."""

_EXTERN = "durable_analytics_execution_failed"
_ENDED = "durable_analytics_execution_ended"

_ACTIVITIES = frozenset(activity_names())
_MOST_ARGUMENTS = 2

_METHOD_BY_WORKFLOW = {method.workflow: method for method in (*METHODS.values(), BATCH)}


class DeliveryInterceptor(Interceptor):
    """Intercepts the workflows and activities of this project, and no others.

    Args:
        notify: Called with each failed execution; returns at once and never raises.
        record: Called with the messages of an execution that have reached a stage; see
            `Metrics.messages`. It returns at once and never raises.
    """

    def __init__(
        self,
        notify: Callable[[ExecutionFailed], None],
        record: Callable[[str, list[MessageCount], float], None] = lambda *_: None,
    ) -> None:
        self._notify = notify
        self._record = record
        self._ended = EndedExecutions()

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """See base class."""
        input.unsafe_extern_functions[_EXTERN] = self._notify
        input.unsafe_extern_functions[RECORD] = self._record
        input.unsafe_extern_functions[_ENDED] = self._ended.add
        return _Inbound

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _ActivityInbound(next)


class _ActivityInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        _check_readable([*input.args, *activity.info().heartbeat_details])
        if len(input.args) > _MOST_ARGUMENTS and activity.info().activity_type in _ACTIVITIES:
            reason = (
                f"the activity was called with {len(input.args)} arguments; "
                f"the limit is {_MOST_ARGUMENTS}"
            )
            raise application_error(ValidationError.at("", reason))
        return await super().execute_activity(input)


def _check_readable(values: Sequence[Any]) -> None:
    """Fail an attempt, and not the activity, if this worker lacks a key that another one may have.

    A payload that no key decrypts is left to the activity, which refuses it as it does any other
    that is no JSON.

    Raises:
        ApplicationError: A value is a payload that this worker cannot decrypt.
    """
    for value in values:
        payload = value.payload if isinstance(value, RawValue) else None
        if payload and waits_for_key(payload):
            error = UnreadablePayload(
                f"this worker cannot decrypt a payload: it lacks the key {named_key(payload)} in "
                "encryption_keys, or has another key of that id"
            )
            log.error("payload not readable", extra={"reason": str(error)})
            raise ApplicationError(
                str(error), type=type(error).__name__, next_retry_delay=_WAIT_FOR_KEY
            ) from error


class _Inbound(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        method = _METHOD_BY_WORKFLOW.get(workflow.info().workflow_type)
        if method is None:
            return await super().execute_workflow(input)
        has_ended = workflow.extern_functions()[_ENDED]
        try:
            if len(input.args) > 1:
                # Otherwise a TypeError fails the workflow task, which Temporal retries for ever.
                failure = _surplus(method, len(input.args))
                MessageCounts(method, input.args[0], {}).refused(failure.details[0])
                raise failure
            return await super().execute_workflow(input)
        except ApplicationError as error:
            if not workflow.unsafe.is_replaying():
                workflow.extern_functions()[_EXTERN](_event(method.key, error))
            raise
        finally:
            has_ended(input.args)  # also if it leaves the worker's cache, and on replay


def _surplus(method: Method, inputs: int) -> ApplicationError:
    refusal = ValidationError.at(
        "", f"the execution was started with {inputs} arguments: send one JSON object"
    )
    fields: JsonObject = {"integration": None, "policies": None, "error": refusal.as_json()}
    if method is BATCH:
        failed = batch_output(**fields)
    else:
        failed = output(method, message=None, response=None, attempts=(), **fields)
    return ApplicationError(refusal.message, failed, type=refusal.wire_name(), non_retryable=True)


def _event(key: str, error: ApplicationError) -> ExecutionFailed:
    info = workflow.info()
    detail = error.details[0] if error.details else {}
    message = detail.get(key) or {}
    return ExecutionFailed(
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        integration=detail.get("integration"),
        method=key,
        message_id=message.get("message_id"),
        error=error.type or "",
        message=error.message,
    )
