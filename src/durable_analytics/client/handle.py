"""The handles of deliveries, which return their outputs or raise their errors."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError, FieldProblem, Interrupted
from durable_analytics.wire.output_types import BatchOutput, DeliveryOutput

_Output = TypeVar("_Output", DeliveryOutput, BatchOutput)


class _Handle(Generic[_Output]):
    def __init__(self, workflow: WorkflowHandle[object, Any]) -> None:
        self.workflow = workflow

    @property
    def workflow_id(self) -> str:
        """The execution's id in the Temporal UI."""
        return self.workflow.id

    async def result(self) -> _Output:
        """Wait for the delivery, and return its output.

        Raises:
            DeliveryError: The delivery failed; the subclass is the reason, `output` has the
                response.
            Interrupted: The execution was cancelled or terminated, or its own timeout expired.
            RPCError: Temporal could not be reached for a long time: call this again.
        """
        try:
            return cast("_Output", await self.workflow.result())
        except WorkflowFailureError as failure:
            raise _typed(failure) from failure

    async def outcome(self) -> _Output:
        """Wait for the delivery, and return the output, whether it succeeded or failed.

        Raises:
            Interrupted: The execution was cancelled or terminated, or its own timeout expired;
                there is no output.
        """
        try:
            return await self.result()
        except DeliveryError as error:
            if error.output is None:
                raise
            return cast("_Output", dict(error.output))


class DeliveryHandle(_Handle[DeliveryOutput]):
    """A handle of a message that Temporal has stored.

    Args:
        workflow: Temporal's handle of the execution.
        message_id: The id of the message, the same in all attempts.
    """

    def __init__(self, workflow: WorkflowHandle[object, Any], message_id: str) -> None:
        super().__init__(workflow)
        self.message_id = message_id


class BatchHandle(_Handle[BatchOutput]):
    """A handle of the messages of a batch, which Temporal has stored.

    Args:
        workflow: Temporal's handle of the execution.
        message_ids: The ids of the messages, in their order; None for an invalid one.
    """

    def __init__(
        self, workflow: WorkflowHandle[object, Any], message_ids: Sequence[str | None]
    ) -> None:
        super().__init__(workflow)
        self.message_ids = tuple(message_ids)


def _typed(failure: WorkflowFailureError) -> Exception:
    cause = failure.cause
    if not isinstance(cause, ApplicationError):
        return Interrupted(f"the execution ended as {type(cause).__name__}: {cause}")
    kind = DELIVERY_ERRORS.get(cause.type or "", DeliveryError)
    output = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else None
    fields = (output or {}).get("error", {}).get("fields", [])
    return kind(
        cause.message,
        fields=[FieldProblem(field["path"], field["message"]) for field in fields],
        output=output,
    )
