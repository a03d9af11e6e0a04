"""Reads what Temporal recorded of executions: their outputs, sizes and billable actions."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from benchmarks.processes import BenchmarkError

_LISTING_SECONDS = 0.5
"""How long the embedded server may take to list an execution."""

_POLL_SECONDS = 0.1
_TIMEOUT_SECONDS = 120.0

Handle = WorkflowHandle[Any, Any]

_BILLED_EVENTS = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    }
)


async def wait_for_executions(
    client: Client, queue: str, since: datetime, messages: int
) -> list[Handle]:
    """Wait until executions have accepted this many messages together, and return them.

    Args:
        client: A client that can decode what the workers store.
        queue: The task queue of the executions.
        since: Executions that started earlier do not count.
        messages: How many accepted messages to wait for.

    Raises:
        BenchmarkError: The messages were not accepted within two minutes.
    """
    instant = since.astimezone(UTC).isoformat()
    query = f"TaskQueue = '{queue}' AND StartTime >= '{instant}'"
    accepted: dict[str, int] = {}
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while sum(accepted.values()) < messages:
                async for execution in client.list_workflows(query):
                    if execution.id not in accepted:
                        output = await client.get_workflow_handle(execution.id).result()
                        accepted[execution.id] = output.get("accepted", 1)
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        count = sum(accepted.values())
        reason = f"{count} of {messages} messages were accepted within {_TIMEOUT_SECONDS:g} s"
        raise BenchmarkError(reason) from None
    return [client.get_workflow_handle(workflow_id) for workflow_id in accepted]


async def wait_until_closed(client: Client, queue: str) -> None:
    """Wait until no execution of a task queue runs.

    The end of a round then neither slows the next one, nor is missing in the CPU of the round.

    Raises:
        BenchmarkError: Executions still run after two minutes.
    """
    query = f"TaskQueue = '{queue}' AND ExecutionStatus = 'Running'"
    running = 0
    await asyncio.sleep(_LISTING_SECONDS)
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while running := (await client.count_workflows(query)).count:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        reason = f"{running} executions still run after {_TIMEOUT_SECONDS:g} s"
        raise BenchmarkError(reason) from None


async def read_history_bytes(handle: Handle) -> int:
    """The size of a closed execution's history, as the server counts it."""
    description = await handle.describe()
    return description.raw_description.workflow_execution_info.history_size_bytes


async def count_billable_actions(handle: Handle) -> int:
    """Count the actions of one execution that Temporal Cloud bills.

    A start, a signal, a timer, an activity and each of its retries are one action each. All local
    activities of one workflow task are one action together. A workflow task that only extends the
    time of a local activity is one action. Heartbeats leave no event: the server counts them.
    """
    actions = 0
    previous = EventType.EVENT_TYPE_UNSPECIFIED
    tasks_with_local_activities = set()
    async for event in handle.fetch_history_events():
        if event.event_type in _BILLED_EVENTS:
            actions += 1
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            actions += event.activity_task_started_event_attributes.attempt - 1
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            marker = event.marker_recorded_event_attributes
            tasks_with_local_activities.add(marker.workflow_task_completed_event_id)
        elif (
            event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
            and previous == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ):
            actions += 1
        previous = event.event_type
    return actions + len(tasks_with_local_activities)
