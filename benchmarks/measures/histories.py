"""What the server keeps of executions: which there were, their size, what is billed of them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

_POLL_SECONDS = 0.1
_LONGEST_SECONDS = 120.0

Handle = WorkflowHandle[Any, Any]

_ONE_ACTION = frozenset(
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


async def executions(client: Client, queue: str, since: datetime, messages: int) -> list[Handle]:
    """Wait for the executions that accepted so many messages, and return them.

    Args:
        client: It reads what the workers write.
        queue: Their task queue.
        since: When the first of them may have been started.
        messages: How many, of all of them together.

    Raises:
        TimeoutError: They did not, in time.
    """
    instant = since.astimezone(UTC).isoformat()
    query = f"TaskQueue = '{queue}' AND StartTime >= '{instant}'"
    accepted: dict[str, int] = {}
    async with asyncio.timeout(_LONGEST_SECONDS):
        while sum(accepted.values()) < messages:
            async for listed in client.list_workflows(query):
                if listed.id not in accepted:
                    output = await client.get_workflow_handle(listed.id).result()
                    accepted[listed.id] = output.get("accepted", 1)
            await asyncio.sleep(_POLL_SECONDS)
    return [client.get_workflow_handle(workflow_id) for workflow_id in accepted]


async def stored_bytes(handle: Handle) -> int:
    """The size of a closed execution's history, as the server itself counts it."""
    description = await handle.describe()
    return description.raw_description.workflow_execution_info.history_size_bytes


async def billable_actions(handle: Handle) -> int:
    """The actions of one execution, as Temporal's cloud bills them; heartbeats leave no event.

    A start, an activity and each of its retries, a timer, a signal: one each. The local activities
    of one workflow task: one together. A workflow task that only keeps the execution alive: one.
    """
    actions = 0
    previous = EventType.EVENT_TYPE_UNSPECIFIED
    tasks_with_local_activities = set()
    async for event in handle.fetch_history_events():
        if event.event_type in _ONE_ACTION:
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
