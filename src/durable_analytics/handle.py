"""The handle of a delivery: its output, or the typed error that it ended with."""

from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from durable_analytics.errors import DELIVERY_ERRORS, DeliveryError, FieldProblem, Interrupted
from durable_analytics.messages import JsonObject


class DeliveryHandle:
    """A message that Temporal keeps.

    Args:
        workflow: The execution, for everything else that Temporal offers.
        message_id: The message's id, the same over all attempts.
    """

    def __init__(self, workflow: WorkflowHandle[object, JsonObject], message_id: str) -> None:
        self.workflow = workflow
        self.message_id = message_id

    @property
    def workflow_id(self) -> str:
        """The execution's id in the Temporal UI."""
        return self.workflow.id

    async def result(self) -> JsonObject:
        """Wait for the delivery, and return the output of the contract.

        Raises:
            DeliveryError: It failed; the subclass says why, `output` what was answered.
            Interrupted: It was cancelled, terminated or timed out from outside.
            RPCError: Temporal, not the delivery, was out of reach for long: wait again.
        """
        try:
            return await self.workflow.result()
        except WorkflowFailureError as failure:
            raise _typed(failure) from failure

    async def outcome(self) -> JsonObject:
        """Wait for the delivery, and return the output, whether it succeeded or failed.

        Raises:
            Interrupted: It was cancelled, terminated or timed out from outside: no output.
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
