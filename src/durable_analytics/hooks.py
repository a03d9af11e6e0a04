"""What a worker's hooks are called with: a failure and its identifiers, no user data, no secret."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """One attempt failed; Temporal may try again."""

    workflow_id: str | None
    """None where the activity was started without a workflow."""

    run_id: str | None
    integration: str | None
    method: str
    message_id: str | None
    attempt: int
    """From 1."""

    status: int | None
    """The HTTP status; None when there was no answer."""

    error: str
    """The failure type, like "Unavailable"."""

    message: str


@dataclass(frozen=True, slots=True)
class ExecutionFailed:
    """An execution failed for good: the message was not delivered."""

    workflow_id: str
    run_id: str
    integration: str | None
    method: str
    message_id: str | None
    error: str
    """The failure type, like "Rejected"."""

    message: str
