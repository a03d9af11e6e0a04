"""Whether deliveries to an integration run or are paused: the commands, and the state as JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, TypedDict

from pydantic import ConfigDict, Field

from durable_analytics.wire.arguments import Argument
from durable_analytics.wire.policies import Duration
from durable_analytics.wire.timestamps import write_timestamp

CONTROL_WORKFLOW = "Integration"
"""The type of the workflow that pauses and resumes an integration."""

SET_LIMIT = f"{CONTROL_WORKFLOW}.SetLimit"
"""The activity that holds an integration's task queue, and releases it."""

READ_STATE = f"{CONTROL_WORKFLOW}.ReadState"
"""The local activity that tells a delivery whether its integration is paused."""

PAUSE, RESUME, STATE = "pause", "resume", "state"
"""The updates and the query of the workflow."""

COMMAND = "command"
"""The signal with a command that no worker has taken as an update in time: unlike an update, a
signal survives the death of the server. Its `id` is that of the update, so that it counts once."""

CHECK = "check"
"""The signal of a worker that has started: the workflow sets the limit again if it is gone."""

MEMO = "state"
"""The memo of the workflow with the `IntegrationState`."""

_CONTROL = ":integration:"

WorkerCause = Literal["credentials", "breaker", "retry_after", "provider"]
"""Why workers pause an integration."""

Cause = Literal["operator", WorkerCause]
"""Who or what paused an integration. An earlier one takes precedence over the later ones."""


class IntegrationState(TypedDict):
    """The state of an integration."""

    state: Literal["running", "paused", "probing"]
    reason: str | None
    by: Cause | None
    since: str | None
    """ISO 8601 in UTC."""

    until: str | None
    """ISO 8601 in UTC; null if only `resume` ends the pause."""


RUNNING: IntegrationState = {
    "state": "running",
    "reason": None,
    "by": None,
    "since": None,
    "until": None,
}


class PauseRequest(Argument):
    """The argument of the update `pause`."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    by: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The person who pauses."""

    for_: Duration | None = Field(default=None, alias="for")
    """How long; null: until `resume`."""

    def described(self) -> str:
        """Return the reason, and who paused."""
        return f"{self.reason} ({self.by})" if self.by else self.reason


def paused(
    by: Cause, reason: str, *, since: datetime, duration: timedelta | None
) -> IntegrationState:
    """Return the state of a paused integration.

    Args:
        by: Who paused it.
        reason: Why.
        since: When.
        duration: How long; None if only `resume` ends the pause.
    """
    until = write_timestamp(since + duration) if duration else None
    return {
        "state": "paused",
        "reason": reason,
        "by": by,
        "since": write_timestamp(since),
        "until": until,
    }


def described(integration: str, state: IntegrationState) -> str:
    """Return which integration is paused, by whom and why."""
    by = "an operator" if state["by"] == "operator" else _CAUSES.get(state["by"] or "", "somebody")
    return f"the integration {integration} is {state['state']} by {by}: {state['reason']}"


_CAUSES = {
    "credentials": "pause_after_unauthorized",
    "breaker": "the breaker",
    "retry_after": "the provider's Retry-After",
    "provider": "the provider",
}


def control_id(task_queue: str, integration: str) -> str:
    """Return the id of the workflow that controls an integration."""
    return f"{task_queue}{_CONTROL}{integration}"


def controlled_integration(workflow_id: str) -> str:
    """Return the name of the integration that a workflow controls."""
    return workflow_id.rpartition(_CONTROL)[2]
