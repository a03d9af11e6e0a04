"""The handle of a delivery, which returns its output or raises its error."""

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError, FieldProblem, Interrupted
from durable_analytics.wire.messages import JsonObject


class DeliveryHandle:
    """A handle of a message that Temporal has stored.

    Args:
        workflow: Temporal's handle of the execution.
        message_id: The id of the message, the same in all attempts.
    """

    def __init__(self, workflow: WorkflowHandle[object, JsonObject], message_id: str) -> None:
        self.workflow = workflow
        self.message_id = message_id

    @property
    def workflow_id(self) -> str:
        """The execution's id in the Temporal UI."""
        return self.workflow.id

    async def result(self) -> JsonObject:
        """Wait for the delivery, and return its output.

        Raises:
            DeliveryError: The delivery failed; the subclass is the reason, `output` has the
                response.
            Interrupted: The execution was cancelled or terminated, or its own timeout expired.
            RPCError: Temporal could not be reached for a long time: call this again.
        """
        try:
            return await self.workflow.result()
        except WorkflowFailureError as failure:
            raise _typed(failure) from failure

    async def outcome(self) -> JsonObject:
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
            return dict(error.output)


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
