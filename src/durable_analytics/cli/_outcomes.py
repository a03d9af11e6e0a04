"""What has become of one message: delivered, refused and why, or why it still waits."""

from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from durable_analytics.cli._left_held import find_left_held
from durable_analytics.cli._output import short_duration
from durable_analytics.errors import UnreadablePayload
from durable_analytics.redrive.names import Origin
from durable_analytics.redrive.redriven_messages import RedrivenMessages
from durable_analytics.temporal import integration_control
from durable_analytics.temporal.histories import read_output
from durable_analytics.wire.integration_state import described
from durable_analytics.wire.messages import JsonObject

Outcome = tuple[str, str | None]
"""One word, and the reason."""

_NEVER_REDRIVEN = ("delivered", "filtered")


async def outcome_of(
    client: Client,
    task_queue: str,
    execution: WorkflowExecution,
    integrations: Sequence[str],
    index: int | None,
) -> Outcome:
    """Tell what has become of a message.

    Args:
        client: A client that can read the payloads.
        task_queue: The task queue of the workers.
        execution: The execution of the message.
        integrations: Its integration, several for a fan-out; empty if that is not known.
        index: Its index in a batch; None if it is a single message.

    Returns:
        `delivered`, `filtered`, `refused`, `redriven`, `waiting`, `unreadable` if the output is
        encrypted with a key that is not there, or the status of an execution that has ended
        otherwise; of a fan-out, that of all integrations or of its output.
    """
    if execution.status is WorkflowExecutionStatus.RUNNING:
        return "waiting", await _why_waiting(
            client, task_queue, execution.id, execution.run_id, integrations
        )
    try:
        output = await read_output(client, execution)
    except UnreadablePayload as error:
        return "unreadable", str(error)
    try:
        redriven = await RedrivenMessages.read(client, task_queue)
    except UnreadablePayload as error:
        outcome, reason = _outcome_of_closed(
            execution, output, integrations, index, RedrivenMessages(client)
        )
        if outcome not in _NEVER_REDRIVEN:
            unknown = f"whether it has been redriven cannot be read: {error}"
            reason = "; ".join(filter(None, [reason, unknown]))
        return outcome, reason
    return _outcome_of_closed(execution, output, integrations, index, redriven)


def _outcome_of_closed(
    execution: WorkflowExecution,
    output: JsonObject,
    integrations: Sequence[str],
    index: int | None,
    redriven: RedrivenMessages,
) -> Outcome:
    origin = Origin(execution.id, execution.run_id, index or 0)
    if deliveries := output.get("deliveries"):
        outcomes = {
            name: _outcome(one, index, is_redriven=redriven.has(origin._replace(fan_out=name)))
            for name, one in deliveries.items()
        }
        words = {word for word, _ in outcomes.values()}
        reasons = [
            f"{name}: {word}" + (f" ({why})" if why else "")
            for name, (word, why) in outcomes.items()
        ]
        return words.pop() if len(words) == 1 else output["status"], "; ".join(reasons)
    # A fan-out that failed as a whole has been redriven if each integration has got the message.
    origins = [origin._replace(fan_out=name) for name in integrations] or [origin]
    is_redriven = all(map(redriven.has, origins))
    if not output and execution.status:
        return "redriven" if is_redriven else execution.status.name.lower(), None
    return _outcome(output, index, is_redriven=is_redriven)


def _outcome(output: JsonObject, index: int | None, *, is_redriven: bool) -> Outcome:
    """Return the outcome of a message at one integration."""
    filtered = output.get("filtered")
    if isinstance(filtered, list):
        filtered = next((one for one in filtered if one["index"] == index), None)
    if filtered:
        return "filtered", f"by {filtered['by']}: {filtered['reason']}"
    rejected = [one for one in output.get("rejected") or [] if one["index"] == index]
    # A batch of which nothing was accepted has an error of its own.
    if error := (rejected[0]["error"] if rejected else output.get("error")):
        return "redriven" if is_redriven else "refused", f"{error['type']}: {error['message']}"
    if output.get("status") in ("success", "partial"):
        return "delivered", None
    return str(output.get("status", "unknown")), None


async def _why_waiting(
    client: Client, task_queue: str, workflow_id: str, run_id: str, integrations: Sequence[str]
) -> str:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    description = (await handle.describe()).raw_description
    reasons = [_next_attempt(one) for one in description.pending_activities]
    if not reasons:
        reasons = [_before_first_attempt(description.pending_workflow_task.attempt)]
    paused = [await _paused(client, task_queue, integration) for integration in integrations]
    return "; ".join(filter(None, [*paused, *reasons]))


def _before_first_attempt(attempt: int) -> str:
    """Return why nothing is planned.

    Args:
        attempt: Of the workflow task that is pending; 0 if none is.
    """
    if attempt > 1:
        return (
            f"nothing has been sent: its workflow task is at attempt {attempt}; the log of the "
            "worker and the Temporal UI say why the others failed"
        )
    return "nothing has been sent: is a worker running?"


async def _paused(client: Client, task_queue: str, integration: str) -> str | None:
    """Return why an integration gets nothing, and until when; None if it is running."""
    try:
        state = await integration_control.state(client, task_queue, integration)
    except UnreadablePayload as error:
        return f"whether the integration {integration} is paused cannot be read: {error}"
    if not state["by"]:
        left = await find_left_held(client, task_queue, integration)
        return f"{left.reason}: `{left.command}`" if left else None
    until = f", until {state['until']}" if state["until"] else ""
    return f"{described(integration, state)}{until}"


def _next_attempt(pending: PendingActivityInfo) -> str:
    is_running = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    text = f"attempt {pending.attempt} " + ("is running" if is_running else "is next")
    if not is_running and pending.HasField("next_attempt_schedule_time"):
        wait = pending.next_attempt_schedule_time.ToDatetime(UTC) - datetime.now(UTC)
        text += f", in {short_duration(wait)}"
    if pending.HasField("last_failure"):
        text += f"; the last one: {pending.last_failure.message}"
    return text
