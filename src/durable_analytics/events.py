"""The arguments of a worker's hooks: failures with their ids, without user data and secrets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """An attempt failed; Temporal may start another one."""

    workflow_id: str | None
    """None if the activity was started without a workflow."""

    run_id: str | None
    integration: str | None
    method: str
    message_id: str | None
    attempt: int
    """The number of the attempt, from 1."""

    status: int | None
    """The HTTP status; None if there was no response."""

    error: str
    """The failure type, like "Unavailable"."""

    message: str


@dataclass(frozen=True, slots=True)
class ExecutionFailed:
    """An execution failed finally: the message was not delivered."""

    workflow_id: str
    run_id: str
    integration: str | None
    method: str
    message_id: str | None
    error: str
    """The failure type, like "Rejected"."""

    message: str
